// The field Authorization: three schemes, whatever their letters' case, and nothing else.
#include "access/credentials.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

namespace pkgreg::access {
namespace {

Scheme scheme_of(std::string_view field) {
    return Credentials::parse(field).scheme;
}

TEST(Credentials, AreReadOfEveryScheme) {
    const Credentials basic = Credentials::parse("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    EXPECT_EQ(basic.scheme, Scheme::basic);
    EXPECT_EQ(basic.name, "Aladdin");
    EXPECT_EQ(basic.password, "open sesame");
    const Credentials bearer = Credentials::parse("bEARER  eyJ.a.b");
    EXPECT_EQ(bearer.scheme, Scheme::bearer);
    EXPECT_EQ(bearer.token, "eyJ.a.b");
    const Credentials dcos = Credentials::parse("token=eyJ.a.b");
    EXPECT_EQ(dcos.scheme, Scheme::dcos);
    EXPECT_EQ(dcos.token, "eyJ.a.b");
}

TEST(Credentials, MayHaveNoPaddingAndColonsInThePassword) {
    const Credentials basic = Credentials::parse("basic QWxhZGRpbjpvcGVuIHNlc2FtZQ");
    EXPECT_EQ(basic.name, "Aladdin");
    const Credentials colons = Credentials::parse("Basic YTpiOmM=");
    EXPECT_EQ(colons.name, "a");
    EXPECT_EQ(colons.password, "b:c");
    EXPECT_EQ(Credentials::parse("Basic Og==").scheme, Scheme::basic);  // both empty
    EXPECT_EQ(Credentials::parse("Basic /v8+:").scheme, Scheme::malformed);
}

TEST(Credentials, OfAnotherFormAreMalformed) {
    for (const std::string_view field :
         {"", "Basic", "Basic ", "Basic YWxpY2U=", "Basic !!!!", "Basic a", "Basic YTpi YTpi",
          "Basic YTpi===", "Bearer", "Bearer ", "Bearer a b", "Bearer\ta", "token=", "token=a b",
          "Digest username=\"a\"", "eyJ.a.b", "Basic\xc2\xa0YTpi",
          "Basic YQo6Yg==", "Basic AGE6Yg=="}) {
        EXPECT_EQ(scheme_of(field), Scheme::malformed) << field;
    }
}

TEST(Credentials, ComeInOneField) {
    const std::array<HeaderField, 2> fields = {HeaderField{"authorization", "Basic YTpi"},
                                               HeaderField{"Authorization", "Bearer x"}};
    HttpRequest request;
    EXPECT_EQ(Credentials::of(request).scheme, Scheme::none);
    request.headers = std::span(fields).first(1);
    EXPECT_EQ(Credentials::of(request).scheme, Scheme::basic);
    request.headers = fields;
    EXPECT_EQ(Credentials::of(request).scheme, Scheme::malformed);
}

}  // namespace
}  // namespace pkgreg::access

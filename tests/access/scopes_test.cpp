// Scopes and the claim `access`, as the Docker token specification writes them.
#include "access/scopes.hpp"

#include "pkgreg/error.hpp"

#include "base/json.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pkgreg::access {
namespace {

TEST(Scopes, AreReadByTypeNameAndActions) {
    EXPECT_EQ(parse_scope("repository:team/app:pull,push"),
              (Grant{ResourceKind::repository, "team/app", Action::pull | Action::push}));
    EXPECT_EQ(parse_scope("repository(plugin):app:delete"),
              (Grant{ResourceKind::repository, "app", Action::delete_}));
    EXPECT_EQ(parse_scope("repository:host:5000/app:*"),
              (Grant{ResourceKind::repository, "host:5000/app",
                     Action::pull | Action::push | Action::delete_}));
    EXPECT_EQ(parse_scope("registry:catalog:*"),
              (Grant{ResourceKind::catalog, "catalog", Action::list}));
    EXPECT_EQ(parse_scope("package:cassandra:pull,administer"),
              (Grant{ResourceKind::package, "cassandra", Action::pull | Action::administer}));
    EXPECT_EQ(parse_scope("package:*:*"),
              (Grant{ResourceKind::package, "*", Action::pull | Action::administer}));
    EXPECT_EQ(parse_scope("repository:a:pull,unknown,,pull"),
              (Grant{ResourceKind::repository, "a", Action::pull}));
}

TEST(Scopes, OfOtherFormsAreNone) {
    for (const std::string_view text :
         {"", ":", "::", "repository", "repository:a", "repository::pull", "repository:a:",
          "repository:a:PULL", "repository:a:list", "repository:a:administer", "Repository:a:pull",
          "registry:other:*", "registry:catalog:pull", "package:a:push", "other:a:pull"}) {
        EXPECT_EQ(parse_scope(text), std::nullopt) << text;
    }
}

TEST(Scopes, AreWrittenAsTheyAreRead) {
    const std::vector<Grant> grants = {
        {ResourceKind::repository, "team/app", Action::pull | Action::push},
        {ResourceKind::package, "cass\"andra", Action::pull | Action::administer},
        {ResourceKind::catalog, "catalog", Action::list},
    };
    EXPECT_EQ(parse_access(parse_json(access_json(grants), "claim")), grants);
    EXPECT_EQ(access_json(std::span(grants).first(1)),
              R"([{"type":"repository","name":"team/app","actions":["pull","push"]}])");
    EXPECT_EQ(access_json({}), "[]");
    EXPECT_EQ(scope_text(grants),
              "repository:team/app:pull,push package:cass\"andra:pull,administer "
              "registry:catalog:*");
}

TEST(Scopes, OfTokensLeaveOutWhatIsNotKnown) {
    const auto read = [](const std::string& json) {
        return parse_access(parse_json("{\"access\":" + json + "}", "c").members[0].value);
    };
    EXPECT_TRUE(read("null").empty());
    EXPECT_TRUE(read("[]").empty());
    EXPECT_TRUE(read(R"([{"type":"future","name":"a","actions":["pull"]}])").empty());
    EXPECT_TRUE(read(R"([{"type":"repository","name":"a","actions":null}])").empty());
    EXPECT_TRUE(read(R"([{"type":"repository","name":"a"}])").empty());
    EXPECT_TRUE(read(R"([{"type":"repository","name":"a","actions":["fly"]}])").empty());
    EXPECT_EQ(read(R"([{"type":"repository","class":"","name":"a","actions":["fly","pull"]}])"),
              (std::vector<Grant>{{ResourceKind::repository, "a", Action::pull}}));
    for (const std::string json :
         {"7", "{}", "[7]", R"([{"name":"a","actions":[]}])", R"([{"type":"repository"}])",
          R"([{"type":"repository","name":7}])",
          R"([{"type":"repository","name":"a","actions":"pull"}])",
          R"([{"type":"repository","name":"a","actions":[7]}])"}) {
        EXPECT_THROW(read(json), Error) << json;
    }
}

}  // namespace
}  // namespace pkgreg::access

// What a client is told: formats by Accept and release, codings by Accept-Encoding.
#include "pkgreg/dcos/universe.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

namespace pkgreg {
namespace {

const std::string type = "application/vnd.dcos.universe.repo+json";

std::string accepted(std::string_view accept) {
    const auto format = highest_accepted(accept);
    return format ? std::string(content_type(*format).substr(type.size())) : "none";
}
const std::string v3 = ";charset=utf-8;version=v3";
const std::string v4 = ";charset=utf-8;version=v4";
const std::string v5 = ";charset=utf-8;version=v5";

TEST(Negotiation, TheHighestFormatOfAcceptCounts) {
    EXPECT_EQ(accepted(type + v3), v3);
    EXPECT_EQ(accepted(type + v4), v4);
    EXPECT_EQ(accepted(type + v5), v5);
    EXPECT_EQ(accepted(type + v3 + ", " + type + v4), v4);
    EXPECT_EQ(accepted(type + v5 + "," + type + v4 + "," + type + v3), v5);
    EXPECT_EQ(accepted(""), v5);
    EXPECT_EQ(accepted("*/*"), v5);
    EXPECT_EQ(accepted("application/*"), v5);
    EXPECT_EQ(accepted("application/json"), v5);
    EXPECT_EQ(accepted("text/html, */*;q=0.1"), v5);
    EXPECT_EQ(accepted(type), v5);
    EXPECT_EQ(accepted(type + v3 + ";q=0.9, " + type + v4 + ";q=0.1"), v4);
}

TEST(Negotiation, SpellingIsTakenAsItComes) {
    EXPECT_EQ(accepted("Application/VND.DCOS.Universe.Repo+JSON; Version=V4 ; charset=\"utf-8\""),
              v4);
    EXPECT_EQ(accepted(type + ";version=\"v3\";q=\"0.5\""), v3);
    EXPECT_EQ(accepted(" , " + type + " ;\tversion=v4;charset=latin1,,"), v4);
    EXPECT_EQ(accepted(type + ";note=\"a,b;version=v5\";version=v3"), v3);
    EXPECT_EQ(accepted(type + v4 + ";q=high"), v4);
    EXPECT_EQ(accepted(type + v4 + ";q="), v4);
}

TEST(Negotiation, WhatIsExcludedIsNotTaken) {
    EXPECT_EQ(accepted(type + v5 + ";q=0, */*"), v4);
    EXPECT_EQ(accepted("*/*, " + type + v5 + ";q=0.000"), v4);
    EXPECT_EQ(accepted(type + v5 + ";q=0, " + type + v3), v3);
    EXPECT_EQ(accepted("*/*;q=0"), "none");
    EXPECT_EQ(accepted("text/html"), "none");
    EXPECT_EQ(accepted(type + ";version=v2"), "none");
    EXPECT_EQ(accepted(type + ";version=v6"), "none");
    EXPECT_EQ(accepted(type + ";version=v6, " + type + v3), v3);
    EXPECT_EQ(accepted("\"" + type + v5), "none");
}

TEST(Negotiation, TheReleaseLimitsTheFormat) {
    const auto format = [](std::string_view accept, std::string_view agent) {
        return negotiate_repository(accept, agent).value().format;
    };
    using F = RepositoryFormat;
    EXPECT_EQ(format("*/*", "cosmos/1 dcos/1.8"), F::v3);
    EXPECT_EQ(format("*/*", "cosmos/1 dcos/1.9"), F::v3);
    EXPECT_EQ(format("*/*", "cosmos/1 dcos/1.9.4"), F::v3);
    EXPECT_EQ(format("*/*", "cosmos/1 dcos/1.10-dev"), F::v4);
    EXPECT_EQ(format("*/*", "cosmos/1 dcos/1.11.99"), F::v4);
    EXPECT_EQ(format("*/*", "cosmos/1 dcos/1.12"), F::v5);
    EXPECT_EQ(format("", "dcos/2.0"), F::v5);
    EXPECT_EQ(format("", ""), F::v5);
    EXPECT_EQ(format(type + v3, "dcos/2.0"), F::v3);
    EXPECT_EQ(format(type + v5, "dcos/1.9"), F::v3);
    EXPECT_EQ(format(type + v4, "curl/8"), F::v4);
    EXPECT_EQ(format("*/*", "dcos/0.1"), F::v3);
    EXPECT_FALSE(negotiate_repository("text/plain", "dcos/2.0"));
}

TEST(Negotiation, AnUnknownReleaseIsTheNewest) {
    for (const char* agent : {"", "curl/8", "dcos/unknown"}) {
        const auto form = negotiate_repository("", agent);
        EXPECT_GE(form->release, ReleaseVersion::parse("2.2.1")) << agent;
        EXPECT_LT(form->release, ReleaseVersion::parse("2.3")) << agent;
    }
    EXPECT_EQ(negotiate_repository("", "dcos/1.13.5")->release, ReleaseVersion::parse("1.13.5"));
}

TEST(Negotiation, TheBestCodingIsChosen) {
    using C = ContentCoding;
    EXPECT_EQ(choose_coding(""), C::identity);
    EXPECT_EQ(choose_coding("gzip"), C::gzip);
    EXPECT_EQ(choose_coding("x-gzip"), C::gzip);
    EXPECT_EQ(choose_coding("gzip, deflate, br, zstd"), C::zstd);
    EXPECT_EQ(choose_coding("GZIP;q=1.0, zstd;q=0.5"), C::gzip);
    EXPECT_EQ(choose_coding("identity"), C::identity);
    EXPECT_EQ(choose_coding("identity, gzip;q=0.5"), C::identity);
    EXPECT_EQ(choose_coding("deflate, br"), C::identity);
    EXPECT_EQ(choose_coding("*"), C::zstd);
    EXPECT_EQ(choose_coding("*, zstd;q=0"), C::gzip);
    EXPECT_EQ(choose_coding("gzip;q=0"), C::identity);
    EXPECT_EQ(choose_coding("gzip;q=0.001"), C::gzip);
    EXPECT_EQ(choose_coding("identity;q=0, *;q=0"), C::identity);
}

}  // namespace
}  // namespace pkgreg

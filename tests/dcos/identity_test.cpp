// Release versions and package coordinates.
#include "pkgreg/dcos/coordinate.hpp"
#include "pkgreg/dcos/release_version.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pkgreg {
namespace {

TEST(ReleaseVersion, ComparesNumberByNumber) {
    const auto v = [](const char* text) { return ReleaseVersion::parse(text); };
    EXPECT_LT(v("1.9"), v("1.10"));
    EXPECT_LT(v("1.9.4"), v("1.10"));
    EXPECT_LT(v("2.0"), v("10"));
    EXPECT_EQ(v("1.10"), v("1.10.0"));
    EXPECT_LT(v("1.10"), v("1.10.0.1"));
    EXPECT_GT(v("2"), v("1.99.99"));
    EXPECT_LT(v("99999999999999999998"), v("99999999999999999999"));
    EXPECT_LT(v("9"), v("99999999999999999999"));
    EXPECT_EQ(ReleaseVersion(), v("0"));
}

TEST(ReleaseVersion, TakesOnlyNumbersWithoutLeadingZerosAndDots) {
    for (const char* good : {"0", "0.0", "1.10", "2.1.3.4", "9999"}) {
        EXPECT_TRUE(ReleaseVersion::is_valid(good)) << good;
    }
    for (const char* bad :
         {"", ".", "1.", ".1", "1..2", "01", "1.02", "1.x", "1.10-dev", " 1", "-1"}) {
        EXPECT_FALSE(ReleaseVersion::is_valid(bad)) << bad;
    }
    EXPECT_THROW(ReleaseVersion::parse("1.x"), Error);
}

TEST(ReleaseVersion, IsReadFromAUserAgentAndSuffixesAreIgnored) {
    const auto read = [](const char* agent) {
        const auto release = ReleaseVersion::from_user_agent(agent);
        return release ? release->str() : std::string("none");
    };
    EXPECT_EQ(read("cosmos/0.4.1 dcos/1.9.4"), "1.9.4");
    EXPECT_EQ(read("dcos/1.14-dev"), "1.14");
    EXPECT_EQ(read("cosmos/1\tdcos/2.0.0-beta1 other/3"), "2.0.0");
    EXPECT_EQ(read("dcos/1.9."), "1.9");
    EXPECT_EQ(read("curl/7.88.1"), "none");
    EXPECT_EQ(read("dcos/"), "none");
    EXPECT_EQ(read("dcos/dev"), "none");
    EXPECT_EQ(read("notdcos/1.9"), "none");
    EXPECT_EQ(read(""), "none");
}

TEST(ReleaseVersion, FormatsGoByTheFirstTwoNumbers) {
    EXPECT_EQ(ReleaseVersion::parse("1.9.4").major_minor().str(), "1.9");
    EXPECT_EQ(ReleaseVersion::parse("1.10").major_minor().str(), "1.10");
    EXPECT_EQ(ReleaseVersion::parse("2").major_minor().str(), "2");
}

constexpr const char* documented =
    "pmrg4ylnmurduitqmfrwwylhmuwxezlhnfzxi4tzeiwce5tfojzws33oei5cembogixdcljqfyzc4mjnguydoljvmizgky"
    "zwgarh2";

TEST(PackageCoordinate, ReadsAndWritesTheDocumentedExample) {
    const auto coordinate = PackageCoordinate::try_decode(documented);
    ASSERT_TRUE(coordinate);
    EXPECT_EQ(coordinate->name().str(), "package-registry");
    EXPECT_EQ(coordinate->version().str(), "0.2.1-0.2.1-507-5b2ec60");
    EXPECT_EQ(coordinate->json(),
              R"({"name":"package-registry","version":"0.2.1-0.2.1-507-5b2ec60"})");
    EXPECT_EQ(coordinate->encoded(), documented);
}

TEST(PackageCoordinate, RoundTripsAtEveryLength) {
    for (std::size_t n = 2; n <= PackageName::max_length; n += 3) {
        for (std::size_t m : {std::size_t{1}, n % 7 + 1, PackageVersion::max_length}) {
            const PackageCoordinate coordinate(PackageName::parse(std::string(n, 'a')),
                                               PackageVersion::parse(std::string(m, '9')));
            const auto read = PackageCoordinate::try_decode(coordinate.encoded());
            ASSERT_TRUE(read) << n << " " << m;
            EXPECT_EQ(*read, coordinate);
        }
    }
}

TEST(PackageCoordinate, HasOneSpellingOnly) {
    const std::string good = documented;
    std::vector<std::string> bad = {
        "", "a", good + "=", good + "a", good.substr(1), good + "aaaaaaa"};
    bad.push_back(good);
    bad.back()[0] = 'P';
    // The last digit has two bits that no byte needs; they must be zero.
    bad.push_back(good.substr(0, good.size() - 1) + "3");
    bad.push_back(std::string(10000, 'a'));
    for (const std::string& text : bad) EXPECT_FALSE(PackageCoordinate::try_decode(text)) << text;
    EXPECT_THROW(PackageCoordinate::decode("!"), Error);

    for (const char* json :
         {R"({"version":"1","name":"kafka"})", R"({"name": "kafka","version":"1"})",
          R"({"name":"Kafka","version":"1"})", R"({"name":"kafka","version":""})",
          R"({"name":"kafka","version":"1"} )", R"({"name":"kafka","version":"1","x":"2"})",
          R"({"name":"kafk\u0061","version":"1"})", R"({"name":"kafka","version":".."})",
          R"({"name":"ka","version":"})", R"({"name":"ka"})", ""}) {
        EXPECT_FALSE(PackageCoordinate::try_parse_json(json)) << json;
    }
}

TEST(PackageName, FollowsTheSchema) {
    for (const char* good : {"aa", "a1", "kafka", "a-b", "a--9"}) {
        EXPECT_TRUE(PackageName::is_valid(good)) << good;
    }
    for (const char* bad : {"", "a", "1a", "-a", "a-", "Kafka", "a_b", "a.b", "ka/fka", "ka fka"}) {
        EXPECT_FALSE(PackageName::is_valid(bad)) << bad;
    }
    EXPECT_FALSE(PackageName::is_valid(std::string(256, 'a')));
    EXPECT_TRUE(PackageVersion::is_valid("..."));
    for (const char* bad : {"", ".", "..", "1_0", "1/0", "1+0", "v 1"}) {
        EXPECT_FALSE(PackageVersion::is_valid(bad)) << bad;
    }
}

}  // namespace
}  // namespace pkgreg

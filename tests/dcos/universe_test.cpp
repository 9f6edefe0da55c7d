// Repository documents: which packages are in them, in which form, and how they are kept.
#include "pkgreg/dcos/universe.hpp"

#include "pkgreg/dcos/universe_import.hpp"
#include "pkgreg/error.hpp"

#include "dcos/shared_data.hpp"
#include "dcos/universe_package.hpp"
#include "dcos/verbatim_json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>
#include <zlib.h>

namespace pkgreg {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const fs::path data = PKGREG_DCOS_TEST_DATA;
const char* const releases[] = {"1.8", "1.9", "1.10", "1.11", "1.13", "2.0"};

std::string read_file(const fs::path& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

std::string unzstd(std::string_view bytes) {
    std::string text;
    const auto size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
    if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN) {
        throw std::runtime_error("not a zstd frame with a size");
    }
    text.resize(size);
    const auto n = ZSTD_decompress(text.data(), text.size(), bytes.data(), bytes.size());
    if (ZSTD_isError(n) || n != size) throw std::runtime_error("broken zstd frame");
    return text;
}

/// Reads one gzip member and nothing behind it, as Java's reader does.
std::string gunzip_one_member(std::string_view bytes) {
    z_stream stream{};
    inflateInit2(&stream, 15 + 16);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    std::string text;
    char buffer[65536];
    int result = Z_OK;
    while (result == Z_OK) {
        stream.next_out = reinterpret_cast<Bytef*>(buffer);
        stream.avail_out = sizeof buffer;
        result = inflate(&stream, Z_NO_FLUSH);
        text.append(buffer, sizeof buffer - stream.avail_out);
    }
    const bool whole = result == Z_STREAM_END && stream.avail_in == 0;
    inflateEnd(&stream);
    if (!whole) throw std::runtime_error("not exactly one gzip member");
    return text;
}

/// Where two JSON values differ in meaning: order of members, spelling of strings and numbers do
/// not count. Empty: nowhere.
std::string difference(JsonNode a, JsonNode b) {
    if (a.type() != b.type()) return ": types differ";
    switch (a.type()) {
        case JsonKind::object: {
            std::map<std::string_view, JsonNode> others;
            for (const JsonNode member : b.children()) others.emplace(member.key(), member);
            for (const JsonNode member : a.children()) {
                const auto other = others.find(member.key());
                const std::string at = "." + std::string(member.key());
                if (other == others.end()) return at + ": only in the first";
                const std::string inner = difference(member, other->second);
                if (!inner.empty()) return at + inner;
                others.erase(other);
            }
            if (others.empty()) return {};
            return "." + std::string(others.begin()->first) + ": only in the second";
        }
        case JsonKind::array: {
            auto other = b.begin_children();
            std::size_t i = 0;
            for (const JsonNode element : a.children()) {
                const std::string at = "[" + std::to_string(i++) + "]";
                if (other == b.end_children()) return at + ": only in the first";
                const std::string inner = difference(element, *other);
                if (!inner.empty()) return at + inner;
                ++other;
            }
            return other == b.end_children() ? "" : ": the second is longer";
        }
        case JsonKind::string:
            return a.string() == b.string()
                       ? ""
                       : ": " + std::string(a.raw()) + " is not " + std::string(b.raw());
        case JsonKind::number:
            return std::strtod(std::string(a.raw()).c_str(), nullptr) ==
                           std::strtod(std::string(b.raw()).c_str(), nullptr)
                       ? ""
                       : ": " + std::string(a.raw()) + " is not " + std::string(b.raw());
        default: return a.raw() == b.raw() ? "" : ": values differ";
    }
}

std::vector<UniversePackage> packages_in(const fs::path& folder,
                                         const UniversePackage::Locator& locator = {}) {
    std::vector<UniversePackage> packages;
    for (const fs::path& revision_folder : find_package_folders(folder)) {
        std::vector<Problem> problems;
        const auto revision = read_package_folder(revision_folder, problems);
        if (!revision) continue;
        packages.emplace_back(revision->metadata, *revision->release_version, revision->selected,
                              locator);
    }
    return packages;
}

RepositoryForm form_for(std::string_view release) {
    return *negotiate_repository("", "cosmos/1 dcos/" + std::string(release));
}

/// Compares the packages of two documents, but for those of packaging 2.0 in `expected`.
void expect_same_packages(const std::string& made, const std::string& expected) {
    const JsonText made_json(made);
    const JsonText expected_json(expected);
    using Key = std::pair<std::string, std::string>;
    const auto key_of = [](JsonNode package) {
        return Key(package.find("name")->string(), package.find("releaseVersion")->raw());
    };
    std::map<Key, JsonNode> wanted;
    for (const JsonNode package : expected_json.root().find("packages")->children()) {
        if (package.find("packagingVersion")->string() != "2.0") {
            wanted.emplace(key_of(package), package);
        }
    }
    EXPECT_FALSE(wanted.empty());
    for (const JsonNode package : made_json.root().find("packages")->children()) {
        const Key key = key_of(package);
        const auto found = wanted.find(key);
        if (found == wanted.end()) {
            ADD_FAILURE() << key.first << " " << key.second << " should not be listed";
            continue;
        }
        EXPECT_EQ(difference(package, found->second), "") << key.first << " " << key.second;
        wanted.erase(found);
    }
    for (const auto& [key, package] : wanted) {
        ADD_FAILURE() << key.first << " " << key.second << " is missing";
    }
}

std::string plain(UniverseDocuments& documents, const UniverseDocuments::Request& request) {
    return documents.get(request).text.str();
}

TEST(RepositoryDocument, EveryReleaseGetsItsPackagesInItsForm) {
    UniverseDocuments documents;
    documents.set_packages(packages_in(data / "packages"));
    for (const char* release : releases) {
        SCOPED_TRACE(release);
        const auto document = documents.get({form_for(release)});
        expect_same_packages(
            document.text.str(),
            read_file(data / "expected" / (std::string("repo-up-to-") + release + ".json")));
    }
}

TEST(RealPackages, EveryReleaseGetsWhatTheUniverseServerGave) {
    const auto universe = test::universe_folder(
        "comparison of 159 real packages with the Universe server's documents for six releases");
    if (!universe) return;
    UniverseDocuments documents;
    documents.set_packages(packages_in(*universe / "packages"));
    for (const char* release : releases) {
        SCOPED_TRACE(release);
        const fs::path expected = *universe / "expected" / (std::string("repo-up-to-") + release);
        const auto document = documents.get({form_for(release)});
        expect_same_packages(document.text.str(),
                             unzstd(read_file(expected.string() + ".json.zst")));
        EXPECT_EQ(document.content_type, read_file(expected.string() + ".content_type"));
    }
}

PackageMetadata metadata(const std::string& name, const std::string& version,
                         const std::string& fields = "", const std::string& packaging = "4.0") {
    return PackageMetadata::parse(
        R"({"packagingVersion":")" + packaging + R"(","name":")" + name + R"(","version":")" +
        version + R"(","maintainer":"m","description":"d","tags":[])" + fields + "}");
}

const char* const two_assets =
    R"(,"resource": {"assets": {"uris": {"jar": "https://x/jar", "other" : "https://x/other"},)"
    R"("container":{"docker":{"main":"main:1"}}}})";

/// As a registry does it: the jar and the image are bundled, the other URL stays.
std::optional<ServedAsset> bundled(const Asset& asset) {
    if (asset.name == "jar")
        return ServedAsset{ServedAsset::Base::resource_base, "/resource/c/jar"};
    if (asset.name == "main") return ServedAsset{ServedAsset::Base::image_host, "/main@sha256:ab"};
    return std::nullopt;
}

RegistryAddress at(const std::string& host) {
    return {"https://" + host, host};
}

TEST(RepositoryDocument, TokensArePassedOnByteForByte) {
    UniverseDocuments documents;
    documents.set_packages({UniversePackage(
        metadata("aa", "1",
                 " , \"lastUpdated\":1.50e3,\n\t\"config\":{\"n \" : [ 1e999, \"\\u0041 \\/\" ]}"),
        7, true, {})});
    EXPECT_EQ(
        plain(documents, {}),
        R"({"packages":[{"packagingVersion":"4.0","name":"aa","version":"1","maintainer":"m",)"
        R"("description":"d","tags":[],"lastUpdated":1.50e3,)"
        R"("config":{"n ":[1e999,"\u0041 \/"]},"releaseVersion":7,"selected":true}]})");
    documents.set_packages({});
    EXPECT_EQ(plain(documents, {}), R"({"packages":[]})");
}

TEST(UniversePackage, ComesBackFromItsRecord) {
    const UniversePackage package(
        metadata("aa", "1", std::string(two_assets) + R"(,"minDcosReleaseVersion":"1.8")"), 42,
        true, bundled);
    const auto record = std::make_shared<const std::string>(package.record());
    const UniversePackage again(record, *record);
    EXPECT_EQ(again.coordinate(), package.coordinate());
    EXPECT_EQ(again.release_version(), 42U);
    EXPECT_EQ(again.min_release(), ReleaseVersion::parse("1.8"));
    EXPECT_EQ(again.metadata(), package.metadata());
    EXPECT_THAT(again.metadata(), HasSubstr("https://x/jar"));
    UniverseDocuments documents;
    documents.set_packages({package});
    UniverseDocuments others;
    others.set_packages({again});
    for (const char* release : releases) {
        const UniverseDocuments::Request request{form_for(release), at("h:443")};
        EXPECT_EQ(plain(documents, request), plain(others, request));
        EXPECT_EQ(documents.get(request).etag, others.get(request).etag);
    }
}

TEST(UniversePackage, ADamagedRecordIsRefused) {
    const UniversePackage package(metadata("aa", "1", two_assets), 1, {}, bundled);
    const std::string good(package.record());
    const auto code_of = [](std::string record) {
        try {
            const auto bytes = std::make_shared<const std::string>(std::move(record));
            UniversePackage(bytes, *bytes);
            return ErrorCode::ok;
        } catch (const Error& error) {
            return error.code();
        }
    };
    EXPECT_EQ(code_of(good), ErrorCode::ok);
    for (std::size_t size = 0; size < good.size(); ++size) {
        EXPECT_NE(code_of(good.substr(0, size)), ErrorCode::ok) << size;
    }
    EXPECT_EQ(code_of(good + "x"), ErrorCode::corrupt);
    std::string other = good;
    ++other[other.find('1')];
    EXPECT_EQ(code_of(other), ErrorCode::incompatible);
    // Whatever else is changed, nothing outside the record is read.
    for (std::size_t i = 17; i < good.size(); ++i) {
        std::string changed = good;
        changed[i] = static_cast<char>(changed[i] ^ 0x80);
        code_of(std::move(changed));
    }
}

TEST(RepositoryDocument, AssetsOfTheRegistryFollowTheAddressOfWhoAsks) {
    UniverseDocuments documents;
    documents.set_packages({UniversePackage(metadata("aa", "1", two_assets), 0, {}, bundled)});
    const auto expected = [](const std::string& host) {
        return R"("resource":{"assets":{"uris":{"jar":"https://)" + host +
               R"(/resource/c/jar","other":"https://x/other"},"container":{"docker":{"main":")" +
               host + R"(/main@sha256:ab"}}}},"releaseVersion":0)";
    };
    const UniverseDocuments::Request first{{}, at("a.example:443")};
    const UniverseDocuments::Request second{{}, at("registry.b.example:5000")};
    EXPECT_THAT(plain(documents, first), HasSubstr(expected("a.example:443")));
    EXPECT_THAT(plain(documents, second), HasSubstr(expected("registry.b.example:5000")));
    EXPECT_NE(documents.get(first).etag, documents.get(second).etag);
    EXPECT_EQ(documents.get(first).text.size(), plain(documents, first).size());
    // What a Host header can hold cannot break out of the string it is put into.
    const UniverseDocuments::Request hostile{{}, {"https://a\"},", "a\"b\\"}};
    EXPECT_NO_THROW(JsonText(plain(documents, hostile)));
    EXPECT_EQ(documents.get(hostile).text.size(), plain(documents, hostile).size());
}

TEST(RepositoryDocument, FormatsDifferAsTheirReadersDo) {
    UniverseDocuments documents;
    const std::string fields = R"(,"manager":{"packageName":"bb"},"upgradesFrom":["*"])";
    documents.set_packages({UniversePackage(metadata("aa", "5", fields, "5.0"), 0, {}, {}),
                            UniversePackage(metadata("aa", "4"), 1, {}, {})});
    const auto get = [&](const char* accept, const char* agent) {
        return plain(documents, {*negotiate_repository(accept, agent)});
    };
    const auto only = [](const char* version) {
        return "application/vnd.dcos.universe.repo+json;version=" + std::string(version);
    };
    EXPECT_THAT(get(only("v5").c_str(), ""), HasSubstr(R"("manager":{"packageName":"bb"})"));
    EXPECT_THAT(get(only("v4").c_str(), ""), Not(HasSubstr(R"("version":"5")")));
    EXPECT_THAT(get(only("v4").c_str(), ""), HasSubstr(R"("version":"4")"));
    const std::string v3 = get(only("v3").c_str(), "");
    EXPECT_THAT(v3, HasSubstr(R"("version":"5")"));
    EXPECT_THAT(v3, Not(HasSubstr("manager")));
    EXPECT_THAT(v3, HasSubstr(R"("packagingVersion":"5.0")"));
    const std::string old = get("", "dcos/1.9");
    EXPECT_THAT(old, Not(HasSubstr("manager")));
    EXPECT_THAT(old, Not(HasSubstr("upgradesFrom")));
    EXPECT_THAT(old, Not(HasSubstr("\"5.0\"")));
    EXPECT_THAT(old, Not(HasSubstr("\"4.0\"")));
}

TEST(RepositoryDocument, ReleasesDecideWhatIsListed) {
    UniverseDocuments documents;
    const auto package = [](const char* version, const char* release) {
        return UniversePackage(
            metadata("aa", version, R"(,"minDcosReleaseVersion":")" + std::string(release) + "\""),
            0, {}, {});
    };
    documents.set_packages({package("a", "0.0"), package("b", "1.10"), package("c", "1.10.2"),
                            package("d", "2.2.5"), package("e", "999")});
    const auto listed = [&](const char* agent) {
        std::string versions;
        const JsonText document(plain(documents, {*negotiate_repository("", agent)}));
        for (const JsonNode each : document.root().find("packages")->children()) {
            versions.append(each.find("version")->string());
        }
        return versions;
    };
    EXPECT_EQ(listed("dcos/1.9"), "a");
    EXPECT_EQ(listed("dcos/1.9.99"), "a");
    EXPECT_EQ(listed("dcos/1.10"), "ab");
    EXPECT_EQ(listed("dcos/1.10.0"), "ab");
    EXPECT_EQ(listed("dcos/1.10.2-dev"), "abc");
    EXPECT_EQ(listed("dcos/2.2"), "abc");
    EXPECT_EQ(listed(""), "abcd");
    EXPECT_EQ(listed("dcos/999"), "abcde");
    EXPECT_EQ(listed("dcos/0"), "a");
}

TEST(RepositoryDocument, OfOnePackageHasItsVersionsOnly) {
    UniverseDocuments documents;
    documents.set_packages({UniversePackage(metadata("bb", "2"), 5, {}, {}),
                            UniversePackage(metadata("aa", "1"), 0, {}, {}),
                            UniversePackage(metadata("bb", "1"), 4, {}, {}),
                            UniversePackage(metadata("bb-c", "1"), 0, {}, {})});
    UniverseDocuments::Request request;
    request.name = PackageName::parse("bb");
    const std::string text = plain(documents, request);
    EXPECT_THAT(text, Not(HasSubstr("\"aa\"")));
    EXPECT_THAT(text, Not(HasSubstr("\"bb-c\"")));
    EXPECT_LT(text.find(R"("version":"1")"), text.find(R"("version":"2")"));
    request.name = PackageName::parse("cc");
    EXPECT_THROW(documents.get(request), Error);
}

TEST(UnderescapedQuotes, AreFoundAsTheRegularExpressionFindsThem) {
    // Each as the text of a JSON string, and what it must become; see the description of
    // underescaped_quotes.
    const std::pair<const char*, const char*> cases[] = {
        {R"("")", R"("")"},
        {R"("a")", R"("a")"},
        {R"("\"")", R"("\"")"},
        {R"("\"\"")", R"("\"\\\"")"},
        {R"("\"\"\"")", R"("\"\\\"\"")"},
        {R"("a\"\"")", R"("a\\\"\"")"},
        {R"("a\"b\"")", R"("a\\\"b\\\"")"},
        {R"("\\\"")", R"("\\\"")"},
        {R"("a\\\\\"")", R"("a\\\\\"")"},
        {R"("\n\"")", R"("\n\\\"")"},
        {R"("\u0022\u0022")", R"("\u0022\\\u0022")"},
        {R"("\u005C\"")", R"("\u005C\"")"},
        {R"("\ud83d\ude00\"")", R"("\ud83d\ude00\\\"")"},
        {"\"\xc3\xa9\\\"\"", "\"\xc3\xa9\\\\\\\"\""},
    };
    for (const auto& [before, after] : cases) {
        std::string text = before;
        const auto places = underescaped_quotes(text);
        for (auto place = places.rbegin(); place != places.rend(); ++place) {
            text.insert(*place, R"(\\)");
        }
        EXPECT_EQ(text, after) << before;
    }
}

UniverseDocuments::Request coded(ContentCoding coding, const std::string& host = "h") {
    return {{}, at(host), coding};
}

TEST(RepositoryDocument, CodedFormsAreTheSameText) {
    UniverseDocuments documents;
    auto packages = packages_in(data / "packages", bundled);
    packages.emplace_back(metadata("aa", "1", two_assets), 0, std::nullopt, bundled);
    documents.set_packages(std::move(packages));
    for (const char* release : releases) {
        for (const char* host : {"a.example:443", "b"}) {
            UniverseDocuments::Request request{form_for(release), at(host)};
            const auto document = documents.get(request);
            const std::string text = document.text.str();
            EXPECT_EQ(document.size, text.size());
            request.coding = ContentCoding::gzip;
            const auto gzip = documents.get(request);
            EXPECT_EQ(gunzip_one_member(*gzip.bytes), text);
            EXPECT_EQ(gzip.size, gzip.bytes->size());
            request.coding = ContentCoding::zstd;
            const auto zstd = documents.get(request);
            EXPECT_EQ(unzstd(*zstd.bytes), text);
            EXPECT_EQ(zstd.etag, document.etag);
            EXPECT_EQ(gzip.etag, document.etag);
        }
    }
}

TEST(RepositoryDocument, NamesItsContentInItsEtag) {
    const auto etag_of = [](std::vector<UniversePackage> packages, const char* agent = "") {
        UniverseDocuments documents;
        documents.set_packages(std::move(packages));
        return documents.get({*negotiate_repository("", agent)}).etag;
    };
    const auto one = [](std::uint64_t release, std::optional<bool> selected = {}) {
        return UniversePackage(metadata("aa", "1", R"(,"minDcosReleaseVersion":"1.8")"), release,
                               selected, {});
    };
    std::set<std::string> etags = {etag_of({one(0)}),
                                   etag_of({one(1)}),
                                   etag_of({one(0, true)}),
                                   etag_of({one(0, false)}),
                                   etag_of({}),
                                   etag_of({one(0)}, "dcos/1.9"),
                                   etag_of({one(0)}, "dcos/1.10")};
    EXPECT_EQ(etags.size(), 7U);
    EXPECT_EQ(etag_of({one(0)}), etag_of({one(0)}));
    // A release that lists the same in the same form gets the same document.
    EXPECT_EQ(etag_of({one(0)}, "dcos/1.13"), etag_of({one(0)}, "dcos/2.0.1"));
    for (const std::string& etag : etags) {
        EXPECT_EQ(etag.substr(0, 3), "W/\"");
        EXPECT_EQ(etag.back(), '"');
    }
}

TEST(UniverseDocuments, AChangeShowsAtOnceInEveryForm) {
    UniverseDocuments documents;
    const UniversePackage first(metadata("aa", "1", two_assets), 0, {}, bundled);
    const UniversePackage second(metadata("bb", "1", two_assets), 0, {}, bundled);
    documents.set_packages({first});
    const std::string before = documents.get(coded(ContentCoding::gzip)).etag;
    EXPECT_TRUE(documents.try_get(coded(ContentCoding::gzip)));
    documents.set_packages({first, second});
    EXPECT_FALSE(documents.try_get(coded(ContentCoding::gzip)));
    EXPECT_TRUE(documents.try_get(coded(ContentCoding::identity)));
    const auto gzip = documents.get(coded(ContentCoding::gzip));
    EXPECT_NE(gzip.etag, before);
    EXPECT_THAT(gunzip_one_member(*gzip.bytes), HasSubstr("\"bb\""));
    EXPECT_THAT(unzstd(*documents.get(coded(ContentCoding::zstd)).bytes), HasSubstr("\"bb\""));
    documents.set_packages({second});
    EXPECT_THAT(gunzip_one_member(*documents.get(coded(ContentCoding::gzip)).bytes),
                Not(HasSubstr("\"aa\"")));
}

TEST(UniverseDocuments, TheStrongestCompressionFollowsInTheBackground) {
    std::vector<std::function<void()>> jobs;
    const auto run = [&] {
        for (auto& job : std::exchange(jobs, {})) job();
    };
    {
        UniverseDocuments documents(UniverseDocuments::default_limit,
                                    [&](std::function<void()> job) { jobs.push_back(job); });
        std::vector<UniversePackage> packages;
        for (int i = 0; i < 200; ++i) {
            packages.emplace_back(metadata("aa", std::to_string(i), two_assets), i, std::nullopt,
                                  bundled);
        }
        documents.set_packages(packages);
        for (const ContentCoding coding : {ContentCoding::gzip, ContentCoding::zstd}) {
            const auto quick = documents.get(coded(coding));
            EXPECT_EQ(documents.get(coded(coding)).bytes, quick.bytes);
            EXPECT_EQ(jobs.size(), 1U);
            run();
            const auto strong = documents.get(coded(coding));
            EXPECT_NE(strong.bytes, quick.bytes);
            EXPECT_LE(strong.size, quick.size);
            EXPECT_EQ(strong.etag, quick.etag);
            EXPECT_EQ(coding == ContentCoding::gzip ? gunzip_one_member(*strong.bytes)
                                                    : unzstd(*strong.bytes),
                      strong.text.str());
        }
        // A job that comes too late does nothing.
        documents.get(coded(ContentCoding::gzip, "other"));
        documents.set_packages({packages[0]});
        run();
        EXPECT_FALSE(documents.try_get(coded(ContentCoding::gzip, "other")));
        documents.get(coded(ContentCoding::gzip));
    }
    run();
}

TEST(UniverseDocuments, WhatFewMaySeeIsCompressedStronglyWhenItIsAskedForAgain) {
    std::vector<std::function<void()>> jobs;
    UniverseDocuments documents(UniverseDocuments::default_limit,
                                [&](std::function<void()> job) { jobs.push_back(job); });
    std::vector<UniversePackage> packages;
    for (int i = 0; i < 200; ++i) {
        const std::string name = i % 2 == 0 ? "aa" : "bb";
        packages.emplace_back(metadata(name, std::to_string(i), two_assets), i, std::nullopt,
                              bundled);
    }
    documents.set_packages(packages);
    UniverseDocuments::Request request = coded(ContentCoding::gzip);
    request.visible = [](const PackageName& name) { return name.str() == "bb"; };
    const auto quick = documents.get(request);
    EXPECT_TRUE(jobs.empty());
    EXPECT_EQ(documents.get(request).bytes, quick.bytes);
    ASSERT_EQ(jobs.size(), 1U);
    documents.get(request);
    EXPECT_EQ(jobs.size(), 1U);
    std::exchange(jobs, {})[0]();
    const auto strong = documents.get(request);
    EXPECT_LT(strong.size, quick.size);
    EXPECT_EQ(gunzip_one_member(*strong.bytes), strong.text.str());
    EXPECT_TRUE(jobs.empty());
}

TEST(UniverseDocuments, StayWithinTheirLimitWhateverIsAskedFor) {
    constexpr std::size_t limit = 1 << 20;
    UniverseDocuments documents(limit);
    std::vector<UniversePackage> packages;
    std::string noise;
    std::uint32_t seed = 1;
    for (int i = 0; i < 100; ++i) {
        noise.clear();
        for (int j = 0; j < 1500; ++j)
            noise.push_back("abcdefghijklmnop"[(seed = seed * 1664525 + 1013904223) >> 28]);
        packages.emplace_back(
            metadata("aa", std::to_string(i),
                     std::string(two_assets) + R"(,"scm":")" + noise +
                         R"(","minDcosReleaseVersion":"1.)" + std::to_string(i % 20) + "\""),
            i, std::nullopt, bundled);
    }
    documents.set_packages(packages);
    const std::size_t alone = documents.held();
    ASSERT_LT(alone, limit / 2);
    for (int i = 0; i < 300; ++i) {
        UniverseDocuments::Request request = coded(i % 3 == 0   ? ContentCoding::identity
                                                   : i % 3 == 1 ? ContentCoding::gzip
                                                                : ContentCoding::zstd,
                                                   "host" + std::to_string(i));
        request.form = form_for("1." + std::to_string(i % 20));
        const auto document = documents.get(request);
        EXPECT_EQ(document.size != 0, true);
        ASSERT_LE(documents.held(), limit);
    }
    EXPECT_GT(documents.held(), alone);
    // Text that nearly fills the limit leaves room for one quarter more.
    UniverseDocuments small(alone);
    small.set_packages(packages);
    small.get(coded(ContentCoding::gzip));
    EXPECT_LE(small.held(), alone + alone / 4);
}

TEST(UniverseDocuments, MayBeUsedFromManyThreads) {
    std::vector<std::thread> background;
    std::mutex mutex;
    {
        UniverseDocuments documents(std::size_t{1} << 20, [&](std::function<void()> job) {
            const std::lock_guard lock(mutex);
            background.emplace_back(std::move(job));
        });
        std::vector<UniversePackage> packages;
        for (int i = 0; i < 30; ++i) {
            packages.emplace_back(metadata("aa", std::to_string(i), two_assets), i, std::nullopt,
                                  bundled);
        }
        documents.set_packages(packages);
        std::atomic<bool> done{false};
        std::vector<std::thread> readers;
        for (int t = 0; t < 4; ++t) {
            readers.emplace_back([&, t] {
                for (int i = 0; i < 60; ++i) {
                    const auto coding = static_cast<ContentCoding>((t + i) % 3);
                    const auto document = documents.get(coded(coding, "h" + std::to_string(i % 5)));
                    const std::string text = document.text.str();
                    if (coding == ContentCoding::gzip) {
                        EXPECT_EQ(gunzip_one_member(*document.bytes), text);
                    } else if (coding == ContentCoding::zstd) {
                        EXPECT_EQ(unzstd(*document.bytes), text);
                    }
                }
            });
        }
        std::thread writer([&] {
            for (std::size_t i = 0; !done; ++i) {
                documents.set_packages({packages.begin(), packages.begin() + 1 + i % 29});
                std::this_thread::sleep_for(std::chrono::milliseconds(2));
            }
        });
        for (std::thread& reader : readers) reader.join();
        done = true;
        writer.join();
    }
    for (std::thread& thread : background) thread.join();
}

}  // namespace
}  // namespace pkgreg

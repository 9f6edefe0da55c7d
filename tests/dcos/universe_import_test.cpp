// Package folders and repository documents of the Universe.
#include "pkgreg/dcos/universe_import.hpp"

#include "pkgreg/error.hpp"

#include "dcos/shared_data.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace pkgreg {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

const fs::path data = PKGREG_DCOS_TEST_DATA;

UniverseRevision read_good(const fs::path& folder) {
    std::vector<Problem> problems;
    auto revision = read_package_folder(folder, problems);
    if (!revision) throw std::runtime_error(to_string(problems));
    return *revision;
}

TEST(PackageFolder, BecomesADefinitionWithoutWhatBelongsToTheRepository) {
    const auto revision = read_good(data / "packages/H/hello/100");
    EXPECT_EQ(revision.metadata.coordinate().json(), R"({"name":"hello","version":"1.0.0-2"})");
    EXPECT_EQ(revision.release_version, 100U);
    EXPECT_EQ(revision.selected, true);
    const std::string_view text = revision.metadata.text();
    EXPECT_THAT(text, Not(HasSubstr("\"selected\"")));
    // Numbers and escapes are those of the files.
    EXPECT_THAT(text, HasSubstr("12345678901234567890123, \"minimum\": 1.0e0"));
    EXPECT_THAT(text, HasSubstr("\\u00e9veryone \\ud83d\\ude00"));
    EXPECT_THAT(text, HasSubstr(R"({"v2AppMustacheTemplate":"ewogICJpZCI6)"));
    EXPECT_EQ(revision.metadata.assets().size(), 9U);

    const auto old = read_good(data / "packages/H/hello/0");
    EXPECT_EQ(old.selected, false);
    EXPECT_THAT(old.metadata.text(), HasSubstr(R"("command": {"pip": [)"));
    EXPECT_EQ(read_good(data / "packages/M/managed/3").selected, std::nullopt);
    // A trailing slash does not hide the folder's number.
    EXPECT_EQ(read_good(data / "packages/M/managed/3/").release_version, 3U);
}

TEST(PackageFolder, OfAFieldThatIsThereTwiceTheLastCounts) {
    const auto revision = read_good(data / "packages/T/twice/0");
    EXPECT_THAT(revision.metadata.text(), HasSubstr("https://example.com/second"));
    EXPECT_THAT(revision.metadata.text(), Not(HasSubstr("https://example.com/first")));
}

TEST(PackageFolder, EveryProblemIsToldByFileAndField) {
    std::vector<Problem> problems;
    EXPECT_FALSE(read_package_folder(data / "broken/P/bad/x", problems));
    std::vector<std::string> found;
    for (const Problem& problem : problems) found.push_back(problem.file + ":" + problem.path);
    EXPECT_THAT(found,
                UnorderedElementsAre(
                    "package.json:selected", "package.json:config", "package.json:name",
                    "package.json:version", "package.json:tags[0]", "package.json:maintainer",
                    "resource.json:assets.uris.jar", "resource.json:cli.binaries.linux.x86-64.kind",
                    "resource.json:cli.binaries.linux.x86-64.contentHash",
                    "config.json:properties.a", "command.json:", "marathon.json.mustache:"))
        << to_string(problems);
}

TEST(PackageFolder, PackagingTwoIsRefusedByName) {
    std::vector<Problem> problems;
    EXPECT_FALSE(read_package_folder(data / "broken/P/ancient/0", problems));
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_EQ(problems[0].path, "packagingVersion");
    EXPECT_THAT(problems[0].message, HasSubstr("2.0 is not supported"));
}

TEST(PackageFolder, WhatCannotBeReadIsToldByFile) {
    std::vector<Problem> problems;
    EXPECT_FALSE(read_package_folder(data / "broken/P/torn/0", problems));
    EXPECT_FALSE(read_package_folder(data / "no such folder", problems));
    ASSERT_EQ(problems.size(), 2U);
    EXPECT_THAT(problems[0].str(), HasSubstr("package.json: not valid JSON at line 3"));
    EXPECT_EQ(problems[1].str(), "package.json: is missing");
}

TEST(PackageFolder, AllFoldersOfATreeAreFound) {
    std::vector<std::string> found;
    for (const fs::path& folder : find_package_folders(data / "packages")) {
        found.push_back(folder.lexically_relative(data / "packages").string());
    }
    EXPECT_THAT(found, ElementsAre("E/escapes/7", "H/hello/0", "H/hello/100", "M/managed/3",
                                   "M/managed/4", "M/managed/5", "T/twice/0"));
    EXPECT_THAT(find_package_folders(data / "packages/M/managed/3"),
                ElementsAre(data / "packages/M/managed/3"));
    EXPECT_THROW(find_package_folders(data / "no such folder"), Error);
}

TEST(Repository, GoodPackagesAreTakenAndBadOnesAreTold) {
    const std::string good =
        R"("packagingVersion":"4.0","maintainer":"m","description":"d","tags":[])";
    std::vector<Problem> problems;
    const auto revisions =
        read_repository(R"({"packages":[{"selected":true,)" + good +
                            R"(,"name":"aa","version":"1","releaseVersion":7}, 5,)"
                            R"({"name":"bb","version":"2",)" +
                            good +
                            R"(,"releaseVersion":-1,"x":0},)"
                            R"({"releaseVersion":0,"name":"cc","version":"3",)" +
                            good + "}]}",
                        problems);
    ASSERT_EQ(revisions.size(), 2U);
    EXPECT_EQ(revisions[0].metadata.text(), "{" + good + R"(,"name":"aa","version":"1"})");
    EXPECT_EQ(revisions[0].release_version, 7U);
    EXPECT_EQ(revisions[0].selected, true);
    EXPECT_EQ(revisions[1].release_version, 0U);
    EXPECT_EQ(revisions[1].selected, std::nullopt);
    std::vector<std::string> found;
    for (const Problem& problem : problems) found.push_back(problem.file + ":" + problem.path);
    EXPECT_THAT(found, ElementsAre("packages[1]:", "packages[2] (bb 2):releaseVersion",
                                   "packages[2] (bb 2):x"));
    for (const char* text : {"[]", "{}", R"({"packages":{}})", "{"}) {
        problems.clear();
        EXPECT_THAT(read_repository(text, problems), IsEmpty());
        EXPECT_EQ(problems.size(), 1U) << text;
    }
}

TEST(Repository, OfOneNameAndVersionTheNewestIsKept) {
    const auto revision = [](const char* version, std::optional<std::uint64_t> release) {
        return UniverseRevision{
            PackageMetadata::parse(
                R"({"packagingVersion":"4.0","maintainer":"m","description":"d","tags":[],)"
                R"("name":"aa","version":")" +
                std::string(version) + "\"}"),
            release};
    };
    std::vector<UniverseRevision> revisions = {revision("1", 3), revision("2", 4), revision("1", 9),
                                               revision("1", std::nullopt), revision("1", 5)};
    const auto superseded = take_superseded(revisions);
    ASSERT_EQ(revisions.size(), 2U);
    EXPECT_EQ(revisions[0].release_version, 4U);
    EXPECT_EQ(revisions[1].release_version, 9U);
    EXPECT_EQ(superseded.size(), 3U);
}

TEST(RealPackages, AllButPackagingTwoAreValid) {
    const auto universe = test::universe_folder("validation of the 186 real package revisions");
    if (!universe) return;
    std::size_t valid = 0;
    std::size_t packaging_two = 0;
    for (const fs::path& folder : find_package_folders(*universe / "packages")) {
        std::vector<Problem> problems;
        const auto revision = read_package_folder(folder, problems);
        if (revision) {
            ++valid;
            EXPECT_EQ(std::to_string(revision->release_version.value()), folder.filename());
            EXPECT_NO_THROW(PackageMetadata::parse(std::string(revision->metadata.text()),
                                                   MetadataForm::build_definition));
            continue;
        }
        ++packaging_two;
        EXPECT_THAT(to_string(problems), HasSubstr("packaging version 2.0 is not supported"));
    }
    EXPECT_EQ(valid, 159U);
    EXPECT_EQ(packaging_two, 27U);
}

}  // namespace
}  // namespace pkgreg

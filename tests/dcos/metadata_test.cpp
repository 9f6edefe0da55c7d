// The rules of packaging 3.0, 4.0 and 5.0, and what can be done with valid metadata.
#include "pkgreg/dcos/metadata.hpp"

#include "pkgreg/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

/// A valid definition with `fields` added, each as `"name": value`.
std::string definition(std::string_view packaging_version, std::string_view fields) {
    std::string text = R"({"name":"kafka","version":"1.0","maintainer":"m","description":"d",)"
                       R"("tags":[],"packagingVersion":")";
    text.append(packaging_version).append("\"");
    if (!fields.empty()) text.append(",").append(fields);
    return text.append("}");
}

std::vector<Problem> problems_of(std::string text, MetadataForm form) {
    std::vector<Problem> problems;
    const bool valid = PackageMetadata::check(std::move(text), form, problems).has_value();
    EXPECT_EQ(valid, problems.empty());
    return problems;
}

struct BadField {
    const char* packaging_version;
    const char* field;
    /// Where the problem must be found, and a part of what is said about it.
    const char* path;
    const char* message;
    MetadataForm form = MetadataForm::metadata;
};

constexpr MetadataForm build = MetadataForm::build_definition;

const BadField bad_fields[] = {
    {"2.0", "", "packagingVersion", "2.0 is not supported"},
    {"6.0", "", "packagingVersion", "must be '3.0' or '4.0' or '5.0', not '6.0'"},
    {"3.0", R"("scm":1)", "scm", "must be a string, not a number"},
    {"3.0", R"("website":null)", "website", "must be a string, not null"},
    {"3.0", R"("framework":"true")", "framework", "must be true or false, not a string"},
    {"3.0", R"("hasKnownIssues":1)", "hasKnownIssues", "must be true or false"},
    {"3.0", R"("lastUpdated":"1")", "lastUpdated", "must be a number, not a string"},
    {"3.0", R"("preInstallNotes":[])", "preInstallNotes", "must be a string, not a list"},
    {"3.0", R"("postInstallNotes":{})", "postInstallNotes", "must be a string, not an object"},
    {"3.0", R"("postUninstallNotes":false)", "postUninstallNotes", "must be a string"},
    {"3.0", R"("upgradesFrom":["*"])", "upgradesFrom", "needs packaging version 4.0"},
    {"3.0", R"("downgradesTo":[])", "downgradesTo", "needs packaging version 4.0"},
    {"4.0", R"("upgradesFrom":"*")", "upgradesFrom", "must be a list, not a string"},
    {"4.0", R"("upgradesFrom":["*",1])", "upgradesFrom[1]", "must be a string"},
    {"5.0", R"("downgradesTo":[null])", "downgradesTo[0]", "must be a string"},
    {"4.0", R"("manager":{"packageName":"hello"})", "manager", "needs packaging version 5.0"},
    {"5.0", R"("manager":"hello")", "manager", "must be an object"},
    {"5.0", R"("manager":{"packageName":"Hello"})", "manager.packageName", "a package name"},
    {"5.0", R"("manager":{"packageName":"ab","minPackageVersion":"_"})",
     "manager.minPackageVersion", "a package version"},
    {"5.0", R"("manager":{})", "manager.packageName", "is missing", build},
    {"4.0", R"("command":{"pip":[]})", "command", "packaging version 3.0 only"},
    {"5.0", R"("command":{"pip":[]})", "command", "packaging version 3.0 only"},
    {"3.0", R"("command":{})", "command.pip", "is missing"},
    {"3.0", R"("command":{"pip":["a",{}]})", "command.pip[1]", "must be a string"},
    {"3.0", R"("command":{"pip":[],"npm":[]})", "command.npm", "the fields are: pip"},
    {"3.0", R"("command":[])", "command", "must be an object"},
    {"3.0", R"("minDcosReleaseVersion":"1.09")", "minDcosReleaseVersion", "a DC/OS release"},
    {"3.0", R"("minDcosReleaseVersion":1.9)", "minDcosReleaseVersion", "must be a string"},
    {"4.0", R"("selected":true)", "selected", "remove it"},
    {"4.0", R"("releaseVersion":0)", "releaseVersion", "remove it"},
    {"4.0", R"("licence":[])", "licence", "there is no field 'licence'"},
    {"4.0", R"("my field":1)", R"(["my field"])", "there is no field"},
    {"4.0", R"("licenses":{})", "licenses", "must be a list"},
    {"4.0", R"("licenses":[{"name":"MIT"}])", "licenses[0].url", "is missing"},
    {"4.0", R"("licenses":[{"url":"u"}])", "licenses[0].name", "is missing"},
    {"4.0", R"("licenses":[{"name":"MIT","url":""}])", "licenses[0].url", "not empty"},
    {"4.0", R"("licenses":[{"name":"MIT","url":"u","x":1}])", "licenses[0].x", "no field 'x'"},
    {"4.0", R"("marathon":{})", "marathon.v2AppMustacheTemplate", "is missing"},
    {"4.0", R"("marathon":{"v2AppMustacheTemplate":""})", "marathon.v2AppMustacheTemplate",
     "base64"},
    {"4.0", R"("marathon":{"v2AppMustacheTemplate":"abc"})", "marathon.v2AppMustacheTemplate",
     "base64"},
    {"4.0", R"("marathon":{"v2AppMustacheTemplate":"ab=c"})", "marathon.v2AppMustacheTemplate",
     "base64"},
    {"4.0", R"("marathon":{"v2AppMustacheTemplate":"a==="})", "marathon.v2AppMustacheTemplate",
     "base64"},
    {"4.0", R"("marathon":{"v2AppMustacheTemplate":"abc_"})", "marathon.v2AppMustacheTemplate",
     "base64"},
    {"4.0", R"("marathon":{"v2AppMustacheTemplate":"@app.json"})", "marathon.v2AppMustacheTemplate",
     "base64"},
    {"4.0", R"("marathon":{"v2AppMustacheTemplate":"@"})", "marathon.v2AppMustacheTemplate",
     "the name of a file", build},
    {"4.0", R"("marathon":{"v2AppMustacheTemplate":"YQ==","x":1})", "marathon.x", "no field 'x'"},
    {"4.0", R"("config":5)", "config", "must be an object"},
    {"4.0", R"("config":"@config.json")", "config", "must be an object"},
    {"4.0", R"("config":"config.json")", "config", "'@' and the name of a file", build},
    {"4.0", R"("config":[])", "config", "must be an object, not a list", build},
    {"4.0", R"("config":{"a":{"b":1,"c":2,"b":3}})", "config.a.b", "more than once"},
    {"4.0", R"("config":{"a":[0,{"b":1,"\u0062":2}]})", "config.a[1].b", "more than once"},
    {"4.0", R"("name":"kafka")", "name", "more than once"},
    {"4.0", R"("resource":"@resource.json")", "resource", "must be an object"},
    {"4.0", R"("resource":"@")", "resource", "the name of a file", build},
    {"4.0", R"("resource":{"asset":{}})", "resource.asset", "the fields are: assets, images, cli"},
    {"4.0", R"("resource":{"assets":[]})", "resource.assets", "must be an object"},
    {"4.0", R"("resource":{"assets":{"urls":{}}})", "resource.assets.urls", "no field 'urls'"},
    {"4.0", R"("resource":{"assets":{"uris":{"jar":5}}})", "resource.assets.uris.jar",
     "must be a string, not a number"},
    {"4.0", R"("resource":{"assets":{"uris":{"a":"b","a":"c"}}})", "resource.assets.uris.a",
     "more than once"},
    {"4.0", R"("resource":{"assets":{"container":{"mesos":{}}}})",
     "resource.assets.container.mesos", "no field 'mesos'"},
    {"4.0", R"("resource":{"assets":{"container":{"docker":{"x":{}}}}})",
     "resource.assets.container.docker.x", "must be a string"},
    {"4.0", R"("resource":{"images":{"icon-tiny":"x"}})", "resource.images.icon-tiny", "no field"},
    {"4.0", R"("resource":{"images":{"icon-small":1}})", "resource.images.icon-small",
     "must be a string"},
    {"4.0", R"("resource":{"images":{"screenshots":"x"}})", "resource.images.screenshots",
     "must be a list"},
    {"4.0", R"("resource":{"images":{"screenshots":["x",1]}})", "resource.images.screenshots[1]",
     "must be a string"},
    {"4.0", R"("resource":{"cli":{}})", "resource.cli.binaries", "is missing"},
    {"4.0", R"("resource":{"cli":{"binaries":{}}})", "resource.cli.binaries", "at least one"},
    {"4.0", R"("resource":{"cli":{"binaries":{"beos":{}}}})", "resource.cli.binaries.beos",
     "no field 'beos'"},
    {"4.0", R"("resource":{"cli":{"binaries":{"linux":{}}}})", "resource.cli.binaries.linux.x86-64",
     "is missing"},
    {"4.0", R"("resource":{"cli":{"binaries":{"linux":{"x86-64":{},"arm64":{}}}}})",
     "resource.cli.binaries.linux.arm64", "no field 'arm64'"},
    {"4.0", R"("resource":{"cli":{"binaries":{"linux":{"x86-64":{"url":"u","kind":"zip"}}}}})",
     "resource.cli.binaries.linux.x86-64.contentHash", "is missing"},
    {"4.0",
     R"("resource":{"cli":{"binaries":{"windows":{"x86-64":{"url":"","kind":"exe","contentHash":[]}}}}})",
     "resource.cli.binaries.windows.x86-64.contentHash", "at least one hash"},
    {"4.0",
     R"("resource":{"cli":{"binaries":{"windows":{"x86-64":{"url":"","kind":"exe","contentHash":[]}}}}})",
     "resource.cli.binaries.windows.x86-64.kind", "must be 'executable' or 'zip', not 'exe'"},
    {"4.0",
     R"("resource":{"cli":{"binaries":{"windows":{"x86-64":{"url":"","kind":"exe","contentHash":[]}}}}})",
     "resource.cli.binaries.windows.x86-64.url", "not empty"},
    {"4.0",
     R"("resource":{"cli":{"binaries":{"darwin":{"x86-64":{"url":"u","kind":"zip","contentHash":[{"algo":"md5","value":"x"},{"algo":"sha256"}]}}}}})",
     "resource.cli.binaries.darwin.x86-64.contentHash[0].algo", "must be 'sha256', not 'md5'"},
    {"4.0",
     R"("resource":{"cli":{"binaries":{"darwin":{"x86-64":{"url":"u","kind":"zip","contentHash":[{"algo":"md5","value":"x"},{"algo":"sha256"}]}}}}})",
     "resource.cli.binaries.darwin.x86-64.contentHash[1].value", "is missing"},
};

TEST(PackageMetadata, EveryRuleNamesTheFieldThatBreaksIt) {
    for (const BadField& bad : bad_fields) {
        const std::string text = definition(bad.packaging_version, bad.field);
        EXPECT_THAT(problems_of(text, bad.form),
                    Contains(AllOf(Field(&Problem::path, bad.path),
                                   Field(&Problem::message, HasSubstr(bad.message)))))
            << text;
    }
}

TEST(PackageMetadata, RequiredFieldsAreMissedByName) {
    const std::vector<Problem> problems = problems_of("{}", MetadataForm::metadata);
    std::vector<std::string> paths;
    for (const Problem& problem : problems) {
        EXPECT_EQ(problem.message, "is missing");
        paths.push_back(problem.path);
    }
    EXPECT_THAT(paths, ElementsAre("packagingVersion", "name", "version", "maintainer",
                                   "description", "tags"));
}

TEST(PackageMetadata, AllProblemsAreCollectedInOnePass) {
    const std::string text =
        R"({"packagingVersion":"4.0","name":"K","version":"a b","maintainer":1,"tags":["x y",""],)"
        R"("command":{},"extra":{"deep":{"a":1,"a":2}}})";
    std::vector<std::string> lines;
    for (const Problem& problem : problems_of(text, MetadataForm::metadata)) {
        lines.push_back(problem.path);
    }
    EXPECT_THAT(lines, ElementsAre("name", "version", "maintainer", "tags[0]", "tags[1]", "command",
                                   "extra", "description", "extra.deep.a"));
    try {
        PackageMetadata::parse(text);
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
        EXPECT_EQ(std::count(error.message().begin(), error.message().end(), '\n'), 8);
    }
}

TEST(PackageMetadata, AMillionProblemsAreNotListed) {
    std::string fields;
    for (int i = 0; i < 5000; ++i) {
        fields.append(fields.empty() ? "" : ",").append("\"x" + std::to_string(i) + "\":0");
    }
    const auto problems = problems_of(definition("4.0", fields), MetadataForm::metadata);
    EXPECT_EQ(problems.size(), 101U);
    EXPECT_THAT(problems.back().message, HasSubstr("more problems"));
}

TEST(PackageMetadata, WhatTheSchemasAllowIsTaken) {
    for (const char* fields :
         {"", R"("framework":true,"lastUpdated":1.5,"hasKnownIssues":false)",
          R"("minDcosReleaseVersion":"0")", R"("minDcosReleaseVersion":"9999")",
          R"("licenses":[],"marathon":{"v2AppMustacheTemplate":"YQ=="},"config":{})",
          R"("resource":{})",
          R"("resource":{"assets":{"uris":{"":""},"container":{}},"images":{}})",
          R"("config":{"properties":12345678901234567890123})"}) {
        for (const char* version : {"3.0", "4.0", "5.0"}) {
            EXPECT_THAT(problems_of(definition(version, fields), MetadataForm::metadata),
                        IsEmpty());
            EXPECT_THAT(problems_of(definition(version, fields), build), IsEmpty());
        }
    }
    EXPECT_THAT(problems_of(definition("5.0", R"("manager":{"other":1})"), MetadataForm::metadata),
                IsEmpty());
    EXPECT_THAT(problems_of(definition("3.0", R"("command":{"pip":["x"]})"), build), IsEmpty());
    const auto references =
        PackageMetadata::parse(
            definition("4.0", R"("config":"@c.json","resource":"@../r.json",)"
                              R"("marathon":{"v2AppMustacheTemplate":"@m.mustache"})"),
            build)
            .local_references();
    ASSERT_EQ(references.size(), 3U);
    EXPECT_EQ(references[1].file, "../r.json");
}

TEST(PackageMetadata, TellsWhatAPackageIs) {
    const auto metadata =
        PackageMetadata::parse(definition("4.0", R"("minDcosReleaseVersion":"1.10")"));
    EXPECT_EQ(metadata.name().str(), "kafka");
    EXPECT_EQ(metadata.version().str(), "1.0");
    EXPECT_EQ(metadata.packaging_version(), PackagingVersion::v4_0);
    EXPECT_EQ(metadata.min_release(), ReleaseVersion::parse("1.10"));
    EXPECT_EQ(PackageMetadata::parse(definition("3.0", "")).min_release(),
              ReleaseVersion::parse("0.0"));
}

const char* const resource =
    R"("resource" : { "assets": {"uris":{"jar":"https:\/\/x\/a.jar", "a b":"y"},)"
    "\n\t"
    R"("container":{"docker":{"main":"repo/img:1"}}},)"
    R"("images":{"screenshots":["s0","s1"],"icon-small":"i"},)"
    R"("cli":{"binaries":{"linux":{"x86-64":{"contentHash":[{"algo":"sha256","value":"AB"}],)"
    R"("kind":"zip","url":"c"}}}}},"lastUpdated":1.50e3)";

TEST(PackageMetadata, FindsEveryAsset) {
    const auto assets = PackageMetadata::parse(definition("4.0", resource)).assets();
    std::vector<std::string> lines;
    for (const Asset& asset : assets) {
        lines.push_back(asset.path + " " + asset.name + " " + asset.value);
    }
    EXPECT_THAT(lines, ElementsAre("resource.assets.uris.jar jar https://x/a.jar",
                                   "resource.assets.uris[\"a b\"] a b y",
                                   "resource.assets.container.docker.main main repo/img:1",
                                   "resource.images.screenshots[0] 0 s0",
                                   "resource.images.screenshots[1] 1 s1",
                                   "resource.images.icon-small icon-small i",
                                   "resource.cli.binaries.linux.x86-64.url linux c"));
    EXPECT_EQ(assets[2].kind, AssetKind::docker);
    EXPECT_EQ(assets[3].kind, AssetKind::screenshot);
    EXPECT_EQ(assets[6].kind, AssetKind::cli_binary);
    EXPECT_EQ(assets[6].binary_kind, BinaryKind::zip);
    EXPECT_THAT(assets[6].sha256, ElementsAre("AB"));
}

TEST(PackageMetadata, ReplacesAssetsAndNothingElse) {
    const std::string text = definition("4.0", resource);
    const auto metadata = PackageMetadata::parse(text);
    EXPECT_EQ(metadata.rewrite_assets([](const Asset&) { return std::nullopt; }), text);

    std::string expected = text;
    const auto replace = [&](std::string_view from, std::string_view to) {
        expected.replace(expected.find(from), from.size(), to);
    };
    replace(R"("https:\/\/x\/a.jar")", R"("new \"jar\"")");
    replace(R"("s1")", R"("new 1")");
    const auto rewriter = [](const Asset& asset) -> std::optional<std::string> {
        if (asset.name == "jar") return "new \"jar\"";
        if (asset.name == "1") return "new 1";
        return std::nullopt;
    };
    EXPECT_EQ(metadata.rewrite_assets(rewriter), expected);
}

TEST(PackageMetadata, LocalReferencesAreSplicedInAndBlamedByFile) {
    const std::string text = definition(
        "4.0",
        R"("config":"@c.json","marathon":{"v2AppMustacheTemplate":"@m"},"resource":"@r.json")");
    const auto metadata = PackageMetadata::parse(text, build);
    const auto resolve = [&](std::string config, std::string resource_file,
                             std::vector<Problem>& problems) {
        return metadata.resolve(
            [&](const LocalReference& reference) -> std::string {
                if (reference.file == "c.json") return config;
                if (reference.file == "r.json") return resource_file;
                return "{{x}}";
            },
            problems);
    };
    std::vector<Problem> problems;
    const auto resolved = resolve("\n{ \"a\": 1.0 }\n", "{\"images\": {}}", problems);
    ASSERT_TRUE(resolved) << to_string(problems);
    EXPECT_EQ(resolved->text(),
              definition("4.0", R"("config":{ "a": 1.0 },)"
                                R"("marathon":{"v2AppMustacheTemplate":"e3t4fX0="},)"
                                R"("resource":{"images": {}})"));

    EXPECT_FALSE(resolve("{", "[1]", problems));
    EXPECT_FALSE(resolve("{\"a\":1,\"a\":2}", R"({"images":{"x":1}})", problems));
    std::vector<std::string> lines;
    for (const Problem& problem : problems) lines.push_back(problem.file + ":" + problem.path);
    EXPECT_THAT(lines, ElementsAre("c.json:", "r.json:", "r.json:images.x", "c.json:a"));
}

TEST(Problem, IsToldByFileAndField) {
    EXPECT_EQ((Problem{"resource.json", "assets.uris.jar", "is missing"}.str()),
              "resource.json: assets.uris.jar: is missing");
    EXPECT_EQ((Problem{"", "name", "is missing"}.str()), "name: is missing");
    EXPECT_EQ((Problem{"config.json", "", "is not JSON"}.str()), "config.json: is not JSON");
}

}  // namespace
}  // namespace pkgreg

// Where keys come from, and that they are renewed.
#include "s3/credentials.hpp"

#include "pkgreg/blocking.hpp"
#include "pkgreg/error.hpp"

#include "s3/scripted_server.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>

namespace pkgreg::s3 {
namespace {

using namespace std::chrono_literals;
using Variables = std::map<std::string, std::string>;

/// A folder that is gone after the test.
class Folder {
 public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "s3-test-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    std::string write(const std::string& name, const std::string& text) const {
        const auto file = path_ / name;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file, std::ios::binary) << text;
        return file.string();
    }
    std::string path() const { return path_.string(); }

 private:
    std::filesystem::path path_;
};

/// A provider whose instance's endpoint is off unless the test names one.
struct Provider {
    explicit Provider(Variables variables, S3CredentialSource source = {})
        : provider(std::move(source), Environment(with_defaults(std::move(variables))), transport) {
    }

    static Variables with_defaults(Variables variables) {
        if (!variables.contains("AWS_EC2_METADATA_SERVICE_ENDPOINT")) {
            variables["AWS_EC2_METADATA_DISABLED"] = "true";
        }
        return variables;
    }

    std::shared_ptr<const Credentials> get() { return run_blocking(provider.get()); }

    Transport transport{TransportOptions()};
    CredentialProvider provider;
};

/// What `get` throws.
Error error_of_get(Provider& provider) {
    try {
        provider.get();
    } catch (const Error& error) {
        return error;
    }
    return Error(ErrorCode::internal, "nothing was thrown");
}

std::string in(std::chrono::seconds duration) {
    const std::time_t time =
        std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() + duration);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&time));
    return text;
}

std::string answer(const std::string& id, const std::string& expiration) {
    return R"({"Code":"Success","AccessKeyId":")" + id +
           R"(","SecretAccessKey":"s","Token":"t","Expiration":")" + expiration + R"("})";
}

constexpr std::string_view two_profiles =
    "# keys\n"
    "[default]\r\n"
    "aws_access_key_id = first\r\n"
    "aws_secret_access_key=one=two\n"
    "s3 =\n"
    "    aws_access_key_id = nested\n"
    "\n"
    "; more\n"
    "[ other ]\n"
    "aws_access_key_id=second\n"
    "aws_secret_access_key = s\n"
    "aws_session_token = t\n"
    "[incomplete]\n"
    "aws_access_key_id = x\n";

TEST(CredentialsFile, HasProfiles) {
    const auto first = read_profile(two_profiles, "default");
    ASSERT_TRUE(first);
    EXPECT_EQ(first->access_key_id, "first");
    EXPECT_EQ(first->secret_access_key, "one=two");
    EXPECT_EQ(first->session_token, "");
    const auto second = read_profile(two_profiles, "other");
    ASSERT_TRUE(second);
    EXPECT_EQ(second->access_key_id, "second");
    EXPECT_EQ(second->session_token, "t");
    EXPECT_FALSE(read_profile(two_profiles, "absent"));
    EXPECT_FALSE(read_profile("", "default"));
}

TEST(CredentialsFile, ThatLacksAKeyIsRefusedByItsName) {
    try {
        read_profile(two_profiles, "incomplete");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::invalid_options);
        EXPECT_EQ(error.message(),
                  "profile 'incomplete' of the credentials lacks aws_secret_access_key");
    }
}

TEST(CredentialsFile, OfConfigurationNamesProfilesInItsOwnWay) {
    constexpr std::string_view text = "[default]\nregion=a\n[profile work]\nregion = b\n";
    EXPECT_EQ(read_profile_setting(text, "default", "region"), "a");
    EXPECT_EQ(read_profile_setting(text, "work", "region"), "b");
    EXPECT_FALSE(read_profile_setting(text, "work", "output"));
}

TEST(Credentials, ComeFromTheEnvironmentFirst) {
    const Folder folder;
    Provider provider(Variables{
        {"AWS_ACCESS_KEY_ID", "i"},
        {"AWS_SECRET_ACCESS_KEY", "s"},
        {"AWS_SESSION_TOKEN", "t"},
        {"AWS_SHARED_CREDENTIALS_FILE", folder.write("credentials", std::string(two_profiles))}});
    EXPECT_EQ(*provider.get(), (Credentials{"i", "s", "t"}));
}

TEST(Credentials, ComeFromTheSharedFileAndItsProfile) {
    const Folder folder;
    folder.write(".aws/credentials", std::string(two_profiles));
    Provider by_default(Variables{{"HOME", folder.path()}});
    EXPECT_EQ(by_default.get()->access_key_id, "first");
    Provider by_name(Variables{{"HOME", folder.path()}, {"AWS_PROFILE", "other"}});
    EXPECT_EQ(by_name.get()->access_key_id, "second");
}

TEST(Credentials, OfANamedFileHideAllOthers) {
    const Folder folder;
    S3CredentialSource source;
    source.file = folder.path() + "/absent";
    Provider provider(Variables{{"AWS_ACCESS_KEY_ID", "i"}, {"AWS_SECRET_ACCESS_KEY", "s"}},
                      source);
    const Error error = error_of_get(provider);
    EXPECT_EQ(error.code(), ErrorCode::denied);
    EXPECT_NE(error.message().find(source.file.string()), std::string::npos);
    folder.write("absent", "[default]\naws_access_key_id=a\naws_secret_access_key=b\n");
    EXPECT_EQ(provider.get()->access_key_id, "a");
}

TEST(Credentials, ThatAreNowhereAreMissedWithAListOfPlaces) {
    const Folder folder;
    Provider provider(Variables{{"HOME", folder.path()}});
    const Error error = error_of_get(provider);
    EXPECT_EQ(error.code(), ErrorCode::denied);
    EXPECT_NE(error.message().find("AWS_ACCESS_KEY_ID"), std::string::npos);
    EXPECT_NE(error.message().find(folder.path() + "/.aws/credentials"), std::string::npos);
}

TEST(Credentials, OfAContainerAreAskedForWithItsToken) {
    const Folder folder;
    ScriptedServer server([](const Received& request) {
        return request.header("authorization") == "the token" && request.target == "/v2?id=1"
                   ? reply(200, answer("container", in(3600s)))
                   : reply(403, "");
    });
    Provider provider(Variables{
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url() + "/v2?id=1"},
        {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", folder.write("token", "the token\n")}});
    EXPECT_EQ(provider.get()->access_key_id, "container");
    EXPECT_EQ(provider.get()->session_token, "t");
    EXPECT_EQ(server.requests(), 1);
}

TEST(Credentials, AreNotAskedForAcrossANetworkInClearText) {
    for (const char* const safe :
         {"https://example.com/x", "http://127.0.0.1:80/x", "http://localhost/x", "http://[::1]:1/",
          "http://169.254.170.2/v2", "http://169.254.170.23", "http://[fd00:ec2::23]/v1"}) {
        EXPECT_TRUE(is_safe_container_endpoint(safe)) << safe;
    }
    for (const char* const unsafe :
         {"http://example.com/x", "http://127.0.0.1.example.com/", "http://127.0.0.1@example.com/",
          "http://localhost@example.com:80/", "ftp://127.0.0.1/", "http://169.254.170.2.example/",
          "", "http://", "http://127.example.com"}) {
        EXPECT_FALSE(is_safe_container_endpoint(unsafe)) << unsafe;
    }
    Provider provider(Variables{{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.com/"}});
    EXPECT_EQ(error_of_get(provider).code(), ErrorCode::denied);
}

/// The metadata service of an instance with a role.
Reply instance(const Received& request, const std::string& keys) {
    if (request.target == "/latest/api/token") {
        const bool proper = request.method == "PUT" &&
                            !request.header("x-aws-ec2-metadata-token-ttl-seconds").empty();
        return proper ? reply(200, "proof") : reply(400, "");
    }
    if (request.header("x-aws-ec2-metadata-token") != "proof") return reply(401, "");
    constexpr std::string_view roles = "/latest/meta-data/iam/security-credentials/";
    if (request.target == roles) return reply(200, "the-role");
    if (request.target == std::string(roles) + "the-role") return reply(200, keys);
    return reply(404, "");
}

TEST(Credentials, OfAnInstanceNeedASessionOfItsMetadataService) {
    ScriptedServer server(
        [](const Received& request) { return instance(request, answer("instance", in(3600s))); });
    Provider provider(Variables{{"AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url()}});
    EXPECT_EQ(provider.get()->access_key_id, "instance");
    EXPECT_EQ(server.requests(), 3);
    EXPECT_EQ(provider.get()->access_key_id, "instance");
    EXPECT_EQ(server.requests(), 3);
}

TEST(Credentials, AreAskedForAgainWhenTheServiceStumbles) {
    ScriptedServer server([](const Received& request) {
        return request.number == 1 ? reply(503, "")
                                   : instance(request, answer("instance", in(3600s)));
    });
    Provider provider(Variables{{"AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url()}});
    EXPECT_EQ(provider.get()->access_key_id, "instance");
}

TEST(Credentials, AreRenewedBeforeTheyExpire) {
    std::atomic<int> given{0};
    ScriptedServer server([&](const Received&) {
        // The first are good for a moment only, the others for long.
        const int n = ++given;
        return reply(200, answer(std::to_string(n), in(n == 1 ? 3s : 3600s)));
    });
    Provider provider(Variables{{"AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url()}});
    EXPECT_EQ(provider.get()->access_key_id, "1");
    EXPECT_EQ(provider.get()->access_key_id, "1");
    std::this_thread::sleep_for(1600ms);
    EXPECT_EQ(provider.get()->access_key_id, "2");
    EXPECT_EQ(provider.get()->access_key_id, "2");
}

TEST(Credentials, ThatCannotBeRenewedAreUsedWhileTheyAreGood) {
    std::atomic<int> asked{0};
    ScriptedServer server([&](const Received&) {
        return ++asked == 1 ? reply(200, answer("first", in(4s))) : reply(404, "");
    });
    Provider provider(Variables{{"AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url()}});
    EXPECT_EQ(provider.get()->access_key_id, "first");
    std::this_thread::sleep_for(2100ms);
    EXPECT_EQ(provider.get()->access_key_id, "first");
    EXPECT_EQ(asked, 2);
}

TEST(Credentials, ThatWereRefusedAreReplacedByOtherOnesOnly) {
    const Folder folder;
    S3CredentialSource source;
    source.file = folder.write("keys", "[default]\naws_access_key_id=a\naws_secret_access_key=b\n");
    Provider provider({}, source);
    const auto old = provider.get();
    EXPECT_FALSE(run_blocking(provider.provider.replace(old)));
    folder.write("keys", "[default]\naws_access_key_id=a\naws_secret_access_key=c\n");
    EXPECT_TRUE(run_blocking(provider.provider.replace(old)));
    EXPECT_EQ(provider.get()->secret_access_key, "c");
    // Somebody else has replaced them meanwhile.
    EXPECT_TRUE(run_blocking(provider.provider.replace(old)));
}

TEST(Credentials, InAnAnswerThatIsNoneAreRefusedWithoutShowingIt) {
    for (const char* const text :
         {"", "[]", "secret", R"({"Code":"Failed"})", R"({"AccessKeyId":"secret"})"}) {
        try {
            read_credentials_answer(text);
            ADD_FAILURE() << text;
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ErrorCode::denied);
            EXPECT_EQ(error.message().find("secret"), std::string::npos);
        }
    }
}

}  // namespace
}  // namespace pkgreg::s3

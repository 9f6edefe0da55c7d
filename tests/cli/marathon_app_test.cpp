// The Marathon app fits the options.
#include "cli/build/marathon_app.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <string>
#include <string_view>

namespace pkgreg::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

/// An app, looked into by JSON pointers.
class App {
 public:
    explicit App(std::string_view options, const ProgramSource& program = {})
        : text_(marathon_app(parse_options(options), options, program)),
          root_(parser_.parse(text_).value()) {}

    std::string text(std::string_view pointer) const {
        return std::string(root_.at_pointer(pointer).get_string().value());
    }
    double number(std::string_view pointer) const {
        return root_.at_pointer(pointer).get_double().value();
    }
    bool has(std::string_view pointer) const {
        return root_.at_pointer(pointer).error() == simdjson::SUCCESS;
    }

 private:
    std::string text_;
    simdjson::dom::parser parser_;
    simdjson::dom::element root_;
};

TEST(MarathonApp, by_default_keeps_its_content_in_a_persistent_volume) {
    const App app("{}");
    EXPECT_EQ(app.text("/id"), "/registry");
    EXPECT_EQ(app.number("/instances"), 1);
    EXPECT_EQ(app.text("/portDefinitions/0/labels/VIP_0"), "/registry:443");
    EXPECT_EQ(app.text("/healthChecks/0/path"), "/health");
    EXPECT_EQ(app.text("/healthChecks/0/protocol"), "MESOS_HTTPS");
    EXPECT_EQ(app.text("/container/volumes/0/persistent/type"), "root");
    EXPECT_EQ(app.text("/residency/taskLostBehavior"), "WAIT_FOREVER");
    EXPECT_EQ(app.number("/upgradeStrategy/maximumOverCapacity"), 0);
    EXPECT_THAT(app.text("/cmd"), HasSubstr("--storage \"$MESOS_SANDBOX/" +
                                            app.text("/container/volumes/0/containerPath")));
    EXPECT_EQ(app.text("/container/volumes/1/containerPath"), "registry-private-key");
    EXPECT_EQ(app.text("/secrets/" + app.text("/container/volumes/1/secret") + "/source"),
              "registry-private-key");
}

TEST(MarathonApp, takes_the_size_of_the_service) {
    const App app(
        R"({"service": {"name": "/my/registry", "cpus": 0.5, "mem": 300, "disk": 1000}})");
    EXPECT_EQ(app.text("/id"), "/my/registry");
    EXPECT_EQ(app.text("/portDefinitions/0/labels/VIP_0"), "/my/registry:443");
    EXPECT_EQ(app.number("/cpus"), 0.5);
    EXPECT_EQ(app.number("/mem"), 300);
    EXPECT_EQ(app.number("/container/volumes/0/persistent/size"), 1000);
    EXPECT_EQ(app.number("/disk"), 0);
}

TEST(MarathonApp, with_a_bucket_needs_no_volume_but_its_credentials) {
    const App app(R"({"registry": {"s3": {"bucket": "bucket", "path": "p",
        "endpoint": "https://s3.example", "credential-secret-path": "/folder/aws"},
        "service-account-secret-path": "account", "service": {"instances": 3}}})");
    EXPECT_EQ(app.number("/instances"), 3);
    EXPECT_FALSE(app.has("/residency"));
    EXPECT_FALSE(app.has("/container/volumes/0/persistent"));
    EXPECT_THAT(app.text("/cmd"), Not(HasSubstr("--storage")));
    EXPECT_EQ(app.text("/container/volumes/0/containerPath"), "account");
    EXPECT_EQ(app.text("/container/volumes/1/containerPath"), "folder/aws");
    EXPECT_EQ(app.text("/secrets/s3-credentials/source"), "folder/aws");
}

TEST(MarathonApp, with_a_mount_volume_stays_where_that_is) {
    const App app(R"({"registry": {"mount-volume": {"container-path": "volume",
        "pinned-hostname": "10.0.0.1"}}})");
    EXPECT_EQ(app.text("/container/volumes/0/persistent/type"), "mount");
    EXPECT_EQ(app.text("/container/volumes/0/containerPath"), "volume");
    EXPECT_EQ(app.text("/constraints/0/0"), "hostname");
    EXPECT_EQ(app.text("/constraints/0/2"), "10.0.0.1");
    EXPECT_THAT(app.text("/cmd"), Not(HasSubstr("--storage")));
}

TEST(MarathonApp, with_a_storage_of_its_own_uses_that) {
    const App app(R"({"pkgreg": {"storage": "/srv/registry", "allow-http": true}})");
    EXPECT_FALSE(app.has("/residency"));
    EXPECT_FALSE(app.has("/container/volumes/0/persistent"));
    EXPECT_EQ(app.text("/healthChecks/0/protocol"), "MESOS_HTTP");
}

TEST(MarathonApp, is_asked_over_tls_where_there_is_a_certificate) {
    for (const char* const options :
         {R"({"pkgreg": {"allow-http": true, "cluster": {"certificate": "on"}}})",
          R"({"pkgreg": {"allow-http": true, "tls-cert": "a.pem", "tls-key": "a.key"}})"}) {
        EXPECT_EQ(App(options).text("/healthChecks/0/protocol"), "MESOS_HTTPS") << options;
    }
}

TEST(MarathonApp, hands_the_options_over_as_they_are) {
    const App app("{\n \"pkgreg\": {\"log-level\": \"debug\"}\n}");
    EXPECT_EQ(app.text("/env/REGISTRY_OPTIONS"), R"({"pkgreg":{"log-level":"debug"}})");
    EXPECT_THAT(app.text("/cmd"), HasSubstr("\"$REGISTRY_OPTIONS\" > options.json"));
    EXPECT_THAT(app.text("/cmd"), HasSubstr("serve --options options.json"));
}

TEST(MarathonApp, fetches_the_program_where_it_is_told_from_where) {
    const App app("{}", {"https://bootstrap.example/bin/pkgreg-1.0?x=$y"});
    EXPECT_EQ(app.text("/fetch/0/uri"), "https://bootstrap.example/bin/pkgreg-1.0?x=$y");
    EXPECT_EQ(app.text("/fetch/0/destPath"), "pkgreg");
    EXPECT_THAT(app.text("/cmd"), HasSubstr("exec ./pkgreg serve"));
}

}  // namespace
}  // namespace pkgreg::cli

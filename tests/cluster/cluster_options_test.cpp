// What options ask of a cluster, by what is there.
#include "service/cluster_options.hpp"

#include "pkgreg/error.hpp"

#include "store/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace pkgreg {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ClusterOptions : public ::testing::Test {
 protected:
    ClusterOptions() { unsetenv("MESOS_SANDBOX"); }
    ~ClusterOptions() override { unsetenv("MESOS_SANDBOX"); }

    std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
    void in_a_task() const { setenv("MESOS_SANDBOX", path("sandbox").c_str(), 1); }
    std::optional<cluster::CertificateOptions> certificate() const {
        return certificate_options(options, {});
    }

    Options options;
    TemporaryDirectory folder_;
};

TEST_F(ClusterOptions, a_task_with_an_account_gets_a_certificate) {
    in_a_task();
    folder_.write("sandbox/registry-private-key", "{}");
    options.program.cluster.names = {"a.example.com", "registry.marathon.l4lb.thisdcos.directory"};
    const auto wanted = certificate();
    ASSERT_TRUE(wanted);
    EXPECT_EQ(wanted->session.account, path("sandbox/registry-private-key"));
    EXPECT_EQ(wanted->session.url, "https://master.mesos");
    EXPECT_EQ(wanted->directory, path("sandbox/pkgreg-cluster"));
    EXPECT_THAT(wanted->hosts,
                ElementsAre("registry.marathon.l4lb.thisdcos.directory", "a.example.com"));
}

TEST_F(ClusterOptions, nobody_else_does) {
    EXPECT_FALSE(certificate());
    in_a_task();
    EXPECT_FALSE(certificate());
    folder_.write("sandbox/registry-private-key", "{}");
    options.program.allow_http = true;
    EXPECT_FALSE(certificate());
    options.program.allow_http = false;
    options.program.tls_cert = options.program.tls_key = "own.pem";
    EXPECT_FALSE(certificate());
    options.program.tls_cert.clear();
    options.program.cluster.certificate = ClusterCertificate::off;
    EXPECT_FALSE(certificate());
}

TEST_F(ClusterOptions, who_asks_for_it_is_told_what_is_missing) {
    options.program.cluster.certificate = ClusterCertificate::on;
    const auto refusal = [&] {
        try {
            certificate();
        } catch (const Error& error) {
            return std::string(error.message());
        }
        return std::string("(accepted)");
    };
    EXPECT_THAT(refusal(), HasSubstr("registry.service-account-secret-path"));
    folder_.write("secrets/registry-private-key", "{}");
    options.program.secrets_dir = path("secrets");
    EXPECT_THAT(refusal(), HasSubstr("pkgreg.cluster.directory"));
    options.program.cluster.directory = path("kept");
    EXPECT_EQ(certificate()->directory, path("kept"));
}

TEST_F(ClusterOptions,
       a_secret_of_a_bucket_is_fetched_where_it_is_no_file_and_there_is_an_account) {
    options.s3 = S3Options{"/folder/keys", "default", "bkt", "p", "https://s3.example.com"};
    EXPECT_FALSE(stored_secret(options));
    in_a_task();
    EXPECT_FALSE(stored_secret(options));
    folder_.write("sandbox/registry-private-key", "{}");
    const auto secret = stored_secret(options);
    ASSERT_TRUE(secret);
    EXPECT_EQ(secret->path, "/folder/keys");
    EXPECT_EQ(secret->file, path("sandbox/pkgreg-cluster/secrets/folder/keys"));
    EXPECT_EQ(secret->directory, path("sandbox/pkgreg-cluster/secrets"));
    folder_.write("sandbox/folder/keys", "[default]");
    EXPECT_FALSE(stored_secret(options));
}

}  // namespace
}  // namespace pkgreg

// A secret is a file below the directory of secrets, or in the sandbox.
#include "base/secret_file.hpp"

#include "pkgreg/error.hpp"

#include "store/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace pkgreg {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class SecretFile : public ::testing::Test {
 protected:
    std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

    std::string refusal(const SecretPlaces& places) {
        try {
            find_secret("an-option", "keys", places);
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ErrorCode::invalid_options);
            return error.message();
        }
        return "(accepted)";
    }

    TemporaryDirectory folder_;
};

TEST_F(SecretFile, is_looked_for_in_the_directory_first_and_then_in_the_sandbox) {
    folder_.write("secrets/keys", "x");
    folder_.write("sandbox/keys", "x");
    folder_.write("sandbox/folder/other", "x");
    const SecretPlaces both = {path("secrets"), path("sandbox")};
    EXPECT_EQ(find_secret("key", "keys", both), path("secrets/keys"));
    EXPECT_EQ(find_secret("key", "keys", {"", path("sandbox")}), path("sandbox/keys"));
    EXPECT_EQ(find_secret("key", "/folder/other", both), path("sandbox/folder/other"));
    EXPECT_EQ(look_for_secret("//folder/other", both), path("sandbox/folder/other"));
}

TEST_F(SecretFile, that_is_missing_is_named_with_all_places_that_were_looked_at) {
    EXPECT_THAT(
        refusal({path("secrets"), path("sandbox")}),
        AllOf(HasSubstr("an-option: "), HasSubstr("'keys'"), HasSubstr(path("secrets/keys")),
              HasSubstr(path("sandbox/keys")), HasSubstr("--secrets-dir")));
    EXPECT_THAT(refusal({}),
                AllOf(HasSubstr("'keys'"), HasSubstr("MESOS_SANDBOX"), HasSubstr("--secrets-dir")));
}

TEST_F(SecretFile, is_no_folder) {
    folder_.write("secrets/keys/inside", "x");
    EXPECT_EQ(look_for_secret("keys", {path("secrets"), ""}), std::nullopt);
    EXPECT_EQ(look_for_secret("", {path("secrets"), ""}), std::nullopt);
}

TEST_F(SecretFile, the_sandbox_is_the_schedulers) {
    setenv("MESOS_SANDBOX", "/mnt/sandbox", 1);
    EXPECT_EQ(SecretPlaces::of("d").sandbox, "/mnt/sandbox");
    unsetenv("MESOS_SANDBOX");
    EXPECT_EQ(SecretPlaces::of("d").sandbox, "");
    EXPECT_EQ(SecretPlaces::of("d").directory, "d");
}

}  // namespace
}  // namespace pkgreg

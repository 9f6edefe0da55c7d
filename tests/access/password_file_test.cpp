// htpasswd files: bcrypt in all its spellings, everything else refused by line, never with a hash.
#include "access/password_file.hpp"

#include "pkgreg/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace pkgreg::access {
namespace {

using testing::HasSubstr;
using testing::Not;

// The password is "secret".
const std::string hash = "$2y$05$0CxPVVrVIaP8OS.3b3HqNuPcwcepNIWGJ/tHCvBqhpt71ZpZbAwYm";

std::string refusal(const std::string& text) {
    try {
        PasswordFile::parse(text, "users");
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::invalid_options);
        return error.message();
    }
    return "taken";
}

TEST(PasswordFile, ReadsNamesAndHashes) {
    const PasswordFile file = PasswordFile::parse(
        "# users\n\nalice:" + hash + "\r\nb\xc3\xb6rd:" + hash + "  \nwith blank:" + hash, "users");
    EXPECT_EQ(file.size(), 3U);
    ASSERT_NE(file.find("alice"), nullptr);
    EXPECT_EQ(*file.find("alice"), hash);
    EXPECT_NE(file.find("b\xc3\xb6rd"), nullptr);
    EXPECT_NE(file.find("with blank"), nullptr);
    EXPECT_EQ(file.find("Alice"), nullptr);
    EXPECT_EQ(file.find(""), nullptr);
}

TEST(PasswordFile, MayBeEmpty) {
    EXPECT_EQ(PasswordFile::parse("", "users").size(), 0U);
}

TEST(PasswordFile, RefusesOtherHashesByNameAndLine) {
    const std::string problem = refusal("alice:" + hash +
                                        "\nbob:$apr1$salt$hash\ncarol:{SHA}5en6G6MezRroT3XK\n"
                                        "dave:$6$salt$hash\neve:plain\nfrank:" +
                                        hash.substr(0, 59) + "\ngrace:$2x$" + hash.substr(4));
    for (const std::string_view line :
         {"users:2: bob: this is an MD5 hash", "users:3: carol: this is a SHA-1 hash",
          "users:4: dave: this is a SHA-2 hash", "users:5: eve: this is no bcrypt hash",
          "users:6: frank: this is a bcrypt hash with a part missing", "users:7: grace: this is",
          "htpasswd -B"}) {
        EXPECT_THAT(problem, HasSubstr(line));
    }
    EXPECT_THAT(problem, Not(HasSubstr("users:1:")));
    EXPECT_THAT(problem, Not(HasSubstr("plain")));
    EXPECT_THAT(problem, Not(HasSubstr("5en6G6MezRroT3XK")));
}

TEST(PasswordFile, RefusesMalformedLines) {
    EXPECT_THAT(refusal("alice\n"), HasSubstr("users:1: the line: there is no colon"));
    EXPECT_THAT(refusal(":" + hash), HasSubstr("the name is empty"));
    EXPECT_THAT(refusal("a\tb:" + hash), HasSubstr("control character"));
    EXPECT_THAT(refusal(std::string(256, 'a') + ":" + hash), HasSubstr("longer than 255"));
    EXPECT_THAT(refusal("alice:" + hash + "\nalice:" + hash),
                HasSubstr("users:2: alice: the name has"));
    EXPECT_THAT(refusal("alice:" + hash + ":more"), HasSubstr("users:1"));
    EXPECT_THAT(refusal("alice:"), HasSubstr("no hash"));
    EXPECT_THAT(refusal("alice:$2y$03$" + hash.substr(7)), HasSubstr("cost of 3"));
    EXPECT_THAT(refusal("alice:$2y$16$" + hash.substr(7)), HasSubstr("cost of 16"));
}

TEST(PasswordFile, MatchesEverySpellingOfBcrypt) {
    EXPECT_TRUE(matches_bcrypt("secret", hash));
    EXPECT_TRUE(matches_bcrypt("secret", "$2b" + hash.substr(3)));
    EXPECT_TRUE(matches_bcrypt("secret", "$2a" + hash.substr(3)));
    EXPECT_FALSE(matches_bcrypt("Secret", hash));
    EXPECT_FALSE(matches_bcrypt("", hash));
    EXPECT_FALSE(matches_bcrypt(std::string("secret\0more", 11), hash));
    EXPECT_FALSE(matches_bcrypt("secret", "$2y$05$"));
    EXPECT_FALSE(matches_bcrypt("secret", "*0"));
}

TEST(PasswordFile, ANameThatIsNotThereTakesAsLong) {
    std::string text;
    for (const std::string name : {"a", "b", "c"}) text += name + ":$2y$09" + hash.substr(6) + "\n";
    const PasswordFile file = PasswordFile::parse(text + "d:" + hash, "users");
    EXPECT_TRUE(file.nobody().starts_with("$2y$09$"));
    const auto time_of = [](const std::string& checked) {
        const auto begin = std::chrono::steady_clock::now();
        EXPECT_FALSE(matches_bcrypt("guess", checked));
        return std::chrono::steady_clock::now() - begin;
    };
    time_of(file.nobody());
    // A cost of 9 takes 16 times as long as one of 5: far apart, whatever else the machine does.
    EXPECT_GT(time_of(file.nobody()), 4 * time_of(hash));
}

}  // namespace
}  // namespace pkgreg::access

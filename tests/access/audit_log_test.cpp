// The audit log: what a line says, and what becomes of lines when the file moves, fills up, or
// cannot be opened.
#include "access/audit_log.hpp"

#include "pkgreg/error.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace pkgreg::access {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

/// 2026-03-04 05:06:07.089 UTC.
const std::chrono::system_clock::time_point moment{milliseconds(1'772'600'767'089)};

std::string line(const AuditEntry& entry) {
    std::string text;
    append_audit_line(text, entry, moment);
    return text;
}

TEST(AuditLine, TellsWhoDidWhatFromWhereAndWhatCameOfIt) {
    const Identity identity{IdentityKind::basic, "alice"};
    const std::array<std::string_view, 2> tags = {"v1", "latest"};
    AuditEntry entry;
    entry.request_id = "abc-1";
    entry.identity = &identity;
    entry.client = "192.0.2.1:4711";
    entry.action = "push-manifest";
    entry.repository = "team/app";
    entry.reference = "v1.2";
    entry.tags = tags;
    entry.digest = "sha256:00";
    entry.status = 201;
    EXPECT_EQ(line(entry), R"({"time":"2026-03-04T05:06:07.089Z","request":"abc-1","kind":"basic",)"
                           R"("name":"alice","client":"192.0.2.1:4711","action":"push-manifest",)"
                           R"("repository":"team/app","reference":"v1.2","tags":["v1","latest"],)"
                           R"("digest":"sha256:00","result":"done","status":201})"
                           "\n");
}

TEST(AuditLine, TellsOfARefusal) {
    AuditEntry entry;
    entry.client = "unix";
    entry.action = "log-in";
    entry.status = 401;
    entry.error = "UNAUTHORIZED";
    entry.reason = "the token has expired";
    EXPECT_EQ(line(entry),
              R"({"time":"2026-03-04T05:06:07.089Z","kind":"anonymous","client":"unix",)"
              R"("action":"log-in","result":"refused","status":401,"error":"UNAUTHORIZED",)"
              R"("reason":"the token has expired"})"
              "\n");
}

TEST(AuditLine, NamesTheResult) {
    AuditEntry entry;
    for (const auto& [status, result] :
         {std::pair(200u, "done"), std::pair(202u, "done"), std::pair(307u, "done"),
          std::pair(401u, "refused"), std::pair(403u, "refused"), std::pair(400u, "failed"),
          std::pair(404u, "failed"), std::pair(507u, "failed")}) {
        entry.status = status;
        EXPECT_NE(line(entry).find(std::string("\"result\":\"") + result + "\""),
                  std::string::npos);
    }
}

TEST(AuditLine, IsOneLineOfJsonWhateverAClientSends) {
    const Identity identity{IdentityKind::token, "a\"b\n\xff\x01" + std::string(100'000, 'x')};
    AuditEntry entry;
    entry.identity = &identity;
    entry.repository = "x\r\ny";
    const std::string text = line(entry);
    EXPECT_EQ(text.find('\n'), text.size() - 1);
    EXPECT_EQ(text.find('\r'), std::string::npos);
    EXPECT_LT(text.size(), 1000u);
}

std::string content(const fs::path& file) {
    std::ifstream in(file);
    std::stringstream all;
    all << in.rdbuf();
    return all.str();
}

class AuditFile : public testing::Test {
 public:
    AuditFile() {
        char name[] = "/tmp/pkgreg-audit-XXXXXX";
        folder_ = ::mkdtemp(name);
        file_ = folder_ / "audit.log";
    }
    ~AuditFile() override { fs::remove_all(folder_); }

    LogCallback log() {
        return [this](LogLevel, std::string_view text) {
            const std::lock_guard lock(mutex_);
            told_.emplace_back(text);
        };
    }
    std::vector<std::string> told() {
        const std::lock_guard lock(mutex_);
        return told_;
    }
    static void write(AuditLog& log, std::string_view id) {
        AuditEntry entry;
        entry.request_id = id;
        entry.action = "push-blob";
        entry.status = 201;
        log.write(entry);
    }
    /// How many lines of a file name a request.
    static std::size_t lines(const fs::path& file, const std::string& id) {
        std::ifstream in(file);
        std::size_t count = 0;
        for (std::string text; std::getline(in, text);) {
            EXPECT_TRUE(text.starts_with("{\"time\":") && text.ends_with('}')) << text;
            if (text.find('"' + id + '"') != std::string::npos) ++count;
        }
        return count;
    }
    template <class Condition>
    static bool eventually(Condition condition) {
        for (int i = 0; i < 2000; ++i) {
            if (condition()) return true;
            std::this_thread::sleep_for(milliseconds(5));
        }
        return false;
    }

    fs::path folder_;
    fs::path file_;
    std::mutex mutex_;
    std::vector<std::string> told_;
};

TEST_F(AuditFile, GetsItsLinesSoon) {
    AuditLog log(file_, this->log());
    write(log, "one");
    EXPECT_TRUE(eventually([&] { return lines(file_, "one") == 1; }));
    write(log, "two");
    EXPECT_TRUE(eventually([&] { return lines(file_, "two") == 1; }));
    EXPECT_TRUE(told().empty());
}

TEST_F(AuditFile, IsReadableByItsOwnerAndGroupOnly) {
    AuditLog log(file_, {});
    EXPECT_EQ(fs::status(file_).permissions() & fs::perms::others_all, fs::perms::none);
}

TEST_F(AuditFile, HasAllLinesWhenTheLogEnds) {
    {
        AuditLog log(file_, {});
        for (int i = 0; i < 1000; ++i) write(log, "line");
    }
    EXPECT_EQ(lines(file_, "line"), 1000u);
}

TEST_F(AuditFile, IsGoneOnWithAndSharedWithOthers) {
    std::ofstream(file_) << "{\"time\":\"before\"}\n";
    {
        AuditLog first(file_, {});
        AuditLog second(file_, {});
        std::vector<std::thread> threads;
        for (AuditLog* log : {&first, &first, &second}) {
            threads.emplace_back([log] {
                for (int i = 0; i < 2000; ++i) write(*log, "shared");
            });
        }
        for (std::thread& thread : threads) thread.join();
    }
    EXPECT_EQ(lines(file_, "shared"), 6000u);
    EXPECT_EQ(lines(file_, "before"), 1u);
}

TEST_F(AuditFile, ThatWasMovedAwayIsMadeAnew) {
    AuditLog log(file_, this->log());
    write(log, "one");
    ASSERT_TRUE(eventually([&] { return lines(file_, "one") == 1; }));
    fs::rename(file_, folder_ / "audit.log.1");
    write(log, "two");
    EXPECT_TRUE(eventually([&] { return fs::exists(file_) && lines(file_, "two") == 1; }));
    EXPECT_EQ(lines(folder_ / "audit.log.1", "one"), 1u);
    EXPECT_EQ(lines(folder_ / "audit.log.1", "two"), 0u);
    fs::remove(file_);
    write(log, "three");
    EXPECT_TRUE(eventually([&] { return fs::exists(file_) && lines(file_, "three") == 1; }));
    EXPECT_TRUE(told().empty());
}

TEST_F(AuditFile, ThatCannotBeMadeAnewIsToldOnceAndTheOldOneGoesOn) {
    const fs::path inner = folder_ / "inner";
    fs::create_directory(inner);
    AuditLog log(inner / "audit.log", this->log());
    write(log, "one");
    ASSERT_TRUE(eventually([&] { return lines(inner / "audit.log", "one") == 1; }));
    fs::rename(inner, folder_ / "moved");
    for (int i = 0; i < 3; ++i) {
        write(log, "two");
        EXPECT_TRUE(eventually([&] {
            return lines(folder_ / "moved" / "audit.log", "two") == static_cast<std::size_t>(i + 1);
        }));
    }
    ASSERT_EQ(told().size(), 1u);
    EXPECT_NE(told()[0].find("audit.log"), std::string::npos);
}

TEST_F(AuditFile, ThatIsFullIsToldOnceAndNothingIsLostWhenThereIsRoomAgain) {
    fs::create_symlink("/dev/full", file_);
    AuditLog log(file_, this->log());
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 100; ++i) write(log, "early");
    EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(500));
    ASSERT_TRUE(eventually([&] { return told().size() == 1; }));
    EXPECT_NE(told()[0].find("No space left"), std::string::npos) << told()[0];
    std::this_thread::sleep_for(milliseconds(1500));
    write(log, "late");
    EXPECT_EQ(told().size(), 1u);
    std::ofstream(folder_ / "real").close();
    fs::create_symlink(folder_ / "real", folder_ / "new");
    fs::rename(folder_ / "new", file_);
    EXPECT_TRUE(eventually([&] { return told().size() == 2; }));
    EXPECT_EQ(lines(file_, "early"), 100u);
    EXPECT_EQ(lines(file_, "late"), 1u);
}

TEST_F(AuditFile, ThatStaysFullLosesLinesAndSaysHowMany) {
    fs::create_symlink("/dev/full", file_);
    AuditLog log(file_, this->log());
    constexpr std::size_t all = 100'000;
    for (std::size_t i = 0; i < all; ++i) write(log, "line");
    std::ofstream(folder_ / "real").close();
    fs::create_symlink(folder_ / "real", folder_ / "new");
    fs::rename(folder_ / "new", file_);
    ASSERT_TRUE(eventually([&] { return content(file_).find("lines-lost") != std::string::npos; }));
    const std::size_t kept = lines(file_, "line");
    EXPECT_GT(kept, 10'000u);
    EXPECT_LT(kept, all);
    EXPECT_NE(content(file_).find(
                  "\"action\":\"lines-lost\",\"count\":" + std::to_string(all - kept) + "}"),
              std::string::npos);
}

TEST_F(AuditFile, ThatStaysFullDoesNotHoldTheEndUp) {
    fs::create_symlink("/dev/full", file_);
    const auto start = std::chrono::steady_clock::now();
    {
        AuditLog log(file_, this->log());
        write(log, "line");
    }
    EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(900));
    ASSERT_EQ(told().size(), 2u);
    EXPECT_NE(told()[1].find("lost"), std::string::npos);
}

TEST_F(AuditFile, ThatCannotBeOpenedIsRefusedWithItsName) {
    for (const fs::path& file : {folder_ / "no" / "audit.log", folder_}) {
        try {
            AuditLog log(file, {});
            FAIL() << file;
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ErrorCode::invalid_options);
            EXPECT_NE(error.message().find(file.string()), std::string::npos);
        }
    }
}

}  // namespace
}  // namespace pkgreg::access

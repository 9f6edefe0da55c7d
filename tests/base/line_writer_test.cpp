// Lines on their way to a log: none is torn or lost while there is room, what is lost is counted,
// and a sink that fails is tried again.
#include "base/line_writer.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <mutex>
#include <new>
#include <thread>
#include <unistd.h>
#include <vector>

namespace pkgreg {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

/// What a sink got, for longer than the sink lives.
struct Kept {
    std::mutex mutex;
    std::vector<std::string> batches;
    std::uint64_t lost = 0;
    std::vector<std::size_t> caught_up;  // after how many batches
    int given_up = 0;
    /// What the next calls do.
    std::atomic<bool> full{false};
    std::atomic<bool> no_memory{false};
    std::atomic<bool> asleep{false};

    std::string text() {
        const std::lock_guard lock(mutex);
        std::string all;
        for (const std::string& batch : batches) all += batch;
        return all;
    }
    std::size_t calls() {
        const std::lock_guard lock(mutex);
        return batches.size();
    }
};

class TestSink final : public LineSink {
 public:
    explicit TestSink(Kept& kept) : kept_(kept) {}
    bool write(std::string& lines) override {
        while (kept_.asleep) std::this_thread::sleep_for(milliseconds(1));
        if (kept_.no_memory.exchange(false)) throw std::bad_alloc();
        if (kept_.full) return false;
        const std::lock_guard lock(kept_.mutex);
        kept_.batches.push_back(lines);
        lines.clear();
        return true;
    }
    void caught_up(std::uint64_t lost) override {
        const std::lock_guard lock(kept_.mutex);
        kept_.lost += lost;
        kept_.caught_up.push_back(kept_.batches.size());
    }
    void give_up() noexcept override { ++kept_.given_up; }

 private:
    Kept& kept_;
};

constexpr LineWriter::Settings usual{1 << 16, 1 << 12, milliseconds(20)};

std::unique_ptr<LineSink> sink(Kept& kept) {
    return std::make_unique<TestSink>(kept);
}

void write(LineWriter& writer, std::string_view text) {
    writer.write([&](std::string& line) { line.append(text).push_back('\n'); });
}

template <class Condition>
bool eventually(Condition condition) {
    for (int i = 0; i < 4000; ++i) {
        if (condition()) return true;
        std::this_thread::sleep_for(milliseconds(2));
    }
    return false;
}

TEST(LineWriter, WritesWithoutBeingAskedAgain) {
    Kept kept;
    LineWriter writer(usual, sink(kept));
    write(writer, "one");
    EXPECT_TRUE(eventually([&] { return kept.text() == "one\n"; }));
}

TEST(LineWriter, MakesOneCallForLinesOfAMoment) {
    Kept kept;
    LineWriter writer({1 << 16, 1 << 16, milliseconds(300)}, sink(kept));
    for (int i = 0; i < 100; ++i) write(writer, "line");
    ASSERT_TRUE(eventually([&] { return kept.text().size() == 500; }));
    EXPECT_LE(kept.calls(), 2u);
}

TEST(LineWriter, DoesNotLetMuchWait) {
    Kept kept;
    LineWriter writer({1 << 16, 100, std::chrono::hours(1)}, sink(kept));
    for (int i = 0; i < 30; ++i) write(writer, "line");
    EXPECT_TRUE(eventually([&] { return !kept.text().empty(); }));
}

TEST(LineWriter, WritesWhatIsLeftAtItsEnd) {
    Kept kept;
    {
        LineWriter writer({1 << 16, 1 << 16, std::chrono::hours(1)}, sink(kept));
        for (int i = 0; i < 1000; ++i) write(writer, "line");
    }
    EXPECT_EQ(kept.text().size(), 5000u);
    EXPECT_EQ(kept.given_up, 0);
}

TEST(LineWriter, HoldsNobodyUpAndCountsWhatFindsNoRoom) {
    Kept kept;
    kept.asleep = true;
    constexpr std::size_t all = 100'000;
    {
        LineWriter writer(usual, sink(kept));
        for (std::size_t i = 0; i < all; ++i) write(writer, "line");
        kept.asleep = false;
    }
    EXPECT_GT(kept.lost, 0u);
    // What the sink had, and what waited beside it.
    EXPECT_LE(kept.text().size(), 2 * usual.most_waiting);
    EXPECT_EQ(kept.text().size() / 5 + kept.lost, all);
}

TEST(LineWriter, TriesAgainWhereThereWasNoRoom) {
    Kept kept;
    kept.full = true;
    LineWriter writer(usual, sink(kept));
    write(writer, "early");
    std::this_thread::sleep_for(milliseconds(100));
    write(writer, "late");
    kept.full = false;
    EXPECT_TRUE(eventually([&] { return kept.text() == "early\nlate\n"; }));
    EXPECT_TRUE(eventually([&] {
        const std::lock_guard lock(kept.mutex);
        return !kept.caught_up.empty();
    }));
    const std::lock_guard lock(kept.mutex);
    EXPECT_EQ(kept.caught_up.front(), 2u);
}

TEST(LineWriter, TriesAgainWhereThereWasNoMemory) {
    Kept kept;
    kept.no_memory = true;
    LineWriter writer(usual, sink(kept));
    write(writer, "line");
    EXPECT_TRUE(eventually([&] { return kept.text() == "line\n"; }));
}

TEST(LineWriter, CountsALineThatCouldNotBeMade) {
    Kept kept;
    {
        LineWriter writer(usual, sink(kept));
        writer.write([](std::string&) { throw std::bad_alloc(); });
        write(writer, "line");
    }
    EXPECT_EQ(kept.text(), "line\n");
    EXPECT_EQ(kept.lost, 1u);
}

TEST(LineWriter, GivesUpAtItsEndWhereThereIsNoRoom) {
    Kept kept;
    kept.full = true;
    const auto start = Clock::now();
    {
        LineWriter writer(usual, sink(kept));
        write(writer, "line");
    }
    EXPECT_LT(Clock::now() - start, milliseconds(900));
    EXPECT_EQ(kept.given_up, 1);
}

/// A pipe whose writing end does not block, filled up.
struct FullPipe {
    FullPipe() {
        EXPECT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
        const std::string block(4096, 'x');
        while (::write(ends[1], block.data(), block.size()) > 0) {
        }
    }
    ~FullPipe() {
        ::close(ends[0]);
        ::close(ends[1]);
    }
    int ends[2] = {-1, -1};
};

TEST(WriteAll, WaitsForAReaderAsLongAsItIsTold) {
    const FullPipe pipe;
    std::string_view text = "text";
    const auto start = Clock::now();
    EXPECT_FALSE(write_all(pipe.ends[1], text, 50));
    EXPECT_EQ(errno, EAGAIN);
    EXPECT_EQ(text, "text");
    EXPECT_GE(Clock::now() - start, milliseconds(45));
}

TEST(WriteAll, GoesOnWhenTheReaderDoes) {
    const FullPipe pipe;
    std::thread reader([&] {
        std::this_thread::sleep_for(milliseconds(50));
        std::string into(1 << 20, '\0');
        EXPECT_GT(::read(pipe.ends[0], into.data(), into.size()), 0);
    });
    std::string_view text = "text";
    EXPECT_TRUE(write_all(pipe.ends[1], text, -1));
    EXPECT_TRUE(text.empty());
    reader.join();
}

TEST(WriteAll, SaysWhyItFails) {
    const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    std::string_view text = "text";
    EXPECT_FALSE(write_all(full, text, -1));
    EXPECT_EQ(errno, ENOSPC);
    EXPECT_EQ(text, "text");
    ::close(full);
}

}  // namespace
}  // namespace pkgreg

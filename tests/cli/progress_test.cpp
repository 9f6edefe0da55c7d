// Progress: what is written, on a terminal and elsewhere.
#include "cli/progress.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <fcntl.h>
#include <sstream>
#include <stdexcept>
#include <string>
#include <sys/ioctl.h>
#include <thread>
#include <vector>

namespace pkgreg::cli {
namespace {

/// Reads what can be read without waiting.
std::string read_all(int fd) {
    std::string text;
    std::array<char, 4096> buffer{};
    for (ssize_t n; (n = ::read(fd, buffer.data(), buffer.size())) > 0;) {
        text.append(buffer.data(), static_cast<std::size_t>(n));
    }
    return text;
}

/// A pipe whose reader does not wait.
class Pipe {
 public:
    Pipe() {
        if (::pipe2(fds_.data(), O_CLOEXEC | O_NONBLOCK) != 0) throw std::runtime_error("pipe2");
    }
    ~Pipe() {
        ::close(fds_[0]);
        ::close(fds_[1]);
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    int in() const { return fds_[1]; }
    std::string text() const { return read_all(fds_[0]); }

 private:
    std::array<int, 2> fds_{};
};

/// A terminal of a given size.
class Terminal {
 public:
    Terminal(unsigned short columns, unsigned short rows)
        : outside_(::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK)) {
        ::grantpt(outside_);
        ::unlockpt(outside_);
        inside_ = ::open(::ptsname(outside_), O_RDWR | O_NOCTTY | O_CLOEXEC);
        winsize size{rows, columns, 0, 0};
        if (::ioctl(inside_, TIOCSWINSZ, &size) != 0) throw std::runtime_error("no terminal");
    }
    ~Terminal() {
        ::close(inside_);
        ::close(outside_);
    }
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;
    int fd() const { return inside_; }
    std::string text() const { return read_all(outside_); }

 private:
    int outside_;
    int inside_ = -1;
};

/// The longest run of characters between the control sequences that move the cursor.
std::size_t longest_line(const std::string& text) {
    std::size_t longest = 0;
    std::size_t now = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\x1b') {
            i = text.find_first_of("AJK", i);
        } else if (text[i] == '\r' || text[i] == '\n') {
            now = 0;
        } else {
            longest = std::max(longest, ++now);
        }
    }
    return longest;
}

TEST(SizeText, has_three_digits_that_count) {
    EXPECT_EQ(size_text(0), "0 B");
    EXPECT_EQ(size_text(999), "999 B");
    EXPECT_EQ(size_text(1000), "1.00 kB");
    EXPECT_EQ(size_text(9'996), "10.0 kB");
    EXPECT_EQ(size_text(99'960), "100 kB");
    EXPECT_EQ(size_text(999'499), "999 kB");
    EXPECT_EQ(size_text(999'500), "1.00 MB");
    EXPECT_EQ(size_text(206'000'000), "206 MB");
    EXPECT_EQ(size_text(1'520'000'000), "1.52 GB");
    EXPECT_EQ(size_text(UINT64_MAX), "18.4 EB");
}

TEST(ProgressLines, a_complete_transfer_has_its_line_and_a_failed_one_has_none) {
    const Pipe pipe;
    Progress progress(pipe.in());
    {
        auto good = progress.start("File Upload progress", 2000);
        auto bad = progress.start("bad");
        good.add(500);
        good.add(1500);
        bad.add(1);
        good.complete();
    }
    EXPECT_EQ(pipe.text(), "File Upload progress: 2.00 kB/2.00 kB\n");
}

TEST(ProgressLines, nothing_is_written_where_nothing_is_wanted) {
    const Pipe pipe;
    Progress progress(ProgressStyle::none, pipe.in());
    auto transfer = progress.start("label", 10);
    transfer.add(10);
    transfer.complete();
    EXPECT_EQ(pipe.text(), "");
}

TEST(ProgressBars, a_bar_looks_like_that_of_the_original) {
    const Terminal terminal(80, 24);
    Progress progress(ProgressStyle::bars, terminal.fd());
    auto transfer = progress.start("File Upload progress", 200'000'000);
    transfer.set(100'000'000);
    transfer.complete();
    const std::string bar =
        "[" + std::string(20, '=') + ">" + std::string(20, ' ') + "] 100 MB/200 MB";
    EXPECT_NE(terminal.text().find("File Upload progress: " + bar), std::string::npos);
}

TEST(ProgressBars, no_line_reaches_the_last_column) {
    for (const unsigned short columns : {1, 5, 12, 30, 60, 300}) {
        const Terminal terminal(columns, 24);
        Progress progress(ProgressStyle::bars, terminal.fd());
        auto transfer = progress.start("Fetching http://example.com/a/rather/long/path.tar", 1000);
        transfer.add(333);
        transfer.complete();
        const std::string text = terminal.text();
        EXPECT_LT(longest_line(text), columns) << text;
        EXPECT_FALSE(text.empty());
    }
}

TEST(ProgressBars, more_transfers_than_rows_are_counted) {
    const Terminal terminal(80, 4);
    Progress progress(ProgressStyle::bars, terminal.fd());
    std::vector<Progress::Transfer> transfers;
    for (int i = 0; i < 20; ++i) transfers.push_back(progress.start("t" + std::to_string(i), 1));
    std::ostringstream out;
    progress.print(out, "line");
    EXPECT_EQ(out.str(), "line\n");
    EXPECT_NE(terminal.text().find("and 18 more"), std::string::npos);
}

TEST(ProgressBars, are_drawn_at_most_ten_times_a_second) {
    const Terminal terminal(80, 24);
    Progress progress(ProgressStyle::bars, terminal.fd());
    auto transfer = progress.start("label", 1'000'000);
    const auto begin = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - begin < std::chrono::milliseconds(250)) {
        transfer.add(1);
    }
    const auto spent = std::chrono::steady_clock::now() - begin;
    const std::string text = terminal.text();
    std::size_t pictures = 0;
    for (const char c : text) pictures += c == '[' ? 1 : 0;
    // Each picture has one bracket of its bar and one of a control sequence.
    EXPECT_LE(pictures, 2 * (2 + static_cast<std::size_t>(spent / std::chrono::milliseconds(100))));
    EXPECT_GE(pictures, 2 * 2U);
}

TEST(ProgressBars, control_characters_of_a_label_do_not_reach_the_terminal) {
    const Terminal terminal(80, 24);
    Progress progress(ProgressStyle::bars, terminal.fd());
    progress.start("a\x1b]0;title\a", 1).complete();
    EXPECT_EQ(terminal.text().find("\x1b]"), std::string::npos);
}

TEST(Progress, threads_may_use_it_together) {
    const Pipe pipe;
    Progress progress(ProgressStyle::lines, pipe.in());
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 100; ++i) {
                auto transfer = progress.start("label", 1000);
                for (int n = 0; n < 10; ++n) transfer.add(100);
                transfer.complete();
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    const std::string line = "label: 1.00 kB/1.00 kB\n";
    std::string all;
    for (int i = 0; i < 400; ++i) all += line;
    EXPECT_EQ(pipe.text(), all);
}

}  // namespace
}  // namespace pkgreg::cli

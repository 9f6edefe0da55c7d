// LineWriter: lines of a log on their way to where they are kept, so that no request waits for a
// disk or a reader.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace pkgreg {

/// Where lines are kept. Only the writer's thread calls it.
class LineSink {
 public:
    virtual ~LineSink() = default;

    /// Writes whole lines, and takes off `lines` what was written; false: try again with the rest
    /// later. May throw `std::bad_alloc`, which is the same.
    virtual bool write(std::string& lines) = 0;
    /// All that it got is written; after a failure also what waited meanwhile. `lost` lines found
    /// no room since the last call; often none.
    virtual void caught_up(std::uint64_t lost) = 0;
    /// The writer ends, and there are lines that could not be written.
    virtual void give_up() noexcept {}
};

/// Writes all of `text`, and takes off what was written, also where it fails (false, with `errno`).
/// @param patience_ms how long a pipe's or socket's reader is waited for at a time, after which the
///                    call fails with `EAGAIN`; negative: for ever
bool write_all(int fd, std::string_view& text, int patience_ms) noexcept;

/// Collects lines and hands them to a sink from a thread of its own, a moment later. Any thread may
/// write.
class LineWriter {
 public:
    struct Settings {
        /// Bytes that wait at most; what comes on top is lost, and counted.
        std::size_t most_waiting;
        /// Bytes that are not let wait for more.
        std::size_t enough;
        /// How long fewer bytes wait for more, which makes one call for many lines.
        std::chrono::milliseconds gather_time;
    };

    LineWriter(const Settings& settings, std::unique_ptr<LineSink> sink);
    /// Writes what is left; tries once where the sink has no room.
    ~LineWriter();
    LineWriter(const LineWriter&) = delete;
    LineWriter& operator=(const LineWriter&) = delete;

    /// @param append appends one line, with its line break, to the string that it gets
    template <class Append>
    void write(const Append& append) noexcept {
        try {
            thread_local std::string line;
            line.clear();
            append(line);
            add(line);
        } catch (const std::exception&) {
            count_lost();
        }
    }

 private:
    void add(std::string_view line);
    void count_lost() noexcept;
    void run() noexcept;
    bool wait(bool try_again);
    bool take(std::string& lines);
    bool hand_over(std::string& lines);

    const Settings settings_;
    const std::unique_ptr<LineSink> sink_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::string lines_;
    std::uint64_t lost_ = 0;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace pkgreg

// Progress of transfers: bars on a terminal, plain lines elsewhere. For people only: everything
// goes to standard error, so what a script reads on standard output stays as it is.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unistd.h>

namespace pkgreg::cli {

enum class ProgressStyle : std::uint8_t {
    bars,   ///< a bar for each transfer, redrawn at most ten times a second
    lines,  ///< a line when a transfer is complete, and every ten seconds while it is not
    none,
};

/// Bars where the descriptor is a terminal that can move its cursor, else lines.
ProgressStyle progress_style_of(int fd);

/// Shows any number of transfers at once:
///
///     File Upload progress: [=========>          ] 106 MB/206 MB
///
/// Any thread may use it and its transfers. What it is told of is counted, not trusted to be
/// true: a transfer may go beyond its total. That nobody can read it ends nothing.
class Progress {
    struct Item;

 public:
    /// One transfer that is shown. Unless it was completed it vanishes with this object, as it
    /// failed and the message of the failure says more. One thread uses it at a time.
    class Transfer {
     public:
        Transfer(Transfer&& other) noexcept;
        Transfer& operator=(Transfer&&) = delete;
        ~Transfer();

        /// Counts further bytes.
        void add(std::uint64_t bytes);
        /// Sets how many bytes there are so far; fewer, where a transfer begins again.
        void set(std::uint64_t bytes);
        /// Sets the total, for when it becomes known on the way.
        void set_total(std::uint64_t bytes);
        /// The transfer is complete: its bar stays, and the next one comes below it.
        void complete();

     private:
        friend class Progress;
        Transfer(Progress& progress, Item& item) noexcept : progress_(&progress), item_(&item) {}
        Progress* progress_;
        Item* item_;
    };

    /// @param fd stays open as long as this lives
    explicit Progress(int fd = STDERR_FILENO) : Progress(progress_style_of(fd), fd) {}
    explicit Progress(ProgressStyle style, int fd = STDERR_FILENO);
    /// All transfers must be gone.
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// Shows a transfer from now on.
    ///
    /// @param label what stands in front of its bar, without a colon
    Transfer start(std::string_view label, std::optional<std::uint64_t> total = {});

    /// Writes a line and a line break to `out`, without bars in its way if both share a terminal.
    void print(std::ostream& out, std::string_view line);

 private:
    using Clock = std::chrono::steady_clock;

    void touch();
    void end(Item& item, bool complete);
    void draw();
    void erase();
    std::string bar(const Item& item, std::size_t width) const;
    void write_all(std::string_view text) const;

    const int fd_;
    const ProgressStyle style_;
    /// When the next picture is due, in ticks of the clock; read without the lock, as most calls
    /// only count.
    std::atomic<Clock::rep> due_;
    std::mutex mutex_;
    std::list<Item> items_;
    std::size_t drawn_ = 0;  ///< lines on the terminal that will be drawn again
};

/// `206 MB`, `1.52 GB`: three digits that count, in powers of 1,000.
std::string size_text(std::uint64_t bytes);

}  // namespace pkgreg::cli

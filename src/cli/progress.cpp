#include "cli/progress.hpp"

#include "base/printable.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ostream>
#include <string>
#include <sys/ioctl.h>
#include <utility>

namespace pkgreg::cli {
namespace {

constexpr std::chrono::milliseconds bar_interval{100};
constexpr std::chrono::seconds line_interval{10};
/// More bars than these are only counted; a small terminal shows fewer.
constexpr std::size_t max_bars = 12;
constexpr std::size_t min_bar = 10;
constexpr std::size_t max_bar = 50;

struct Terminal {
    std::size_t columns = 80;
    std::size_t rows = 24;
};

Terminal terminal_size(int fd) {
    winsize size{};
    Terminal terminal;
    if (::ioctl(fd, TIOCGWINSZ, &size) == 0) {
        if (size.ws_col != 0) terminal.columns = size.ws_col;
        if (size.ws_row != 0) terminal.rows = size.ws_row;
    }
    return terminal;
}

/// `106 MB/206 MB`, or `106 MB` where the total is not known.
std::string amount(std::uint64_t done, std::optional<std::uint64_t> total) {
    return size_text(done) + (total ? "/" + size_text(*total) : std::string());
}

}  // namespace

std::string size_text(std::uint64_t bytes) {
    static constexpr std::array units{"kB", "MB", "GB", "TB", "PB", "EB"};
    if (bytes < 1000) return std::to_string(bytes) + " B";
    double value = static_cast<double>(bytes) / 1000;
    std::size_t unit = 0;
    // 999.5 would be printed as 1000.
    while (value >= 999.5 && unit + 1 < units.size()) {
        value /= 1000;
        ++unit;
    }
    const int decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.*f %s", decimals, value, units.at(unit));
    return text.data();
}

ProgressStyle progress_style_of(int fd) {
    const char* kind = std::getenv("TERM");
    const bool can_move = kind && *kind != '\0' && std::string_view(kind) != "dumb";
    return can_move && ::isatty(fd) == 1 ? ProgressStyle::bars : ProgressStyle::lines;
}

struct Progress::Item {
    static constexpr std::uint64_t unknown = UINT64_MAX;

    std::string label;
    std::atomic<std::uint64_t> done{0};
    std::atomic<std::uint64_t> total{unknown};

    std::optional<std::uint64_t> known_total() const {
        const std::uint64_t bytes = total;
        return bytes == unknown ? std::nullopt : std::optional(bytes);
    }
};

Progress::Transfer::Transfer(Transfer&& other) noexcept
    : progress_(other.progress_), item_(std::exchange(other.item_, nullptr)) {}

Progress::Transfer::~Transfer() {
    if (item_) progress_->end(*item_, false);
}

void Progress::Transfer::add(std::uint64_t bytes) {
    item_->done += bytes;
    progress_->touch();
}

void Progress::Transfer::set(std::uint64_t bytes) {
    item_->done = bytes;
    progress_->touch();
}

void Progress::Transfer::set_total(std::uint64_t bytes) {
    item_->total = bytes;
}

void Progress::Transfer::complete() {
    progress_->end(*std::exchange(item_, nullptr), true);
}

Progress::Progress(ProgressStyle style, int fd)
    : fd_(fd),
      style_(style),
      due_((style == ProgressStyle::lines ? Clock::now() + line_interval : Clock::now())
               .time_since_epoch()
               .count()) {}

Progress::~Progress() = default;

Progress::Transfer Progress::start(std::string_view label, std::optional<std::uint64_t> total) {
    Item* item = nullptr;
    {
        const std::lock_guard lock(mutex_);
        item = &items_.emplace_back();
        append_printable(item->label, label);
        if (total) item->total = *total;
    }
    touch();
    return Transfer(*this, *item);
}

void Progress::print(std::ostream& out, std::string_view line) {
    const std::lock_guard lock(mutex_);
    erase();
    out << line << '\n' << std::flush;
    if (style_ == ProgressStyle::bars) draw();
}

/// Draws, if it is time. Whoever comes while another one draws goes on: its bytes are in the next
/// picture.
void Progress::touch() {
    if (style_ == ProgressStyle::none) return;
    const Clock::duration now = Clock::now().time_since_epoch();
    if (now.count() < due_.load(std::memory_order_relaxed)) return;
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock || now.count() < due_) return;
    const bool bars = style_ == ProgressStyle::bars;
    due_ = (now + (bars ? Clock::duration(bar_interval) : Clock::duration(line_interval))).count();
    draw();
}

void Progress::end(Item& item, bool complete) {
    const std::lock_guard lock(mutex_);
    std::string last;
    if (complete && style_ == ProgressStyle::bars) {
        last = bar(item, terminal_size(fd_).columns) + '\n';
    } else if (complete && style_ == ProgressStyle::lines) {
        last = item.label + ": " + amount(item.done, item.known_total()) + '\n';
    }
    items_.remove_if([&](const Item& other) { return &other == &item; });
    erase();
    write_all(last);
    if (style_ == ProgressStyle::bars) draw();
}

/// Draws over the picture before; the lock is held.
void Progress::draw() {
    std::string text;
    if (style_ == ProgressStyle::lines) {
        for (const Item& item : items_) {
            text += item.label + ": " + amount(item.done, item.known_total()) + '\n';
        }
        write_all(text);
        return;
    }
    const Terminal terminal = terminal_size(fd_);
    const std::size_t room = std::clamp<std::size_t>(terminal.rows - 1, 1, max_bars);
    const std::size_t shown = items_.size() <= room ? items_.size() : room - 1;
    const std::size_t before = drawn_;
    if (before > 1) text += "\x1b[" + std::to_string(before - 1) + "A";
    drawn_ = 0;
    const auto line = [&](const std::string& content) {
        // To the end of the line after each, and not before: nothing flickers.
        text += (drawn_++ == 0 ? "\r" : "\r\n") + content + "\x1b[K";
    };
    auto item = items_.begin();
    for (std::size_t i = 0; i < shown; ++i, ++item) line(bar(*item, terminal.columns));
    if (shown < items_.size()) {
        line(("and " + std::to_string(items_.size() - shown) + " more")
                 .substr(0, terminal.columns - 1));
    }
    if (drawn_ < before) text += "\x1b[J";
    write_all(text);
}

/// Takes the picture away and leaves the cursor where it began; the lock is held.
void Progress::erase() {
    if (drawn_ == 0) return;
    write_all("\r" + (drawn_ > 1 ? "\x1b[" + std::to_string(drawn_ - 1) + "A" : std::string()) +
              "\x1b[J");
    drawn_ = 0;
}

/// A line that is shorter than `width`: in the last column some terminals go on to the next line.
std::string Progress::bar(const Item& item, std::size_t width) const {
    const std::uint64_t done = item.done;
    const std::optional<std::uint64_t> total = item.known_total();
    const std::string numbers = amount(done, total);
    const std::size_t room = width - 1;
    std::string text = item.label + ": ";
    const std::size_t around = text.size() + numbers.size() + 3;  // brackets and a space
    if (total && around + min_bar <= room) {
        const std::size_t length = std::min(max_bar, room - around);
        const double share =
            *total == 0 ? 1 : static_cast<double>(done) / static_cast<double>(*total);
        const auto full =
            static_cast<std::size_t>(std::min(share, 1.0) * static_cast<double>(length));
        std::string filled(full, '=');
        if (full < length) filled += '>';
        filled.resize(length, ' ');
        return text + '[' + filled + "] " + numbers;
    }
    // The numbers matter most; of a label that is too long, such as a URL, its end does.
    if (numbers.size() + 2 >= room) return numbers.substr(0, room);
    const std::size_t space = room - numbers.size() - 2;
    std::string label = item.label;
    if (label.size() > space) {
        label = space > 3 ? "..." + label.substr(label.size() - (space - 3))
                          : label.substr(label.size() - space);
    }
    return label + ": " + numbers;
}

void Progress::write_all(std::string_view text) const {
    while (!text.empty()) {
        const ssize_t n = ::write(fd_, text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return;
        text.remove_prefix(static_cast<std::size_t>(n));
    }
}

}  // namespace pkgreg::cli

// Transfer: one request on its way, shared by the coroutine that waits for it and the transport's
// thread that moves its bytes. Neither can free it under the other.
#pragma once

#include "base/suspend.hpp"
#include "base/unique_fd.hpp"
#include "s3/transport.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace pkgreg::s3 {

/// Memory for bodies that come faster than they are read, reused while it is warm.
class ChunkPool {
 public:
    static constexpr std::size_t chunk_size = std::size_t{256} << 10;
    using Memory = std::unique_ptr<std::byte[]>;

    Memory take() {
        const std::lock_guard lock(mutex_);
        if (free_.empty()) return Memory(new std::byte[chunk_size]);
        Memory memory = std::move(free_.back());
        free_.pop_back();
        return memory;
    }
    void give(Memory memory) {
        const std::lock_guard lock(mutex_);
        if (free_.size() < most_kept) free_.push_back(std::move(memory));
    }

 private:
    static constexpr std::size_t most_kept = 16;
    std::mutex mutex_;
    std::vector<Memory> free_;
};

/// Bytes from `begin` to `end` of a chunk's memory are there and not read yet.
struct Chunk {
    ChunkPool::Memory memory;
    std::size_t begin = 0;
    std::size_t end = 0;
};

struct FreeHeaderList {
    void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};

/// What the coroutine waits for.
enum class Awaited : std::uint8_t { end, headers, bytes };

struct Transfer {
    using Clock = std::chrono::steady_clock;

    /// A stream is paused above the first bound and goes on below the second. What is under way
    /// inside libcurl may still come on top, up to the third.
    static constexpr std::size_t pause_above = std::size_t{2} << 20;
    static constexpr std::size_t go_on_below = std::size_t{1} << 20;
    static constexpr std::size_t most_buffered = std::size_t{4} << 20;
    /// A reader is woken for this much, or for less when nothing more comes for a moment.
    static constexpr std::size_t worth_waking = std::size_t{256} << 10;

    Transfer(HttpRequest of, bool streams, ChunkPool& pool)
        : request(std::move(of)), streaming(streams), chunk_pool(pool) {}
    ~Transfer() {
        for (Chunk& chunk : chunks) chunk_pool.give(std::move(chunk.memory));
    }
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    const HttpRequest request;
    const bool streaming;
    ChunkPool& chunk_pool;

    // Only the transport's thread touches these, between start and end.
    CURL* handle = nullptr;
    std::unique_ptr<curl_slist, FreeHeaderList> header_list = nullptr;
    char error_text[CURL_ERROR_SIZE] = {};
    curl_off_t moved = -1;
    Clock::time_point moved_at = {};
    bool touched = false;  ///< Something came since its coroutine was last looked at.
    bool overflowed = false;
    std::uint64_t received = 0;  ///< bytes of a stream's body that libcurl gave
    bool unbounded = false;      ///< What it kept back is taken now, however much is buffered.
    bool lingers = false;        ///< A reader has something, but not yet what is worth waking it.
    Clock::time_point linger_until = {};

    // A body that goes past libcurl: set by the thread when the coroutine asks for it and waits.
    UniqueFd socket;
    std::atomic<std::uint64_t> socket_left{0};  ///< bytes of the body that were not taken from it

    // Written by the thread, read by the coroutine once what it awaits has come.
    HttpAnswer answer = {};

    std::mutex mutex;  // guards what follows
    std::condition_variable ended;
    bool has_headers = false;
    bool has_ended = false;
    bool paused = false;
    std::deque<Chunk> chunks;
    std::size_t buffered = 0;   ///< bytes in `chunks`
    std::span<std::byte> into;  ///< where a waiting reader wants them; else empty
    std::size_t filled = 0;
    Awaited awaited = Awaited::end;
    Resume waiter;

    bool streams_now() const noexcept { return streaming && answer.is_success(); }

    /// Whether a waiting coroutine has to go on. Under the mutex.
    bool is_ready(bool without_more) const noexcept {
        if (has_ended) return true;
        switch (awaited) {
            case Awaited::end: return false;
            case Awaited::headers: return has_headers && streams_now();
            case Awaited::bytes: break;
        }
        return filled >= (without_more ? 1 : std::min(into.size(), worth_waking));
    }

    /// Adds bytes of the body: straight to a reader that waits, else to the chunks. Under the
    /// mutex.
    void add(std::span<const std::byte> bytes) {
        if (filled < into.size()) {
            const std::size_t direct = std::min(bytes.size(), into.size() - filled);
            std::memcpy(into.data() + filled, bytes.data(), direct);
            filled += direct;
            bytes = bytes.subspan(direct);
        }
        while (!bytes.empty()) {
            if (chunks.empty() || chunks.back().end == ChunkPool::chunk_size) {
                chunks.push_back({chunk_pool.take()});
            }
            Chunk& chunk = chunks.back();
            const std::size_t n = std::min(bytes.size(), ChunkPool::chunk_size - chunk.end);
            std::memcpy(chunk.memory.get() + chunk.end, bytes.data(), n);
            chunk.end += n;
            buffered += n;
            bytes = bytes.subspan(n);
        }
    }
};

}  // namespace pkgreg::s3

// The head of an HTTP/1.1 request: request line and fields, read strictly by RFC 9112.
//
// Written by hand because strictness is the point. What two parsers of one request can read in two
// ways is how requests are smuggled past a proxy, so everything ambiguous is refused here: bare
// line feeds, folded fields, blanks before a colon, repeated or dressed-up lengths, unknown
// codings. The parser copies nothing: the head that it returns points into the bytes that it was
// given.
#pragma once

#include "pkgreg/http.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace pkgreg {

/// How the end of a request's body is known.
enum class BodyFraming : std::uint8_t { none, length, chunked };

/// A complete head. Views point into the bytes that were parsed.
struct RequestHead {
    HttpMethod method = HttpMethod::other;
    std::string_view method_name;
    std::string_view target;
    std::vector<HeaderField> fields;
    BodyFraming framing = BodyFraming::none;
    std::uint64_t content_length = 0;
    /// HTTP/1.1, or else HTTP/1.0.
    bool http_1_1 = true;
    /// The client wants the connection to stay open.
    bool keep_alive = true;
    /// The client waits for `100 Continue` before it sends the body.
    bool expects_continue = false;
    /// `X-Request-Id`, where it is fit for a log.
    std::string_view request_id;
};

/// Why a head was refused. The message is plain ASCII without quotes and lives for ever.
struct Refusal {
    unsigned status = 400;
    std::string_view message;
};

class RequestParser {
 public:
    enum class Result : std::uint8_t { incomplete, complete, refused };

    /// Zero switches a limit off.
    RequestParser(std::size_t max_bytes, std::size_t max_fields) noexcept
        : max_bytes_(max_bytes), max_fields_(max_fields) {}

    /// Reads on. `bytes` begins where the head begins, is longer with each call, and may move only
    /// together with a call of `restart`. May write into `bytes` (an absolute target loses its
    /// authority in place).
    Result parse(std::span<char> bytes);

    /// Turns a head that did not come in time into a refusal.
    void refuse_late() noexcept { refuse(408, "the request's header fields did not come in time"); }

    /// Forgets what was read, for the next head or because the bytes moved.
    void restart() noexcept;

    /// After `complete`: the head, and how many bytes it took. After `refused`: as far as it came.
    const RequestHead& head() const noexcept { return head_; }
    std::size_t size() const noexcept { return line_start_; }
    /// After `refused`.
    const Refusal& refusal() const noexcept { return refusal_; }

 private:
    Result refuse(unsigned status, std::string_view message) noexcept;
    Result parse_unfinished_line(std::span<const char> line);
    Result parse_request_line(std::span<char> line);
    Result parse_target(std::span<char> target);
    Result parse_field(std::string_view line);
    Result finish();
    Result check_field(const HeaderField& field);
    bool over(std::size_t bytes) const noexcept { return max_bytes_ != 0 && bytes > max_bytes_; }

    std::size_t max_bytes_;
    std::size_t max_fields_;
    std::size_t line_start_ = 0;
    std::size_t scanned_ = 0;
    bool request_line_read_ = false;
    RequestHead head_;
    Refusal refusal_;

    // What the fields said, until `finish` puts it together.
    char* missing_slash_ = nullptr;
    std::size_t hosts_ = 0;
    std::optional<std::uint64_t> length_;
    bool chunked_ = false;
    bool close_ = false;
    bool stay_ = false;
};

}  // namespace pkgreg

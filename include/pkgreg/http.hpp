// Requests and responses without a socket: what the protocol handlers take and give. The server,
// an embedder's in-process call and the tests all speak to the handlers through these.
#pragma once

#include "pkgreg/access.hpp"
#include "pkgreg/awaitable.hpp"
#include "pkgreg/object_store.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace pkgreg {

/// Methods that a handler can tell apart; any other is `other`.
enum class HttpMethod : std::uint8_t { get, head, post, put, patch, delete_, options, other };
/// The method of that name, which is matched exactly (RFC 9110, 9.1).
constexpr HttpMethod parse_http_method(std::string_view name) noexcept {
    if (name == "GET") return HttpMethod::get;
    if (name == "HEAD") return HttpMethod::head;
    if (name == "POST") return HttpMethod::post;
    if (name == "PUT") return HttpMethod::put;
    if (name == "PATCH") return HttpMethod::patch;
    if (name == "DELETE") return HttpMethod::delete_;
    if (name == "OPTIONS") return HttpMethod::options;
    return HttpMethod::other;
}

/// The body of a request, read once from front to back by one coroutine.
class BodySource {
 public:
    virtual ~BodySource() = default;

    /// The announced length in bytes, or nothing when it is known only at the end.
    virtual std::optional<std::uint64_t> length() const noexcept = 0;

    /// Whether `read` would not have to wait, as far as can be told without waiting.
    virtual bool ready() { return false; }

    /// Completes when `read` would not have to wait. Lets a reader wait without holding a buffer.
    virtual awaitable<void> wait() = 0;

    /// Reads what is there, at most `into.size()` bytes and at least one; 0 only at the end. Throws
    /// `truncated` when the body ends before its announced length or its last chunk, and `timeout`
    /// when nothing comes for too long.
    virtual awaitable<std::size_t> read(std::span<std::byte> into) = 0;
};

/// A body that lies in memory; `bytes` must outlive it.
class MemoryBody final : public BodySource {
 public:
    explicit MemoryBody(std::string_view bytes) noexcept : rest_(bytes), length_(bytes.size()) {}

    std::optional<std::uint64_t> length() const noexcept override { return length_; }
    bool ready() override { return true; }
    awaitable<void> wait() override { co_return; }
    awaitable<std::size_t> read(std::span<std::byte> into) override {
        const std::size_t n = std::min(into.size(), rest_.size());
        if (n != 0) std::memcpy(into.data(), rest_.data(), n);
        rest_.remove_prefix(n);
        co_return n;
    }

 private:
    std::string_view rest_;
    std::uint64_t length_;
};

/// One header field of a request, as it came, blanks around the value removed.
struct HeaderField {
    std::string_view name;
    std::string_view value;
};

/// Whether two field names are the same; their letters' case does not count (RFC 9110, 5.1).
constexpr bool same_field_name(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        char x = a[i];
        char y = b[i];
        if (x >= 'A' && x <= 'Z') x = static_cast<char>(x - 'A' + 'a');
        if (y >= 'A' && y <= 'Z') y = static_cast<char>(y - 'A' + 'a');
        if (x != y) return false;
    }
    return true;
}

/// A request. A view: everything that it points at belongs to the caller and must live until the
/// response is there (not until the response's body has been read).
struct HttpRequest {
    HttpMethod method = HttpMethod::get;
    /// Path and query as they stand in the request line, percent-encoded.
    std::string_view target;
    std::span<const HeaderField> headers;
    /// Null when the request has no body.
    BodySource* body = nullptr;
    /// Who asks: an address, or any text an embedder chooses. For logs.
    std::string_view client = {};
    /// Names this request in logs; empty: none.
    std::string_view id = {};
    /// It came over TLS.
    bool secure = false;
    /// The certificate that the client showed; null: none.
    const ClientCertificate* certificate = nullptr;
    /// Who asks, where the caller vouches for it: then nothing in the request has to prove it.
    /// Null: the request's own credentials count. Needs no access control to be on.
    const Identity* identity = nullptr;

    /// The value of the first field of that name, or nothing.
    std::optional<std::string_view> header(std::string_view name) const noexcept {
        for (const HeaderField& field : headers) {
            if (same_field_name(field.name, name)) return field.value;
        }
        return std::nullopt;
    }
};

/// The body of a response: nothing, some bytes, or an open object. One coroutine uses it at a time.
class ResponseBody {
 public:
    ResponseBody() noexcept = default;
    /// Bytes of its own.
    explicit ResponseBody(std::string text)
        : shared_(std::make_shared<const std::string>(std::move(text))), bytes_(*shared_) {}
    /// Bytes shared with a cache: `bytes` lies inside `*owner`.
    ResponseBody(std::shared_ptr<const std::string> owner, std::string_view bytes) noexcept
        : shared_(std::move(owner)), bytes_(bytes) {}
    /// An object, of which the reader's interval is sent.
    explicit ResponseBody(std::unique_ptr<ObjectReader> reader) noexcept
        : reader_(std::move(reader)) {}

    /// Length in bytes.
    std::uint64_t length() const noexcept {
        if (reader_) return reader_->interval().value_or(ByteInterval{}).length;
        return bytes_.size();
    }
    /// The bytes, where the body is not an object.
    std::string_view bytes() const noexcept { return bytes_; }
    /// The object, or null where the body is bytes.
    ObjectReader* reader() const noexcept { return reader_.get(); }

 private:
    std::shared_ptr<const std::string> shared_;
    std::string_view bytes_;
    std::unique_ptr<ObjectReader> reader_;
};

/// A response. `Content-Length` is not among the fields: whoever sends the response derives it from
/// the body, or from `head_length` where a HEAD is answered.
class HttpResponse {
 public:
    explicit HttpResponse(unsigned status = 200) : status_(status) { fields_.reserve(256); }

    unsigned status() const noexcept { return status_; }

    /// Adds a field. Values come from validated types; line breaks in them are dropped all the
    /// same.
    HttpResponse& header(std::string_view name, std::string_view value) {
        fields_.append(name).append(": ");
        for (const char c : value) {
            if (c != '\r' && c != '\n' && c != '\0') fields_.push_back(c);
        }
        fields_.append("\r\n");
        return *this;
    }
    HttpResponse& set_body(ResponseBody body) {
        body_ = std::move(body);
        return *this;
    }
    /// For an answer to HEAD: the length that GET would have.
    HttpResponse& set_head_length(std::uint64_t length) {
        head_length_ = length;
        return *this;
    }

    /// All fields as they go over the wire, each line ended by CRLF.
    const std::string& fields() const noexcept { return fields_; }
    /// The first field of that name, or nothing. Valid until a field is added.
    std::optional<std::string_view> find(std::string_view name) const noexcept {
        std::string_view rest = fields_;
        while (!rest.empty()) {
            const std::size_t end = rest.find("\r\n");
            const std::string_view line = rest.substr(0, end);
            const std::size_t colon = line.find(": ");
            if (same_field_name(line.substr(0, colon), name)) return line.substr(colon + 2);
            rest.remove_prefix(end + 2);
        }
        return std::nullopt;
    }
    ResponseBody& body() noexcept { return body_; }
    const ResponseBody& body() const noexcept { return body_; }
    /// The value of `Content-Length`.
    std::uint64_t content_length() const noexcept {
        return head_length_ ? *head_length_ : body_.length();
    }

 private:
    unsigned status_;
    std::string fields_;
    ResponseBody body_;
    std::optional<std::uint64_t> head_length_;
};

/// Something that answers requests.
class HttpHandler {
 public:
    virtual ~HttpHandler() = default;
    /// Answers one request. Never throws: what goes wrong becomes an error response. May be called
    /// from any thread, any number at once; the handler must outlive the call.
    virtual awaitable<HttpResponse> handle(const HttpRequest& request) = 0;
};

}  // namespace pkgreg

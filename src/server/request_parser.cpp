#include "server/request_parser.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace pkgreg {
namespace {

// A request line longer than this is refused as 414 even where the limit on the whole head is
// wider: RFC 9112, section 3, asks for at least 8,000 bytes.
constexpr std::size_t max_request_line = std::size_t{16} << 10;

enum CharClass : std::uint8_t {
    token_char = 1,  // RFC 9110, 5.6.2
    value_char = 2,  // RFC 9110, 5.5: visible, blank, tab, or above ASCII
    target_char = 4,
    host_char = 8,
    id_char = 16,
};

constexpr std::array<std::uint8_t, 256> make_classes() {
    std::array<std::uint8_t, 256> classes{};
    const auto add = [&](std::string_view chars, std::uint8_t bits) {
        for (const char c : chars) classes[static_cast<unsigned char>(c)] |= bits;
    };
    constexpr std::string_view alphanumeric =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    add(alphanumeric, token_char | host_char | id_char);
    add("!#$%&'*+-.^_`|~", token_char);
    add("-._~%!$&'()*+;=:[]", host_char);
    add("-._", id_char);
    for (unsigned c = 0x21; c < 0x7f; ++c) classes[c] |= value_char | target_char;
    for (unsigned c = 0x80; c < 0x100; ++c) classes[c] |= value_char;
    add(" \t", value_char);
    classes['#'] &= static_cast<std::uint8_t>(~target_char);
    return classes;
}
constexpr auto classes = make_classes();

bool is(char c, std::uint8_t wanted) noexcept {
    return (classes[static_cast<unsigned char>(c)] & wanted) != 0;
}

bool all(std::string_view text, std::uint8_t wanted) noexcept {
    return std::ranges::all_of(text, [wanted](char c) { return is(c, wanted); });
}

std::string_view trim(std::string_view text) noexcept {
    const auto blank = [](char c) { return c == ' ' || c == '\t'; };
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    return text;
}

/// Whether a comma-separated list holds a word.
bool lists(std::string_view list, std::string_view word) noexcept {
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        if (same_field_name(trim(list.substr(0, comma)), word)) return true;
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return false;
}

bool is_version(std::string_view text) noexcept {
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    return text.size() == 8 && text.starts_with("HTTP/") && digit(text[5]) && text[6] == '.' &&
           digit(text[7]);
}

}  // namespace

void RequestParser::restart() noexcept {
    line_start_ = 0;
    scanned_ = 0;
    request_line_read_ = false;
    auto fields = std::move(head_.fields);
    fields.clear();
    head_ = RequestHead();
    head_.fields = std::move(fields);
    missing_slash_ = nullptr;
    hosts_ = 0;
    length_.reset();
    chunked_ = false;
    close_ = false;
    stay_ = false;
}

RequestParser::Result RequestParser::refuse(unsigned status, std::string_view message) noexcept {
    refusal_ = Refusal{status, message};
    return Result::refused;
}

RequestParser::Result RequestParser::parse(std::span<char> bytes) {
    while (true) {
        const auto rest = bytes.subspan(scanned_);
        const void* found = rest.empty() ? nullptr : std::memchr(rest.data(), '\n', rest.size());
        if (found == nullptr) {
            scanned_ = bytes.size();
            return parse_unfinished_line(bytes.subspan(line_start_));
        }
        const std::size_t feed =
            static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
        scanned_ = feed + 1;
        if (feed == line_start_ || bytes[feed - 1] != '\r') {
            return refuse(400, "a line of the request ends without a carriage return");
        }
        const auto line = bytes.subspan(line_start_, feed - 1 - line_start_);
        const bool leading_blank_line = line.empty() && !request_line_read_ && line_start_ == 0;
        if (!request_line_read_ && line.size() > max_request_line) {
            return refuse(414, "the request line is too long");
        }
        line_start_ = feed + 1;
        if (over(line_start_)) {
            return request_line_read_ ? refuse(431, "the header fields are too large")
                                      : refuse(414, "the request line is too long");
        }
        // RFC 9112, 2.2: an empty line in front of the request line is overlooked, but only one.
        if (leading_blank_line) continue;
        if (request_line_read_ && line.empty()) return finish();
        const Result result = request_line_read_
                                  ? parse_field(std::string_view(line.data(), line.size()))
                                  : parse_request_line(line);
        if (result == Result::refused) return result;
        request_line_read_ = true;
    }
}

/// Refuses as early as can be: a client that speaks TLS to this port never sends a line's end.
RequestParser::Result RequestParser::parse_unfinished_line(std::span<const char> line) {
    if (request_line_read_) {
        if (over(line_start_ + line.size())) return refuse(431, "the header fields are too large");
        return Result::incomplete;
    }
    if (!line.empty() && line[0] == 0x16) {
        return refuse(400, "this port speaks plain HTTP, and the client began with TLS");
    }
    if (!line.empty() && line[0] != '\r' && !is(line[0], token_char)) {
        return refuse(400, "the request does not begin with a method");
    }
    if (over(line_start_ + line.size()) || line.size() > max_request_line) {
        return refuse(414, "the request line is too long");
    }
    return Result::incomplete;
}

RequestParser::Result RequestParser::parse_request_line(std::span<char> line) {
    const std::string_view text(line.data(), line.size());
    const std::size_t first = text.find(' ');
    const std::size_t second = first == text.npos ? text.npos : text.find(' ', first + 1);
    if (second == text.npos) {
        return refuse(400, "the request line is not a method, a target and a version");
    }
    head_.method_name = text.substr(0, first);
    if (head_.method_name.empty() || !all(head_.method_name, token_char)) {
        head_.method_name = {};
        return refuse(400, "the request does not begin with a method");
    }
    head_.method = parse_http_method(head_.method_name);
    const std::string_view version = text.substr(second + 1);
    if (!is_version(version)) return refuse(400, "the request line does not end with a version");
    if (version != "HTTP/1.1" && version != "HTTP/1.0") {
        return refuse(505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    }
    head_.http_1_1 = version == "HTTP/1.1";
    return parse_target(line.subspan(first + 1, second - first - 1));
}

RequestParser::Result RequestParser::parse_target(std::span<char> target) {
    const std::string_view text(target.data(), target.size());
    if (text.empty() || !all(text, target_char)) {
        return refuse(400, "the request target has characters that no URL may have");
    }
    if (text.front() == '/') {
        head_.target = text;
        return Result::incomplete;
    }
    if (head_.method_name == "CONNECT") return refuse(501, "CONNECT is not implemented");
    if (text == "*" && head_.method == HttpMethod::options) {
        head_.target = text;
        return Result::incomplete;
    }
    const std::size_t slashes = text.find("://");
    const std::string_view scheme = text.substr(0, slashes == text.npos ? 0 : slashes);
    if (!same_field_name(scheme, "http") && !same_field_name(scheme, "https")) {
        return refuse(400, "the request target is neither a path nor an http URL");
    }
    const std::size_t authority = slashes + 3;
    const std::size_t end = std::min(text.find_first_of("/?", authority), text.size());
    if (end == authority || !all(text.substr(authority, end - authority), host_char)) {
        return refuse(400, "the request target has no valid host");
    }
    if (end < text.size() && text[end] == '/') {
        head_.target = text.substr(end);
    } else {
        missing_slash_ = &target[end - 1];
        head_.target = text.substr(end - 1);
    }
    return Result::incomplete;
}

RequestParser::Result RequestParser::parse_field(std::string_view line) {
    if (max_fields_ != 0 && head_.fields.size() == max_fields_) {
        return refuse(431, "the request has too many header fields");
    }
    if (line.front() == ' ' || line.front() == '\t') {
        return refuse(400, "a header field is folded over several lines");
    }
    std::size_t colon = 0;
    while (colon < line.size() && is(line[colon], token_char)) ++colon;
    if (colon == 0 || colon == line.size() || line[colon] != ':') {
        return refuse(400, "a header field has no valid name");
    }
    const std::string_view value = trim(line.substr(colon + 1));
    if (!all(value, value_char)) return refuse(400, "a header field has a control character");
    head_.fields.push_back(HeaderField{line.substr(0, colon), value});
    return check_field(head_.fields.back());
}

/// Takes note of the fields that concern the connection and the body.
RequestParser::Result RequestParser::check_field(const HeaderField& field) {
    const auto [name, value] = field;
    switch (name.size()) {
        case 4:
            if (!same_field_name(name, "Host")) break;
            ++hosts_;
            if (!all(value, host_char)) return refuse(400, "the field Host has no valid host");
            break;
        case 6:
            if (!same_field_name(name, "Expect") || !head_.http_1_1) break;
            if (!same_field_name(value, "100-continue")) {
                return refuse(417, "the only expectation that is met here is 100-continue");
            }
            head_.expects_continue = true;
            break;
        case 10:
            if (!same_field_name(name, "Connection")) break;
            close_ = close_ || lists(value, "close");
            stay_ = stay_ || lists(value, "keep-alive");
            break;
        case 12:
            if (!same_field_name(name, "X-Request-Id")) break;
            if (!value.empty() && value.size() <= 64 && all(value, id_char))
                head_.request_id = value;
            break;
        case 14: {
            if (!same_field_name(name, "Content-Length")) break;
            if (length_) return refuse(400, "the request has two fields Content-Length");
            std::uint64_t length = 0;
            const char* end = value.data() + value.size();
            const auto parsed = std::from_chars(value.data(), end, length);
            if (parsed.ec != std::errc() || parsed.ptr != end) {
                return refuse(400, "the field Content-Length is not a number");
            }
            length_ = length;
            break;
        }
        case 17:
            if (!same_field_name(name, "Transfer-Encoding")) break;
            if (chunked_) return refuse(400, "the request has two fields Transfer-Encoding");
            if (!same_field_name(value, "chunked")) {
                return refuse(501, "the only transfer coding that is understood is chunked");
            }
            chunked_ = true;
            break;
        default: break;
    }
    return Result::incomplete;
}

RequestParser::Result RequestParser::finish() {
    // RFC 9112, 3.2.1: an empty path is sent as a slash. The host before it is not needed any more,
    // and after this the head is not parsed again.
    if (missing_slash_ != nullptr) *missing_slash_ = '/';
    if (hosts_ > 1 || (hosts_ == 0 && head_.http_1_1)) {
        return refuse(400, "the request has not exactly one field Host");
    }
    if (chunked_ && length_) {
        return refuse(400, "the request has both Content-Length and Transfer-Encoding");
    }
    if (chunked_ && !head_.http_1_1) return refuse(400, "HTTP/1.0 has no Transfer-Encoding");
    if (chunked_) head_.framing = BodyFraming::chunked;
    if (length_.value_or(0) != 0) head_.framing = BodyFraming::length;
    head_.content_length = length_.value_or(0);
    head_.keep_alive = !close_ && (head_.http_1_1 || stay_);
    return Result::complete;
}

}  // namespace pkgreg

#include "protocol/target.hpp"

#include "pkgreg/error.hpp"

#include "base/hex_digit.hpp"

namespace pkgreg {
namespace {

[[noreturn]] void malformed() {
    throw Error(ErrorCode::malformed, "the request's target is not a path that can be read");
}

std::string decoded(std::string_view text, bool in_query) {
    auto result = percent_decode(text, in_query);
    if (!result || result->find('\0') != std::string::npos) malformed();
    return *std::move(result);
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text, bool in_query) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%') {
            if (i + 2 >= text.size()) return std::nullopt;
            const int high = hex_digit(text[i + 1]);
            const int low = hex_digit(text[i + 2]);
            if ((high | low) < 0) return std::nullopt;
            out.push_back(static_cast<char>(high << 4 | low));
            i += 2;
        } else {
            out.push_back(in_query && text[i] == '+' ? ' ' : text[i]);
        }
    }
    return out;
}

std::string percent_encode(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
                                c == '~';
        if (unreserved) {
            out.push_back(c);
        } else {
            constexpr char digits[] = "0123456789ABCDEF";
            const auto byte = static_cast<unsigned char>(c);
            out.push_back('%');
            out.push_back(digits[byte >> 4]);
            out.push_back(digits[byte & 15]);
        }
    }
    return out;
}

Target Target::parse(std::string_view text) {
    if (text.empty() || text.front() != '/') malformed();
    text = text.substr(0, text.find('#'));
    const std::size_t mark = text.find('?');
    Target target;
    target.path_ = decoded(text.substr(0, mark), false);
    std::string_view rest = mark == std::string_view::npos ? "" : text.substr(mark + 1);
    while (!rest.empty()) {
        const std::size_t end = rest.find('&');
        const std::string_view pair = rest.substr(0, end);
        rest = end == std::string_view::npos ? "" : rest.substr(end + 1);
        if (pair.empty()) continue;
        const std::size_t equals = pair.find('=');
        const std::string_view value =
            equals == std::string_view::npos ? "" : pair.substr(equals + 1);
        target.parameters_.emplace_back(decoded(pair.substr(0, equals), true),
                                        decoded(value, true));
    }
    return target;
}

std::optional<std::string_view> Target::query(std::string_view name) const noexcept {
    for (const auto& [key, value] : parameters_) {
        if (key == name) return value;
    }
    return std::nullopt;
}

std::vector<std::string_view> Target::queries(std::string_view name) const {
    std::vector<std::string_view> values;
    for (const auto& [key, value] : parameters_) {
        if (key == name) values.emplace_back(value);
    }
    return values;
}

}  // namespace pkgreg

#include "base/options_rules.hpp"

#include "pkgreg/object_key.hpp"

#include "base/json_text.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <netinet/in.h>
#include <sys/socket.h>
#include <utility>

namespace pkgreg::options_rules {
namespace {

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}
bool is_lower_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
bool is_visible(char c) {
    return c > ' ' && c < 0x7f;
}

Problem problem_of_bucket(std::string_view text) {
    const auto allowed = [](char c) {
        return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_';
    };
    if (text.size() >= 3 && text.size() <= 255 && std::ranges::all_of(text, allowed)) return {};
    return "is not the name of a bucket: 3 to 255 letters, digits, '-', '.' and '_'";
}

Problem problem_of_bucket_path(std::string_view text) {
    if (ObjectKey::is_valid(without_outer_slashes(text))) return {};
    return std::string(path_rule);
}

/// Whether it is an absolute URL of one of the schemes, with a host.
bool is_url(std::string_view text, std::initializer_list<std::string_view> schemes) {
    for (const std::string_view scheme : schemes) {
        if (!text.starts_with(scheme)) continue;
        const std::string_view rest = text.substr(scheme.size());
        const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
        if (!authority.empty() && rest.find(' ') == std::string_view::npos) return true;
    }
    return false;
}

Problem problem_of_url(std::string_view text) {
    if (is_url(text, {"https://", "http://"})) return {};
    return "must be a URL such as https://s3.us-east-1.amazonaws.com";
}

Problem problem_of_proxy(std::string_view text) {
    if (is_url(text, {"http://", "https://", "socks5://", "socks5h://"})) return {};
    return "must be a URL such as http://proxy.example.com:3128";
}

Problem problem_of_service_name(std::string_view text) {
    const auto allowed = [](char c) {
        return is_lower_or_digit(c) || c == '-' || c == '.' || c == '/';
    };
    const bool empty_folder =
        text.find("//") != std::string_view::npos || text.ends_with('/') || text.empty();
    if (!empty_folder && std::ranges::all_of(text, allowed)) return {};
    return "is not the name of a service: lower-case letters, digits, '-' and '.', in folders "
           "separated by '/'";
}

/// A certificate holds a name of at most 253 characters, in labels of at most 63 (RFC 1035, 2.3.4);
/// the first may be `*`.
Problem problem_of_host_name(const std::string& text) {
    const std::string problem =
        "must be host names or addresses, such as registry.example.com or 10.0.0.1, not ";
    std::array<unsigned char, sizeof(in6_addr)> address{};
    if (inet_pton(AF_INET, text.c_str(), address.data()) == 1 ||
        inet_pton(AF_INET6, text.c_str(), address.data()) == 1) {
        return {};
    }
    const auto is_label = [](std::string_view label) {
        const auto allowed = [](char c) {
            return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
        };
        return !label.empty() && label.size() <= 63 && !label.starts_with('-') &&
               !label.ends_with('-') && std::ranges::all_of(label, allowed);
    };
    std::string_view rest = text;
    if (rest.starts_with("*.")) rest.remove_prefix(2);
    // What ends like an address but is none would be taken for one by some clients.
    const std::string_view last = rest.substr(rest.rfind('.') + 1);
    bool good = text.size() <= 253 && !last.empty() && (last.front() < '0' || last.front() > '9');
    while (good && !rest.empty()) {
        const std::size_t dot = std::min(rest.find('.'), rest.size());
        good = is_label(rest.substr(0, dot)) && dot + 1 != rest.size();
        rest.remove_prefix(std::min(dot + 1, rest.size()));
    }
    return good ? Problem() : problem + json_string(text);
}

Problem problem_of_encryption(std::string_view text) {
    if (text == "AES256" || text == "aws:kms") return {};
    return "must be \"AES256\" or \"aws:kms\"";
}

Problem problem_of_storage_class(std::string_view text) {
    if (!std::ranges::all_of(text, is_visible)) return "must be one word";
    if (text != "GLACIER" && text != "DEEP_ARCHIVE") return {};
    return "must be a class whose objects can be read at any time; those of " + std::string(text) +
           " have to be restored first";
}

Problem problem_of_filled(const std::string& text, Text condition) {
    switch (condition) {
        case Text::bucket: return problem_of_bucket(text);
        case Text::bucket_path: return problem_of_bucket_path(text);
        case Text::url:
        case Text::filled_url:
        case Text::optional_url: return problem_of_url(text);
        case Text::host_names: return problem_of_host_name(text);
        case Text::optional_proxy: return problem_of_proxy(text);
        case Text::service_name: return problem_of_service_name(text);
        case Text::optional_word:
            return std::ranges::all_of(text, is_visible) ? Problem() : "must be one word";
        case Text::encryption: return problem_of_encryption(text);
        case Text::storage_class: return problem_of_storage_class(text);
        default: return {};
    }
}

bool may_be_empty(Text condition) {
    switch (condition) {
        case Text::free:
        case Text::optional_url:
        case Text::optional_proxy:
        case Text::optional_word:
        case Text::encryption:
        case Text::storage_class: return true;
        default: return false;
    }
}

}  // namespace

std::string number_text(double value) {
    std::array<char, 32> buffer;
    const bool whole = std::floor(value) == value && std::abs(value) < 1e15;
    const auto end =
        whole ? std::to_chars(buffer.begin(), buffer.end(), static_cast<long long>(value)).ptr
              : std::to_chars(buffer.begin(), buffer.end(), value).ptr;
    return std::string(buffer.begin(), end);
}

Problem problem_of(const std::string& text, Text condition) {
    if (std::ranges::any_of(text, is_control)) return "holds a control character";
    if (!text.empty()) return problem_of_filled(text, condition);
    return may_be_empty(condition) ? Problem() : "must not be empty";
}

Problem problem_of(const std::vector<std::string>& list, Text condition) {
    if (list.empty() && condition != Text::any_filled && condition != Text::host_names) {
        return "must name at least one";
    }
    for (const std::string& text : list) {
        if (auto problem = problem_of(text, condition)) return problem;
    }
    return {};
}

Problem problem_of(double value, Range range) {
    if (value >= range.least && value <= range.most) return {};
    return "must be from " + number_text(range.least) + " to " + number_text(range.most) +
           ", not " + number_text(value);
}

std::string_view without_outer_slashes(std::string_view path) {
    while (path.starts_with('/')) path.remove_prefix(1);
    while (path.ends_with('/')) path.remove_suffix(1);
    return path;
}

std::size_t spelling_distance(std::string_view a, std::string_view b) {
    const auto fold = [](char c) {
        if (c == '_') return '-';
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    };
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t change = diagonal + (fold(a[i - 1]) == fold(b[j - 1]) ? 0 : 1);
            diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, change}));
        }
    }
    return row[b.size()];
}

}  // namespace pkgreg::options_rules

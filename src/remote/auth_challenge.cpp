#include "remote/auth_challenge.hpp"

#include <algorithm>
#include <cstddef>

namespace pkgreg {
namespace {

bool is_token_char(char c) noexcept {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           marks.find(c) != std::string_view::npos;
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return out;
}

/// Reads the field from left to right; each member takes what it knows off the front.
class Reader {
 public:
    explicit Reader(std::string_view text) : rest_(text) {}

    std::vector<AuthChallenge> read() {
        std::vector<AuthChallenge> challenges;
        skip(" \t,");
        while (!rest_.empty()) {
            const std::string_view word = token();
            if (word.empty()) break;
            skip(" \t");
            if (rest_.starts_with('=')) {
                // A parameter; without a challenge in front of it, it belongs to nothing.
                if (challenges.empty() || !parameter(word, challenges.back())) break;
            } else {
                challenges.push_back({lower(word)});
                if (token68()) continue;
            }
            const bool more = rest_.starts_with(',');
            skip(" \t,");
            // Behind a parameter there is a comma or the end; behind a scheme its first parameter.
            if (!more && !challenges.back().parameters.empty()) break;
        }
        return challenges;
    }

 private:
    void skip(std::string_view what) {
        rest_.remove_prefix(std::min(rest_.find_first_not_of(what), rest_.size()));
    }

    std::string_view token() {
        const auto end = std::ranges::find_if_not(rest_, is_token_char);
        const std::string_view word =
            rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
        rest_.remove_prefix(word.size());
        return word;
    }

    bool parameter(std::string_view name, AuthChallenge& challenge) {
        rest_.remove_prefix(1);
        skip(" \t");
        std::optional<std::string> value;
        if (rest_.starts_with('"')) {
            value = quoted();
        } else if (const std::string_view word = token(); !word.empty()) {
            value = word;
        }
        if (!value) return false;
        challenge.parameters.emplace_back(lower(name), *std::move(value));
        skip(" \t");
        return true;
    }

    std::optional<std::string> quoted() {
        std::string value;
        for (std::size_t i = 1; i < rest_.size(); ++i) {
            if (rest_[i] == '"') {
                rest_.remove_prefix(i + 1);
                return value;
            }
            if (rest_[i] == '\\' && ++i == rest_.size()) break;
            value.push_back(rest_[i]);
        }
        return std::nullopt;
    }

    /// Schemes such as Negotiate have one opaque value in place of parameters. It is passed over;
    /// false where what comes is none.
    bool token68() {
        const auto is_digit = [](char c) { return is_token_char(c) || c == '/'; };
        std::size_t end =
            static_cast<std::size_t>(std::ranges::find_if_not(rest_, is_digit) - rest_.begin());
        if (end == 0) return false;
        end = std::min(rest_.find_first_not_of('=', end), rest_.size());
        const std::size_t behind = std::min(rest_.find_first_not_of(" \t", end), rest_.size());
        if (behind != rest_.size() && rest_[behind] != ',') return false;
        rest_.remove_prefix(behind);
        skip(" \t,");
        return true;
    }

    std::string_view rest_;
};

}  // namespace

std::string_view AuthChallenge::get(std::string_view name) const noexcept {
    for (const auto& [known, value] : parameters) {
        if (known == name) return value;
    }
    return {};
}

std::vector<AuthChallenge> parse_challenges(std::string_view field) {
    return Reader(field).read();
}

}  // namespace pkgreg

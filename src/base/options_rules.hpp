// What a single option's value may be: the words of closed lists, and the conditions that the list
// of options names. Readers of every form (JSON, URLs, what a program puts in) share these.
#pragma once

#include "pkgreg/options.hpp"

#include "base/options_fields.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg::options_rules {

using options_fields::Any;
using options_fields::Range;
using options_fields::Text;

// Words of the closed lists.

template <class E>
struct Word {
    std::string_view word;
    E value;
};

constexpr std::array<Word<LogLevel>, 4> level_words = {{{"debug", LogLevel::debug},
                                                        {"info", LogLevel::info},
                                                        {"warning", LogLevel::warning},
                                                        {"error", LogLevel::error}}};
constexpr std::array<Word<LogFormat>, 2> format_words = {
    {{"text", LogFormat::text}, {"json", LogFormat::json}}};
constexpr std::array<Word<S3Addressing>, 3> addressing_words = {
    {{"automatic", S3Addressing::automatic},
     {"path", S3Addressing::path},
     {"virtual-host", S3Addressing::virtual_host}}};
constexpr std::array<Word<S3Checksum>, 5> checksum_words = {{{"automatic", S3Checksum::automatic},
                                                             {"sha256", S3Checksum::sha256},
                                                             {"crc32c", S3Checksum::crc32c},
                                                             {"md5", S3Checksum::md5},
                                                             {"none", S3Checksum::none}}};
constexpr std::array<Word<ClusterCertificate>, 3> certificate_words = {
    {{"automatic", ClusterCertificate::automatic},
     {"on", ClusterCertificate::on},
     {"off", ClusterCertificate::off}}};

constexpr const auto& words_of(LogLevel) {
    return level_words;
}
constexpr const auto& words_of(LogFormat) {
    return format_words;
}
constexpr const auto& words_of(S3Addressing) {
    return addressing_words;
}
constexpr const auto& words_of(S3Checksum) {
    return checksum_words;
}
constexpr const auto& words_of(ClusterCertificate) {
    return certificate_words;
}

template <class E>
std::string_view word_of(E value) {
    for (const auto& entry : words_of(value)) {
        if (entry.value == value) return entry.word;
    }
    return {};
}

/// The value of a word, or nothing.
template <class E>
std::optional<E> value_of(std::string_view word) {
    for (const auto& entry : words_of(E())) {
        if (entry.word == word) return entry.value;
    }
    return std::nullopt;
}

/// `"text" or "json"`.
template <class E>
std::string list_words(E value) {
    std::string out;
    const auto& words = words_of(value);
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i != 0) out += i + 1 == words.size() ? " or " : ", ";
        out.append("\"").append(words[i].word).append("\"");
    }
    return out;
}

/// The shortest text that reads back as the same number.
std::string number_text(double value);

// What is wrong with a value; nothing when it is right.

using Problem = std::optional<std::string>;

Problem problem_of(const std::string& text, Text condition);
Problem problem_of(const std::vector<std::string>& list, Text condition);
Problem problem_of(double value, Range range);
template <class T>
Problem problem_of(const std::optional<T>& value, Range range) {
    return value ? problem_of(static_cast<double>(*value), range) : Problem();
}
template <class T>
Problem problem_of(const T&, Any) {
    return {};
}

/// Whether an object must give the value.
constexpr bool is_required(Text condition) {
    return condition == Text::required || condition == Text::bucket ||
           condition == Text::bucket_path || condition == Text::url;
}
template <class Condition>
constexpr bool is_required(Condition) {
    return false;
}

/// The path in a bucket without the slashes that may stand around it.
std::string_view without_outer_slashes(std::string_view path);

/// What the path in a bucket must be, for messages.
inline constexpr std::string_view path_rule =
    "must be components of A-Z a-z 0-9 and +,-._=@~! joined by slashes, none of them beginning "
    "with "
    "a dot";

// Suggestions for misspelt names.

/// How many letters must be added, dropped or changed to make one text of the other (Levenshtein);
/// upper case and `_` count as lower case and `-`.
std::size_t spelling_distance(std::string_view a, std::string_view b);

}  // namespace pkgreg::options_rules

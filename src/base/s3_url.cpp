#include "base/s3_url.hpp"

#include "pkgreg/object_key.hpp"

#include "base/hex_digit.hpp"
#include "base/options_fields.hpp"
#include "base/options_rules.hpp"

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>

namespace pkgreg {
namespace {

using namespace options_rules;
using options_fields::visit_fields;

struct Parameter {
    std::string name;
    std::string value;
    bool taken = false;
};

/// The text without percent-encoding; nothing when a `%` begins no code.
std::optional<std::string> decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        if (i + 2 >= text.size() || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0) {
            return std::nullopt;
        }
        out += static_cast<char>(hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2]));
        i += 2;
    }
    return out;
}

/// A parameter's name in a message, whatever it is made of.
std::string shown(std::string_view name) {
    std::string out;
    for (const char c : name.substr(0, 64)) out += c >= ' ' && c < 0x7f ? c : '?';
    return "'" + out + "'";
}

/// Fills the options from the parameters of a URL.
class ParameterReader {
 public:
    ParameterReader(std::string_view query, std::vector<std::string>& problems)
        : problems_(problems) {
        while (!query.empty()) {
            const std::size_t end = std::min(query.find('&'), query.size());
            if (end != 0) add(query.substr(0, end));
            query.remove_prefix(std::min(end + 1, query.size()));
        }
    }

    template <class T, class Condition>
    void operator()(std::string_view key, T& target, Condition condition) {
        if (key == "bucket" || key == "path") return;  // the URL begins with them
        known_.push_back(key);
        const auto found = std::ranges::find(parameters_, key, &Parameter::name);
        if (found == parameters_.end()) return;
        found->taken = true;
        T value = target;
        Problem problem = convert(found->value, value, condition);
        if (!problem) problem = problem_of(value, condition);
        if (problem) {
            problems_.push_back("parameter " + std::string(key) + ": " + *problem);
        } else {
            target = std::move(value);
        }
    }

    /// Names the parameters that no field took.
    void refuse_unknown() const {
        for (const Parameter& parameter : parameters_) {
            if (parameter.taken) continue;
            problems_.push_back("parameter " + shown(parameter.name) + " is unknown; " +
                                suggest(parameter.name));
        }
    }

 private:
    void add(std::string_view text) {
        const std::size_t equals = std::min(text.find('='), text.size());
        const auto name = decode(text.substr(0, equals));
        const auto value = decode(text.substr(std::min(equals + 1, text.size())));
        if (!name || !value) {
            problems_.push_back("parameter " + shown(text.substr(0, equals)) +
                                ": a '%' begins no code of two hexadecimal digits; write %25 for "
                                "the sign itself");
        } else if (std::ranges::find(parameters_, *name, &Parameter::name) != parameters_.end()) {
            problems_.push_back("parameter " + shown(*name) + " is given twice");
        } else {
            parameters_.push_back({*name, *value});
        }
    }

    std::string suggest(std::string_view name) const {
        name = name.substr(0, 64);
        std::string_view nearest;
        std::size_t least = name.size() / 2 + 1;  // one letter in two may be wrong
        std::string all;
        for (const std::string_view known : known_) {
            all.append(all.empty() ? "" : ", ").append(known);
            const std::size_t apart = spelling_distance(known, name);
            if (apart >= least) continue;
            least = apart;
            nearest = known;
        }
        if (nearest.empty()) return "known are " + all;
        return "did you mean " + std::string(nearest) + "?";
    }

    static Problem convert(const std::string& text, std::string& target, Text) {
        target = text;
        return {};
    }
    template <std::unsigned_integral T>
    static Problem convert(const std::string& text, T& target, Range) {
        const char* const end = text.data() + text.size();
        const auto read = std::from_chars(text.data(), end, target);
        if (read.ec == std::errc() && read.ptr == end) return {};
        return "must be a whole number";
    }
    template <class E>
    requires std::is_enum_v<E>
    static Problem convert(const std::string& text, E& target, Any) {
        const auto value = value_of<E>(text);
        if (!value) return "must be " + list_words(target);
        target = *value;
        return {};
    }

    std::vector<std::string>& problems_;
    std::vector<Parameter> parameters_;
    std::vector<std::string_view> known_;
};

/// `BUCKET/PATH`.
void read_place(std::string_view text, S3Options& place, std::vector<std::string>& problems) {
    const std::size_t slash = std::min(text.find('/'), text.size());
    place.bucket = text.substr(0, slash);
    place.path = without_outer_slashes(text.substr(slash));
    if (text.find('@') < slash) {
        problems.emplace_back(
            "holds a user before the bucket; keys do not belong into a URL: give "
            "credential-secret-path or credential-file, or set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY");
        return;
    }
    if (place.bucket.empty()) {
        problems.emplace_back("names no bucket; write s3://BUCKET/PATH");
    } else if (const Problem problem = problem_of(place.bucket, Text::bucket)) {
        problems.push_back(shown(place.bucket) + ' ' + *problem);
    }
    if (!place.path.empty() && !ObjectKey::is_valid(place.path)) {
        problems.push_back("the path " + shown(place.path) + ' ' + std::string(path_rule));
    }
}

}  // namespace

S3Storage read_s3_url(std::string_view url, const S3Settings& settings,
                      std::vector<std::string>& problems) {
    url.remove_prefix(s3_scheme.size());
    const std::size_t question = std::min(url.find('?'), url.size());
    S3Storage storage{{}, settings};
    read_place(url.substr(0, question), storage.place, problems);
    ParameterReader reader(url.substr(std::min(question + 1, url.size())), problems);
    visit_fields(reader, storage.place);
    visit_fields(reader, storage.settings);
    reader.refuse_unknown();
    return storage;
}

}  // namespace pkgreg

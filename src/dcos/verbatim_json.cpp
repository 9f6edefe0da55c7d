#include "dcos/verbatim_json.hpp"

#include "pkgreg/error.hpp"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

namespace pkgreg {

namespace ondemand = simdjson::ondemand;

std::string_view with_article(JsonKind type) noexcept {
    switch (type) {
        case JsonKind::object: return "an object";
        case JsonKind::array: return "a list";
        case JsonKind::string: return "a string";
        case JsonKind::number: return "a number";
        case JsonKind::boolean: return "true or false";
        case JsonKind::null: return "null";
    }
    return "null";
}

namespace {

bool is_space(char c) noexcept {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

/// RFC 8259, section 6.
bool is_number(std::string_view text) noexcept {
    std::size_t i = 0;
    const auto at = [&](std::string_view any) {
        return i < text.size() && any.find(text[i]) != std::string_view::npos;
    };
    const auto digits = [&] {
        const std::size_t first = i;
        while (i < text.size() && is_digit(text[i])) ++i;
        return i != first;
    };
    if (at("-")) ++i;
    if (at("0")) {
        ++i;
    } else if (!digits()) {
        return false;
    }
    if (at(".")) {
        ++i;
        if (!digits()) return false;
    }
    if (at("eE")) {
        ++i;
        if (at("+-")) ++i;
        if (!digits()) return false;
    }
    return i == text.size();
}

[[noreturn]] void refuse(std::string_view text, std::size_t offset, std::string_view reason) {
    const std::string_view before = text.substr(0, std::min(offset, text.size()));
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const std::size_t column = before.size() - (before.rfind('\n') + 1) + 1;
    throw Error(ErrorCode::invalid_argument, "not valid JSON at line " + std::to_string(line) +
                                                 ", column " + std::to_string(column) + ": " +
                                                 std::string(reason));
}

}  // namespace

/// Turns simdjson's stream of values into the nodes of a document. simdjson checks only what is
/// asked for, so every string is decoded here, and every other scalar is judged by its text.
class JsonTextReader {
 public:
    explicit JsonTextReader(JsonText& document) : document_(document), text_(document.text_) {}

    void read() {
        ondemand::parser parser;
        ondemand::document source;
        check(parser.iterate(document_.text_).get(source), 0);
        ondemand::object root;
        const std::size_t start = std::min(text_.find_first_not_of(" \t\r\n"), text_.size());
        if (const auto error = source.get_object().get(root)) {
            if (error == simdjson::INCORRECT_TYPE) {
                refuse(text_, start, "the document must be an object, { ... }");
            }
            check(error, start);
        }
        const std::uint32_t node = open(JsonKind::object, start);
        read_members(root, node, 1);
        const std::size_t rest = text_.find_first_not_of(" \t\r\n", document_.nodes_[node].end);
        if (rest != std::string_view::npos) {
            refuse(text_, rest, "something follows the end of the document");
        }
    }

 private:
    using Node = JsonText::Node;

    void check(simdjson::error_code error, std::size_t offset) const {
        if (error) refuse(text_, offset, simdjson::error_message(error));
    }

    /// Where the next key or value is expected: behind the comma that precedes it.
    std::size_t next_token() const noexcept {
        std::size_t at = cursor_;
        while (at < text_.size() && (is_space(text_[at]) || text_[at] == ',')) ++at;
        return at;
    }

    std::uint32_t open(JsonKind type, std::size_t begin) {
        document_.nodes_.push_back(Node{type, static_cast<std::uint32_t>(begin), 0, 0, 0, {}, {}});
        cursor_ = begin + 1;
        return static_cast<std::uint32_t>(document_.nodes_.size() - 1);
    }

    /// Ends a container at its bracket, which is the next byte that is no blank.
    void close(std::uint32_t index) {
        while (cursor_ < text_.size() && is_space(text_[cursor_])) ++cursor_;
        end(index, ++cursor_);
    }

    void end(std::uint32_t index, std::size_t offset) {
        document_.nodes_[index].end = static_cast<std::uint32_t>(offset);
        document_.nodes_[index].next = static_cast<std::uint32_t>(document_.nodes_.size());
        cursor_ = offset;
    }

    void read_members(ondemand::object& object, std::uint32_t parent, std::size_t depth) {
        for (auto result : object) {
            ondemand::field field;
            check(std::move(result).get(field), next_token());
            const std::size_t key_begin =
                static_cast<std::size_t>(field.key().raw() - text_.data()) - 1;
            const std::string_view key = key_of(field, key_begin);
            const auto child = static_cast<std::uint32_t>(document_.nodes_.size());
            read_value(field.value(), depth);
            document_.nodes_[child].key = key;
            document_.nodes_[child].key_begin = static_cast<std::uint32_t>(key_begin);
        }
        close(parent);
    }

    void read_elements(ondemand::array& array, std::uint32_t parent, std::size_t depth) {
        for (auto result : array) {
            ondemand::value value;
            check(std::move(result).get(value), next_token());
            read_value(value, depth);
        }
        close(parent);
    }

    void read_value(ondemand::value value, std::size_t depth) {
        std::string_view token = value.raw_json_token();
        while (!token.empty() && is_space(token.back())) token.remove_suffix(1);
        const auto begin = static_cast<std::size_t>(token.data() - text_.data());
        switch (token.empty() ? '\0' : token.front()) {
            case '{': {
                ondemand::object object;
                check(value.get_object().get(object), begin);
                read_members(object, open_nested(JsonKind::object, begin, depth), depth + 1);
                return;
            }
            case '[': {
                ondemand::array array;
                check(value.get_array().get(array), begin);
                read_elements(array, open_nested(JsonKind::array, begin, depth), depth + 1);
                return;
            }
            default: read_scalar(value, token, begin);
        }
    }

    std::uint32_t open_nested(JsonKind type, std::size_t begin, std::size_t depth) {
        if (depth == JsonText::max_depth) {
            refuse(text_, begin,
                   "nested deeper than " + std::to_string(JsonText::max_depth) + " levels");
        }
        return open(type, begin);
    }

    void read_scalar(ondemand::value& value, std::string_view token, std::size_t begin) {
        std::string_view string;
        JsonKind type = JsonKind::number;
        if (token.size() >= 2 && token.front() == '"' && token.back() == '"') {
            type = JsonKind::string;
            string = token.substr(1, token.size() - 2);
            if (string.find('\\') != std::string_view::npos) {
                check(value.get_string().get(string), begin);
                string = document_.decoded_.emplace_back(string);
            } else {
                // Taken, though not needed: simdjson would pass over a string that was not as if it
                // were a key, if a colon follows.
                check(value.get_raw_json_string().error(), begin);
            }
        } else if (token == "true" || token == "false") {
            type = JsonKind::boolean;
        } else if (token == "null") {
            type = JsonKind::null;
        } else if (!is_number(token)) {
            refuse(text_, begin, "'" + std::string(token.substr(0, 40)) + "' is not a value");
        }
        const std::uint32_t node = open(type, begin);
        document_.nodes_[node].string = string;
        end(node, begin + token.size());
    }

    /// The key of a field: like any string, a view of the text where nothing in it is escaped, and
    /// a copy that lives as long as the document otherwise.
    std::string_view key_of(ondemand::field& field, std::size_t begin) {
        const std::size_t end = text_.find_first_of("\"\\", begin + 1);
        if (end != std::string_view::npos && text_[end] == '"') {
            return text_.substr(begin + 1, end - begin - 1);
        }
        std::string_view key;
        check(field.unescaped_key().get(key), begin);
        return document_.decoded_.emplace_back(key);
    }

    JsonText& document_;
    std::string_view text_;
    std::size_t cursor_ = 0;  ///< behind the last byte that was taken
};

std::optional<std::uint64_t> whole_number(std::string_view text) noexcept {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::string without_white_space(std::string_view json) {
    // Whole blocks are written, the last one beyond what counts.
    std::string compact(json.size() + simdjson::SIMDJSON_PADDING, '\0');
    std::size_t size = 0;
    if (const auto error = simdjson::minify(json.data(), json.size(), compact.data(), size)) {
        refuse(json, 0, simdjson::error_message(error));
    }
    compact.resize(size);
    return compact;
}

JsonText::JsonText(std::string text) : text_(std::move(text)) {
    if (text_.size() > max_size) {
        throw Error(ErrorCode::too_large, "the JSON document has " + std::to_string(text_.size()) +
                                              " bytes; the limit is 1 GiB");
    }
    text_.reserve(text_.size() + simdjson::SIMDJSON_PADDING);
    JsonTextReader(*this).read();
}

}  // namespace pkgreg

#include "base/json.hpp"

#include "pkgreg/error.hpp"

#include "base/json_text.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <new>
#include <utility>

namespace pkgreg {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr std::size_t max_size = std::size_t{1} << 20;
constexpr std::size_t max_depth = 32;
constexpr std::string_view blanks = " \t\r\n";

std::size_t count_lines(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

/// What the error means to someone who edits the file.
std::string_view explain(simdjson::error_code error) {
    switch (error) {
        case simdjson::EMPTY: return "the document is empty; it must be an object, { … }";
        case simdjson::UTF8_ERROR: return "the text is not UTF-8";
        case simdjson::UNCLOSED_STRING: return "a string is not closed; its last quote is missing";
        case simdjson::UNESCAPED_CHARS:
            return "a string holds a line break or another control character; is its last quote "
                   "missing?";
        case simdjson::STRING_ERROR: return "a string holds an invalid escape sequence";
        case simdjson::NUMBER_ERROR: return "a number is malformed, or beyond 64 bits";
        case simdjson::INCOMPLETE_ARRAY_OR_OBJECT: return "a closing bracket is missing";
        default: return "this is not JSON: a comma, colon, quote or bracket is missing or too much";
    }
}

/// The first line that is not UTF-8. No line break is part of a longer sequence.
std::size_t line_without_utf8(std::string_view text) {
    for (std::size_t line = 1;; ++line) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        if (!simdjson::validate_utf8(text.data(), end) || end == text.size()) return line;
        text.remove_prefix(end + 1);
    }
}

/// The first line on which a string goes wrong: it holds a control character, or never ends.
std::size_t line_of_bad_string(std::string_view text) {
    bool inside = false;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '"') {
            inside = !inside;
            begin = i;
        } else if (inside && text[i] == '\\') {
            ++i;
        } else if (inside && static_cast<unsigned char>(text[i]) < 0x20) {
            break;
        }
    }
    return 1 + count_lines(text.substr(0, begin));
}

/// Walks the document from front to back, counting lines on the way.
class Builder {
 public:
    Builder(std::string_view text, std::string_view source)
        : padded_(text), text_(padded_), source_(source) {
        // Where there is no memory for the copy, it is empty.
        if (text_.size() != text.size()) throw std::bad_alloc();
    }

    JsonValue build() {
        check(parser_.iterate(padded_).get(document_));
        ondemand::json_type type = ondemand::json_type::null;
        check(document_.type().get(type));
        // simdjson reads a document that is one plain value by other rules; options never are one.
        if (type != ondemand::json_type::object && type != ondemand::json_type::array) {
            fail("the document must be an object, { … }",
                 line_at(text_.data() + text_.find_first_not_of(blanks)));
        }
        ondemand::value root;
        check(document_.get_value().get(root));
        JsonValue value = read(root, 1);
        const char* rest = nullptr;
        if (document_.current_location().get(rest) == simdjson::SUCCESS) {
            fail("text follows the end of the document", line_at(rest));
        }
        return value;
    }

 private:
    [[noreturn]] void fail(std::string_view problem, std::size_t line) const {
        throw Error(ErrorCode::invalid_options, std::string(source_) + ":" + std::to_string(line) +
                                                    ": " + std::string(problem));
    }

    void check(simdjson::error_code error) {
        if (error == simdjson::SUCCESS) return;
        switch (error) {
            case simdjson::MEMALLOC: throw std::bad_alloc();
            case simdjson::EMPTY: fail(explain(error), 1);
            case simdjson::UTF8_ERROR: fail(explain(error), line_without_utf8(text_));
            case simdjson::UNCLOSED_STRING:
            case simdjson::UNESCAPED_CHARS: fail(explain(error), line_of_bad_string(text_));
            default: break;
        }
        const char* place = nullptr;
        if (document_.current_location().get(place) == simdjson::SUCCESS) line_at(place);
        fail(explain(error), line_);
    }

    /// The line of a place at or behind the last one asked for.
    std::size_t line_at(const char* place) {
        const std::size_t offset =
            std::min(static_cast<std::size_t>(place - text_.data()), text_.size());
        if (offset > counted_) {
            line_ += count_lines(text_.substr(counted_, offset - counted_));
            counted_ = offset;
        }
        return line_;
    }

    JsonValue read(ondemand::value source, std::size_t depth) {
        JsonValue value;
        const std::string_view token = source.raw_json_token();
        value.line = line_at(token.data());
        if (depth > max_depth) fail("more than 32 levels of objects and arrays", value.line);
        ondemand::json_type type = ondemand::json_type::null;
        check(source.type().get(type));
        switch (type) {
            case ondemand::json_type::object: read_object(source, value, depth); break;
            case ondemand::json_type::array: read_array(source, value, depth); break;
            case ondemand::json_type::string: read_string(source, value); break;
            case ondemand::json_type::number: read_number(source, token, value); break;
            case ondemand::json_type::boolean:
                value.type = JsonValue::Type::boolean;
                check(source.get_bool().get(value.boolean));
                break;
            case ondemand::json_type::null: read_null(source); break;
        }
        return value;
    }

    void read_null(ondemand::value& source) {
        bool is_null = false;
        check(source.is_null().get(is_null));
        if (!is_null) check(simdjson::N_ATOM_ERROR);
    }

    void read_string(ondemand::value& source, JsonValue& value) {
        std::string_view content;
        check(source.get_string().get(content));
        value.type = JsonValue::Type::string;
        value.text = content;
    }

    void read_number(ondemand::value& source, std::string_view token, JsonValue& value) {
        ondemand::number number;
        check(source.get_number().get(number));
        value.type = JsonValue::Type::number;
        value.text = token.substr(0, token.find_last_not_of(blanks) + 1);
        value.number = number.as_double();
        constexpr double exact = 9007199254740992;  // 2^53: below, a double is the number meant
        if (number.is_uint64()) {
            value.integer = number.get_uint64();
        } else if (number.is_int64()) {
            if (number.get_int64() >= 0) {
                value.integer = static_cast<std::uint64_t>(number.get_int64());
            }
        } else if (value.number >= 0 && value.number < exact &&
                   std::floor(value.number) == value.number) {
            value.integer = static_cast<std::uint64_t>(value.number);
        }
    }

    void read_array(ondemand::value& source, JsonValue& value, std::size_t depth) {
        value.type = JsonValue::Type::array;
        ondemand::array array;
        check(source.get_array().get(array));
        for (auto element : array) {
            ondemand::value item;
            check(std::move(element).get(item));
            value.items.push_back(read(item, depth + 1));
        }
    }

    void read_object(ondemand::value& source, JsonValue& value, std::size_t depth) {
        value.type = JsonValue::Type::object;
        ondemand::object object;
        check(source.get_object().get(object));
        for (auto element : object) {
            ondemand::field field;
            check(std::move(element).get(field));
            JsonMember member;
            member.line = line_at(field.key().raw());
            std::string_view name;
            check(field.unescaped_key().get(name));
            member.name = name;
            member.value = read(field.value(), depth + 1);
            value.members.push_back(std::move(member));
        }
        refuse_repeated_names(value);
    }

    void refuse_repeated_names(const JsonValue& object) const {
        std::vector<const JsonMember*> sorted;
        for (const JsonMember& member : object.members) sorted.push_back(&member);
        // Members lie in the order of the document, so of equal names the later one has the higher
        // address.
        std::ranges::sort(sorted, [](const JsonMember* a, const JsonMember* b) {
            return a->name != b->name ? a->name < b->name : a < b;
        });
        const auto twice = std::ranges::adjacent_find(
            sorted, [](const JsonMember* a, const JsonMember* b) { return a->name == b->name; });
        if (twice == sorted.end()) return;
        fail(json_string((*twice)->name) + " is given twice in one object, first on line " +
                 std::to_string((*twice)->line),
             twice[1]->line);
    }

    const simdjson::padded_string padded_;
    const std::string_view text_;
    const std::string_view source_;
    ondemand::parser parser_;
    ondemand::document document_;
    std::size_t counted_ = 0;  // the offset up to which line_ is counted
    std::size_t line_ = 1;
};

}  // namespace

const JsonValue* JsonValue::find(std::string_view name) const noexcept {
    for (const JsonMember& member : members) {
        if (member.name == name) return &member.value;
    }
    return nullptr;
}

std::string JsonValue::describe() const {
    switch (type) {
        case Type::null: return "null";
        case Type::boolean: return boolean ? "true" : "false";
        case Type::number: return "the number " + text;
        case Type::string: return "a string";
        case Type::array: return "an array";
        case Type::object: return "an object";
    }
    return "nothing";
}

JsonValue parse_json(std::string_view text, std::string_view source) {
    if (text.size() > max_size) {
        throw Error(ErrorCode::invalid_options, std::string(source) + ": the document has " +
                                                    std::to_string(text.size()) +
                                                    " bytes; the limit is 1 MiB");
    }
    // Some editors put a byte order mark in front; RFC 8259, section 8.1, lets a reader ignore it.
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    return Builder(text, source).build();
}

}  // namespace pkgreg

// A JSON document as a tree in which every value knows its line: for documents that people write,
// where a message has to say where to look. Manifests and metadata are read without a tree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg {

struct JsonMember;

struct JsonValue {
    enum class Type : std::uint8_t { null, boolean, number, string, array, object };

    Type type = Type::null;
    /// Counted from 1.
    std::size_t line = 0;
    bool boolean = false;
    double number = 0;
    /// The number as an integer where it is one and not negative, `2.0` included.
    std::optional<std::uint64_t> integer = {};
    /// The content of a string; a number as it is written.
    std::string text = {};
    std::vector<JsonValue> items;
    std::vector<JsonMember> members;

    /// The value of an object's member; null where there is none, and where this is no object.
    const JsonValue* find(std::string_view name) const noexcept;
    /// What a message calls the value: `a string`, `the number 2.5`, `an object`.
    std::string describe() const;
};

struct JsonMember {
    std::string name;
    /// Where the name stands, which may be above the value.
    std::size_t line = 0;
    JsonValue value = {};
};

/// Parses a document of at most 1 MiB and 32 levels. Throws `invalid_options`, as
/// `source:line: what is wrong`, for what is not JSON (RFC 8259), not UTF-8, or has a name twice in
/// one object.
JsonValue parse_json(std::string_view text, std::string_view source);

}  // namespace pkgreg

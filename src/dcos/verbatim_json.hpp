// JSON as text and structure at once: every value of a parsed document knows where it stands in the
// text, so that one value can be replaced and all the rest be passed on byte for byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg {

enum class JsonKind : std::uint8_t { object, array, string, number, boolean, null };

/// "an object", "a number", …: for messages.
std::string_view with_article(JsonKind type) noexcept;

/// `json`, which is valid, without the white space between its tokens; the tokens stay as they are.
std::string without_white_space(std::string_view json);

/// The number that `text` is, where it is written with digits alone and fits.
std::optional<std::uint64_t> whole_number(std::string_view text) noexcept;

class JsonNode;

/// A parsed JSON text. Immutable; neither copied nor moved, because its values point into it.
class JsonText {
 public:
    /// Deeper nesting is refused: no honest package comes near, and recursion must end.
    static constexpr std::size_t max_depth = 64;
    static constexpr std::size_t max_size = std::size_t{1} << 30;

    /// Parses `text`, whose root must be an object. Throws `invalid_argument` with the line.
    /// Numbers are checked by grammar only: one that fits no machine type is passed on like any
    /// other.
    explicit JsonText(std::string text);
    JsonText(const JsonText&) = delete;
    JsonText& operator=(const JsonText&) = delete;

    std::string_view text() const noexcept { return text_; }
    JsonNode root() const noexcept;

 private:
    friend class JsonNode;
    friend class JsonTextReader;

    /// Values in the order of the text: a container's first child follows it.
    struct Node {
        JsonKind type;
        std::uint32_t begin = 0;      ///< offset of the first byte
        std::uint32_t end = 0;        ///< offset behind the last byte
        std::uint32_t key_begin = 0;  ///< offset of the key's opening quote, in an object
        std::uint32_t next = 0;       ///< index of the node behind this one and all it contains
        std::string_view key;         ///< decoded
        std::string_view string;      ///< decoded
    };

    std::string text_;
    std::deque<std::string> decoded_;  ///< strings that differ from their text by escapes
    std::vector<Node> nodes_;
};

/// A value of a `JsonText`; a pointer that must not outlive it.
class JsonNode {
 public:
    JsonKind type() const noexcept { return node().type; }
    bool is(JsonKind type) const noexcept { return node().type == type; }

    /// The value of a string, escapes resolved.
    std::string_view string() const noexcept { return node().string; }
    /// The key of a member of an object, escapes resolved.
    std::string_view key() const noexcept { return node().key; }

    /// The value as it stands in the text.
    std::string_view raw() const noexcept {
        return document_->text().substr(begin(), end() - begin());
    }
    std::size_t begin() const noexcept { return node().begin; }
    std::size_t end() const noexcept { return node().end; }
    /// Where the key of a member begins.
    std::size_t key_begin() const noexcept { return node().key_begin; }

    /// Walks the members of an object or the elements of an array.
    class Iterator {
     public:
        using value_type = JsonNode;
        using difference_type = std::ptrdiff_t;
        Iterator(const JsonText* document, std::uint32_t index) noexcept
            : document_(document), index_(index) {}
        JsonNode operator*() const noexcept { return JsonNode(document_, index_); }
        Iterator& operator++() noexcept {
            index_ = document_->nodes_[index_].next;
            return *this;
        }
        friend bool operator==(const Iterator&, const Iterator&) noexcept = default;

     private:
        const JsonText* document_;
        std::uint32_t index_;
    };
    Iterator begin_children() const noexcept { return {document_, index_ + 1}; }
    Iterator end_children() const noexcept { return {document_, node().next}; }
    bool has_children() const noexcept { return index_ + 1 != node().next; }

    struct Children {
        Iterator first;
        Iterator last;
        Iterator begin() const noexcept { return first; }
        Iterator end() const noexcept { return last; }
    };
    Children children() const noexcept { return {begin_children(), end_children()}; }

    /// The member of that name: the last one where there are several. Nothing for other types.
    std::optional<JsonNode> find(std::string_view key) const noexcept {
        std::optional<JsonNode> found;
        if (!is(JsonKind::object)) return found;
        for (const JsonNode member : children()) {
            if (member.key() == key) found = member;
        }
        return found;
    }
    /// As `find`, but only where the member has that type.
    std::optional<JsonNode> find(std::string_view key, JsonKind type) const noexcept {
        const auto found = find(key);
        return found && found->is(type) ? found : std::nullopt;
    }

 private:
    friend class JsonText;
    JsonNode(const JsonText* document, std::uint32_t index) noexcept
        : document_(document), index_(index) {}
    const JsonText::Node& node() const noexcept { return document_->nodes_[index_]; }

    const JsonText* document_;
    std::uint32_t index_;
};

inline JsonNode JsonText::root() const noexcept {
    return JsonNode(this, 0);
}

}  // namespace pkgreg

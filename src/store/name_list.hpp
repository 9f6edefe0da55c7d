// NameList: the sorted names of one directory, packed so that a hundred thousand of them fit into a
// small cache. A file stands under its name and a directory under its name and '/', so the order
// of the names is the byte order of the keys that they begin.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg {

class NameList {
 public:
    NameList() = default;
    /// Sorts `names`.
    explicit NameList(std::vector<std::string> names);

    /// No effect when the name is there.
    void insert(std::string_view name);
    /// No effect when the name is not there.
    void erase(std::string_view name);
    bool contains(std::string_view name) const noexcept;

    /// Calls `visit` with the names that are not less than `from`, in order, until it returns
    /// false.
    void visit(std::string_view from, const std::function<bool(std::string_view)>& visit) const;

    /// Bytes of memory held.
    std::size_t memory() const noexcept { return memory_; }

 private:
    // Names in order, each behind two bytes with its length. Long enough that the overhead of a
    // block is small, short enough that a walk through one is quick.
    struct Block {
        std::string bytes;
        std::string_view first() const noexcept;
    };
    static constexpr std::size_t max_block = 2048;

    /// The block where `name` is or belongs; the list must not be empty.
    std::size_t block_of(std::string_view name) const noexcept;
    void split(std::size_t index);

    std::vector<Block> blocks_;
    std::size_t memory_ = sizeof(NameList);
};

}  // namespace pkgreg

#include "store/name_list.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace pkgreg {
namespace {

constexpr std::size_t prefix_size = 2;

std::string_view name_at(std::string_view bytes, std::size_t at) noexcept {
    const auto low = static_cast<std::uint8_t>(bytes[at]);
    const auto high = static_cast<std::uint8_t>(bytes[at + 1]);
    return bytes.substr(at + prefix_size, low + 256U * high);
}

/// Where the first name that is not less than `name` begins.
std::size_t lower_bound(std::string_view bytes, std::string_view name) noexcept {
    std::size_t at = 0;
    while (at < bytes.size()) {
        const std::string_view here = name_at(bytes, at);
        if (here >= name) break;
        at += prefix_size + here.size();
    }
    return at;
}

std::string packed(std::string_view name) {
    std::string bytes;
    bytes.reserve(prefix_size + name.size());
    bytes.push_back(static_cast<char>(name.size() & 255));
    bytes.push_back(static_cast<char>(name.size() >> 8));
    bytes.append(name);
    return bytes;
}

std::size_t memory_of(const std::string& bytes) noexcept {
    return sizeof(std::string) + bytes.capacity();
}

}  // namespace

std::string_view NameList::Block::first() const noexcept {
    return name_at(bytes, 0);
}

NameList::NameList(std::vector<std::string> names) {
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    std::string bytes;
    const auto close_block = [&] {
        if (bytes.empty()) return;
        blocks_.push_back({std::string(bytes)});  // a copy, without unused capacity
        memory_ += memory_of(blocks_.back().bytes);
        bytes.clear();
    };
    for (const std::string& name : names) {
        // Half full, so that names to come have room.
        if (bytes.size() + name.size() > max_block / 2) close_block();
        bytes += packed(name);
    }
    close_block();
}

std::size_t NameList::block_of(std::string_view name) const noexcept {
    const auto behind =
        std::upper_bound(blocks_.begin(), blocks_.end(), name,
                         [](std::string_view n, const Block& block) { return n < block.first(); });
    return behind == blocks_.begin() ? 0 : static_cast<std::size_t>(behind - blocks_.begin() - 1);
}

void NameList::insert(std::string_view name) {
    if (blocks_.empty()) {
        blocks_.push_back({packed(name)});
        memory_ += memory_of(blocks_.back().bytes);
        return;
    }
    const std::size_t index = block_of(name);
    std::string& bytes = blocks_[index].bytes;
    const std::size_t at = lower_bound(bytes, name);
    if (at < bytes.size() && name_at(bytes, at) == name) return;
    memory_ -= memory_of(bytes);
    bytes.insert(at, packed(name));
    memory_ += memory_of(bytes);
    if (bytes.size() > max_block) split(index);
}

void NameList::split(std::size_t index) {
    const std::string& bytes = blocks_[index].bytes;
    std::size_t middle = 0;
    while (middle < bytes.size() / 2) middle += prefix_size + name_at(bytes, middle).size();
    if (middle == bytes.size()) return;  // one long name at the end; the next insertion splits
    memory_ -= memory_of(bytes);
    Block left{bytes.substr(0, middle)};
    Block right{bytes.substr(middle)};
    memory_ += memory_of(left.bytes) + memory_of(right.bytes);
    blocks_[index] = std::move(left);
    blocks_.insert(std::next(blocks_.begin(), static_cast<std::ptrdiff_t>(index) + 1),
                   std::move(right));
}

void NameList::erase(std::string_view name) {
    if (blocks_.empty()) return;
    const std::size_t index = block_of(name);
    std::string& bytes = blocks_[index].bytes;
    const std::size_t at = lower_bound(bytes, name);
    if (at == bytes.size() || name_at(bytes, at) != name) return;
    bytes.erase(at, prefix_size + name.size());
    if (!bytes.empty()) return;
    memory_ -= memory_of(bytes);
    blocks_.erase(std::next(blocks_.begin(), static_cast<std::ptrdiff_t>(index)));
}

bool NameList::contains(std::string_view name) const noexcept {
    if (blocks_.empty()) return false;
    const std::string& bytes = blocks_[block_of(name)].bytes;
    const std::size_t at = lower_bound(bytes, name);
    return at < bytes.size() && name_at(bytes, at) == name;
}

void NameList::visit(std::string_view from,
                     const std::function<bool(std::string_view)>& visit) const {
    if (blocks_.empty()) return;
    std::size_t index = block_of(from);
    std::size_t at = lower_bound(blocks_[index].bytes, from);
    for (; index < blocks_.size(); ++index, at = 0) {
        const std::string& bytes = blocks_[index].bytes;
        while (at < bytes.size()) {
            const std::string_view name = name_at(bytes, at);
            if (!visit(name)) return;
            at += prefix_size + name.size();
        }
    }
}

}  // namespace pkgreg

#include "dcos/repository_text.hpp"

#include "base/json_text.hpp"

#include <utility>

namespace pkgreg {
namespace {

/// Addresses stand inside JSON strings, without quotes of their own.
std::string inside_string(std::string_view text) {
    const std::string quoted = json_string(text);
    return quoted.substr(1, quoted.size() - 2);
}

}  // namespace

RepositoryText::State::State(std::vector<UniversePackage> listed, PackageVariant as,
                             RegistryAddress at)
    : packages(std::move(listed)),
      variant(as),
      address{inside_string(at.resource_base), inside_string(at.image_host)},
      size(repository_head.size() + repository_tail.size()) {
    packages.shrink_to_fit();
    for (std::size_t i = 0; i < packages.size(); ++i) {
        size += list(i).size(address) + (i == 0 ? 0 : 1);
    }
}

RepositoryText::RepositoryText(std::shared_ptr<const State> state) noexcept
    : state_(std::move(state)) {}

std::uint64_t RepositoryText::size() const noexcept {
    return state_->size;
}

std::string RepositoryText::str() const {
    std::string text;
    text.reserve(size());
    Reader reader(*this);
    for (std::string_view piece = reader.next(); !piece.empty(); piece = reader.next()) {
        text.append(piece);
    }
    return text;
}

struct RepositoryText::Reader::Position {
    RepositoryText text;
    enum class Part { head, packages, tail, end } part = Part::head;
    std::size_t package = 0;
    /// Segment 0 is the comma in front of the package.
    std::size_t segment = 0;

    std::string_view next() {
        const RepositoryText::State& state = text.state();
        switch (part) {
            case Part::head: part = Part::packages; return repository_head;
            case Part::packages:
                for (; package < state.packages.size(); ++package, segment = 0) {
                    const SegmentList& list = state.list(package);
                    while (segment <= list.segments.size()) {
                        const std::string_view piece = piece_of(state, list, segment++);
                        if (!piece.empty()) return piece;
                    }
                }
                part = Part::tail;
                [[fallthrough]];
            case Part::tail: part = Part::end; return repository_tail;
            case Part::end: return {};
        }
        return {};
    }

    std::string_view piece_of(const RepositoryText::State& state, const SegmentList& list,
                              std::size_t index) const noexcept {
        if (index == 0) return package == 0 ? std::string_view() : std::string_view(",");
        return state.packages[package].state().view(list.segments[index - 1], state.address);
    }
};

RepositoryText::Reader::Reader(RepositoryText text)
    : position_(std::make_unique<Position>(Position{std::move(text)})) {}
RepositoryText::Reader::~Reader() = default;
RepositoryText::Reader::Reader(Reader&&) noexcept = default;
RepositoryText::Reader& RepositoryText::Reader::operator=(Reader&&) noexcept = default;

std::string_view RepositoryText::Reader::next() {
    return position_->next();
}

}  // namespace pkgreg

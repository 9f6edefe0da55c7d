// Bundles from arbitrary bytes: refused, or read to the end with every blob as it was announced.
#include "pkgreg/dcos/bundle.hpp"
#include "pkgreg/error.hpp"
#include "pkgreg/hasher.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>
#include <string_view>

namespace {

using namespace pkgreg;

void require(bool holds) {
    if (!holds) std::abort();
}

class Visitor final : public BundleVisitor {
 public:
    void contents(const BundleContents& all) override {
        require(!seen_);
        seen_ = true;
        require(!all.metadata.text().empty());
    }
    void begin(const BundleBlob& blob) override {
        require(seen_ && !hasher_);
        hasher_.emplace(blob.digest.algorithm());
    }
    void data(std::string_view bytes) override { hasher_->update(bytes); }
    void end(const BundleBlob& blob) override {
        require(hasher_->size() == blob.size && hasher_->digest() == blob.digest);
        hasher_.reset();
    }

 private:
    bool seen_ = false;
    std::optional<Hasher> hasher_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    const ByteReader input = [&](std::span<char> into) {
        const std::size_t n = std::min({into.size(), rest.size(), std::size_t{4096}});
        std::copy_n(rest.begin(), n, into.begin());
        rest.remove_prefix(n);
        return n;
    };
    Visitor visitor;
    try {
        read_bundle(input, visitor);
    } catch (const Error& error) {
        require(!error.message().empty());
    }
    return 0;
}

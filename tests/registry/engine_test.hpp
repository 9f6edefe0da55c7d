// What the tests of the engine and of the protocol share: the stores that they run over, a registry
// whose calls block, bodies that misbehave, small images, and the check that a storage is valid.
#pragma once

#include "pkgreg/blocking.hpp"
#include "pkgreg/hasher.hpp"
#include "pkgreg/registry.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace pkgreg {

/// A store, and what must live as long as it does.
struct TestStore {
    std::shared_ptr<void> place;
    std::shared_ptr<ObjectStore> store;
};

struct StoreKind {
    std::string name;
    std::function<TestStore()> make;
};

inline void PrintTo(const StoreKind& kind, std::ostream* out) {
    *out << kind.name;
}

/// Memory, a directory, and a memory that other instances may write to as well.
std::vector<StoreKind> store_kinds();

inline std::string kind_name(const testing::TestParamInfo<StoreKind>& info) {
    return info.param.name;
}

/// The error that `f` throws. Fails the test when it throws none.
template <class F>
Error error_of(F&& f) {
    try {
        f();
    } catch (const Error& error) {
        return error;
    }
    ADD_FAILURE() << "nothing was thrown";
    return Error(ErrorCode::ok, "");
}
template <class F>
ErrorCode code_of(F&& f) {
    return error_of(std::forward<F>(f)).code();
}

inline Digest sha256(std::string_view bytes) {
    return Hasher::hash(DigestAlgorithm::sha256, bytes);
}
inline Digest sha512(std::string_view bytes) {
    return Hasher::hash(DigestAlgorithm::sha512, bytes);
}

/// Bytes that differ from place to place and with `seed`.
std::string test_bytes(std::size_t size, unsigned seed = 0);

/// A body made of pieces; between them it does what a test wants: look, change something, throw.
class ScriptedBody final : public BodySource {
 public:
    using Step = std::variant<std::string, std::function<void()>>;

    explicit ScriptedBody(std::vector<Step> steps,
                          std::optional<std::uint64_t> length = std::nullopt)
        : steps_(steps.begin(), steps.end()), length_(length) {}

    std::optional<std::uint64_t> length() const noexcept override { return length_; }
    awaitable<void> wait() override { co_return; }
    awaitable<std::size_t> read(std::span<std::byte> into) override;

 private:
    std::deque<Step> steps_;
    std::optional<std::uint64_t> length_;
};

/// A step that ends a body before its time.
inline ScriptedBody::Step break_off() {
    return [] { throw Error(ErrorCode::truncated, "the connection was closed"); };
}

/// A registry whose calls block, with names as text.
class BlockingRegistry {
 public:
    BlockingRegistry() = default;
    explicit BlockingRegistry(const std::shared_ptr<ObjectStore>& store,
                              RegistryOptions options = {})
        : registry_(run_blocking(Registry::open(store, std::move(options)))) {}

    Registry& operator*() const noexcept { return *registry_; }
    const std::shared_ptr<Registry>& shared() const noexcept { return registry_; }

    /// Pushes a blob; its digest.
    Digest push(std::string_view repository, std::string_view bytes,
                DigestAlgorithm algorithm = DigestAlgorithm::sha256) const;
    BlobInfo push_as(std::string_view repository, const Digest& digest, BodySource& body) const;
    std::optional<BlobInfo> blob(std::string_view repository, const Digest& digest) const;
    /// The bytes of a blob, or nothing.
    std::optional<std::string> read(std::string_view repository, const Digest& digest,
                                    ByteRange range = {}) const;
    std::optional<BlobInfo> mount(std::string_view repository, const Digest& digest,
                                  std::optional<std::string_view> from) const;
    void delete_blob(std::string_view repository, const Digest& digest) const;

    UploadId begin(std::string_view repository,
                   DigestAlgorithm algorithm = DigestAlgorithm::sha256) const;
    std::uint64_t offset(std::string_view repository, const UploadId& id) const;
    std::uint64_t append(std::string_view repository, const UploadId& id, BodySource& body,
                         std::optional<std::uint64_t> offset = std::nullopt) const;
    std::uint64_t append(std::string_view repository, const UploadId& id, std::string_view bytes,
                         std::optional<std::uint64_t> offset = std::nullopt) const;
    BlobInfo commit(std::string_view repository, const UploadId& id, const Digest& digest,
                    BodySource* body = nullptr,
                    std::optional<std::uint64_t> offset = std::nullopt) const;
    BlobInfo commit(std::string_view repository, const UploadId& id, const Digest& digest,
                    std::string_view bytes) const;
    void cancel(std::string_view repository, const UploadId& id) const;
    std::size_t expire() const { return run_blocking(registry_->expire_uploads()); }

    /// Pushes a manifest by `reference`, a tag or a digest; its digest.
    Digest put(std::string_view repository, std::string_view reference, std::string_view bytes,
               std::optional<std::string_view> media_type = std::nullopt,
               const std::vector<std::string>& tags = {}) const;
    /// The bytes of a manifest, or nothing.
    std::optional<std::string> get(std::string_view repository, std::string_view reference) const;
    std::optional<Manifest> manifest(std::string_view repository, const Digest& digest) const;
    void remove(std::string_view repository, std::string_view reference) const;
    void remove_repository(std::string_view repository) const;

    NamePage tags(std::string_view repository, std::string_view last = "",
                  std::size_t n = 1000) const;
    NamePage repositories(std::string_view last = "", std::size_t n = 1000) const;
    ReferrerPage referrers(std::string_view repository, const Digest& subject,
                           std::optional<std::string> artifact_type = std::nullopt,
                           std::string_view last = "", std::size_t n = 1000) const;

 private:
    std::shared_ptr<Registry> registry_;
};

/// A descriptor as JSON; `more` are further members, each with a comma in front.
std::string descriptor_json(std::string_view media_type, const Digest& digest, std::size_t size,
                            std::string_view more = "");
/// An OCI image manifest of a config and layers that are given as JSON.
std::string image_json(const std::string& config, const std::vector<std::string>& layers,
                       std::string_view more = "");
std::string index_json(const std::vector<std::string>& manifests, std::string_view more = "");

inline constexpr std::string_view config_type = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view layer_type = "application/vnd.oci.image.layer.v1.tar+gzip";

/// An image of one config and one layer, made from `seed` and not pushed.
struct TestImage {
    explicit TestImage(std::string seed, std::string_view more = "");

    std::string config;
    std::string layer;
    std::string manifest;
    Digest digest;

    /// Pushes the config and the layer.
    void push_blobs(const BlockingRegistry& registry, std::string_view repository) const;
    /// Pushes all of it; `reference` empty: by digest.
    Digest push(const BlockingRegistry& registry, std::string_view repository,
                std::string_view reference = "") const;
    /// How an index lists it.
    std::string descriptor(std::string_view more = "") const;
};

/// Checks what holds in every valid storage, whatever happened to it: content hashes to its name,
/// manifests have all that they refer to, tags point at manifests, the catalog lists every
/// repository that has a manifest.
///
/// @param tags whether to check tags as well: with several instances a tag may lose its manifest
void expect_valid(ObjectStore& store, const BlockingRegistry& registry, bool tags = true);

/// Every key of a store.
std::vector<std::string> all_keys(ObjectStore& store, std::string_view prefix = "");

/// One registry over each store.
class EngineTest : public testing::TestWithParam<StoreKind> {
 protected:
    EngineTest() : under_test_(GetParam().make()), registry(under_test_.store) {}

    ObjectStore& store() const { return *under_test_.store; }
    /// Another registry over the same store.
    BlockingRegistry open(RegistryOptions options = {}) const {
        return BlockingRegistry(under_test_.store, std::move(options));
    }

 private:
    TestStore under_test_;

 protected:
    BlockingRegistry registry;
};

}  // namespace pkgreg

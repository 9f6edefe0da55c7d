#include "registry/engine_test.hpp"

#include "pkgreg/directory_store.hpp"
#include "pkgreg/memory_store.hpp"

#include "registry/blob_storage.hpp"
#include "registry/layout.hpp"
#include "registry/manifest_document.hpp"
#include "registry/many_writers_store.hpp"
#include "store/forwarding_file_system.hpp"
#include "store/temporary_directory.hpp"

#include <algorithm>
#include <cstring>
#include <set>

namespace pkgreg {
namespace {

RepositoryName name_of(std::string_view text) {
    return RepositoryName::parse(text);
}

std::string read_all(ObjectReader& reader) {
    std::string text;
    std::string buffer(10'000, '\0');
    while (const std::size_t n =
               run_blocking(reader.read(std::as_writable_bytes(std::span(buffer))))) {
        text.append(buffer, 0, n);
    }
    return text;
}

void expect_valid_manifest(const BlockingRegistry& registry, const std::string& repository,
                           const Digest& digest) {
    const auto manifest = registry.manifest(repository, digest);
    ASSERT_TRUE(manifest) << digest.to_string();
    EXPECT_EQ(Hasher::hash(digest.algorithm(), manifest->bytes), digest);
    const auto document = ManifestDocument::parse(manifest->bytes, manifest->media_type);
    for (const Descriptor& blob : document.blobs) {
        if (is_kept_elsewhere(blob)) continue;
        EXPECT_TRUE(registry.blob(repository, blob.digest))
            << "manifest " << digest.to_string() << " lacks blob " << blob.digest.to_string();
    }
    for (const Descriptor& child : document.manifests) {
        EXPECT_TRUE(is_kept_elsewhere(child) || registry.manifest(repository, child.digest) ||
                    registry.blob(repository, child.digest))
            << "index " << digest.to_string() << " lacks " << child.digest.to_string();
    }
}

}  // namespace

std::vector<StoreKind> store_kinds() {
    return {{"Memory",
             [] {
                 return TestStore{nullptr, make_memory_store()};
             }},
            {"Directory",
             [] {
                 auto place = std::make_shared<TemporaryDirectory>();
                 DirectoryStoreOptions options;
                 options.file_system = std::make_shared<UnsyncedFileSystem>();
                 auto store = open_directory_store(place->path() / "store", options);
                 return TestStore{std::move(place), std::move(store)};
             }},
            {"ManyWriters", [] {
                 return TestStore{nullptr, std::make_shared<ManyWritersStore>(make_memory_store())};
             }}};
}

std::string test_bytes(std::size_t size, unsigned seed) {
    std::string text(size, '\0');
    std::uint32_t state = seed * 2654435761u + 12345;
    for (char& c : text) {
        state = state * 1664525u + 1013904223u;
        c = static_cast<char>(state >> 24);
    }
    return text;
}

awaitable<std::size_t> ScriptedBody::read(std::span<std::byte> into) {
    while (!steps_.empty()) {
        if (const auto* act = std::get_if<std::function<void()>>(&steps_.front())) {
            const std::function<void()> now = *act;
            steps_.pop_front();
            now();
            continue;
        }
        auto& text = std::get<std::string>(steps_.front());
        const std::size_t n = std::min(into.size(), text.size());
        std::memcpy(into.data(), text.data(), n);
        text.erase(0, n);
        if (text.empty()) steps_.pop_front();
        if (n > 0) co_return n;
    }
    co_return 0;
}

Digest BlockingRegistry::push(std::string_view repository, std::string_view bytes,
                              DigestAlgorithm algorithm) const {
    const Digest digest = Hasher::hash(algorithm, bytes);
    MemoryBody body(bytes);
    push_as(repository, digest, body);
    return digest;
}
BlobInfo BlockingRegistry::push_as(std::string_view repository, const Digest& digest,
                                   BodySource& body) const {
    const RepositoryName name = name_of(repository);
    return run_blocking(registry_->put_blob(name, digest, body));
}
std::optional<BlobInfo> BlockingRegistry::blob(std::string_view repository,
                                               const Digest& digest) const {
    const RepositoryName name = name_of(repository);
    return run_blocking(registry_->find_blob(name, digest));
}
std::optional<std::string> BlockingRegistry::read(std::string_view repository, const Digest& digest,
                                                  ByteRange range) const {
    const RepositoryName name = name_of(repository);
    const auto reader = run_blocking(registry_->open_blob(name, digest, range));
    if (!reader || !reader->interval()) return std::nullopt;
    return read_all(*reader);
}
std::optional<BlobInfo> BlockingRegistry::mount(std::string_view repository, const Digest& digest,
                                                std::optional<std::string_view> from) const {
    const RepositoryName name = name_of(repository);
    const auto source = from ? std::optional(name_of(*from)) : std::nullopt;
    return run_blocking(registry_->mount_blob(name, digest, source));
}
void BlockingRegistry::delete_blob(std::string_view repository, const Digest& digest) const {
    const RepositoryName name = name_of(repository);
    run_blocking(registry_->delete_blob(name, digest));
}

UploadId BlockingRegistry::begin(std::string_view repository, DigestAlgorithm algorithm) const {
    const RepositoryName name = name_of(repository);
    // A registry that is shared says with each answer where the upload stands; without that it
    // takes the furthest state.
    return run_blocking(registry_->begin_upload(name, algorithm)).id.substr(0, 36);
}
std::uint64_t BlockingRegistry::offset(std::string_view repository, const UploadId& id) const {
    const RepositoryName name = name_of(repository);
    const UploadStatus status = run_blocking(registry_->upload_status(name, id));
    EXPECT_EQ(status.id.substr(0, id.size()), id);
    return status.offset;
}
std::uint64_t BlockingRegistry::append(std::string_view repository, const UploadId& id,
                                       BodySource& body,
                                       std::optional<std::uint64_t> offset) const {
    const RepositoryName name = name_of(repository);
    return run_blocking(registry_->append_upload(name, id, offset, body)).offset;
}
std::uint64_t BlockingRegistry::append(std::string_view repository, const UploadId& id,
                                       std::string_view bytes,
                                       std::optional<std::uint64_t> offset) const {
    MemoryBody body(bytes);
    return append(repository, id, body, offset);
}
BlobInfo BlockingRegistry::commit(std::string_view repository, const UploadId& id,
                                  const Digest& digest, BodySource* body,
                                  std::optional<std::uint64_t> offset) const {
    const RepositoryName name = name_of(repository);
    return run_blocking(registry_->commit_upload(name, id, digest, offset, body));
}
BlobInfo BlockingRegistry::commit(std::string_view repository, const UploadId& id,
                                  const Digest& digest, std::string_view bytes) const {
    MemoryBody body(bytes);
    return commit(repository, id, digest, &body);
}
void BlockingRegistry::cancel(std::string_view repository, const UploadId& id) const {
    const RepositoryName name = name_of(repository);
    run_blocking(registry_->cancel_upload(name, id));
}

Digest BlockingRegistry::put(std::string_view repository, std::string_view reference,
                             std::string_view bytes, std::optional<std::string_view> media_type,
                             const std::vector<std::string>& tags) const {
    const RepositoryName name = name_of(repository);
    const Reference target = parse_reference(reference);
    const auto type =
        media_type ? std::optional(MediaType::parse(*media_type)) : std::optional<MediaType>();
    std::vector<Tag> more;
    for (const std::string& tag : tags) more.push_back(Tag::parse(tag));
    return run_blocking(registry_->put_manifest(name, target, type, bytes, more)).digest;
}
std::optional<std::string> BlockingRegistry::get(std::string_view repository,
                                                 std::string_view reference) const {
    const RepositoryName name = name_of(repository);
    const Reference target = parse_reference(reference);
    const auto manifest = run_blocking(registry_->find_manifest(name, target));
    return manifest ? std::optional(std::string(manifest->bytes)) : std::nullopt;
}
std::optional<Manifest> BlockingRegistry::manifest(std::string_view repository,
                                                   const Digest& digest) const {
    const RepositoryName name = name_of(repository);
    const Reference target = digest;
    return run_blocking(registry_->find_manifest(name, target));
}
void BlockingRegistry::remove(std::string_view repository, std::string_view reference) const {
    const RepositoryName name = name_of(repository);
    const Reference target = parse_reference(reference);
    run_blocking(registry_->delete_manifest(name, target));
}
void BlockingRegistry::remove_repository(std::string_view repository) const {
    const RepositoryName name = name_of(repository);
    run_blocking(registry_->delete_repository(name));
}

NamePage BlockingRegistry::tags(std::string_view repository, std::string_view last,
                                std::size_t n) const {
    const RepositoryName name = name_of(repository);
    return run_blocking(registry_->list_tags(name, last, n));
}
NamePage BlockingRegistry::repositories(std::string_view last, std::size_t n) const {
    return run_blocking(registry_->list_repositories(last, n));
}
ReferrerPage BlockingRegistry::referrers(std::string_view repository, const Digest& subject,
                                         std::optional<std::string> artifact_type,
                                         std::string_view last, std::size_t n) const {
    const RepositoryName name = name_of(repository);
    return run_blocking(registry_->list_referrers(name, subject, artifact_type, last, n));
}

std::string descriptor_json(std::string_view media_type, const Digest& digest, std::size_t size,
                            std::string_view more) {
    return "{\"mediaType\":\"" + std::string(media_type) + "\",\"digest\":\"" + digest.to_string() +
           "\",\"size\":" + std::to_string(size) + std::string(more) + "}";
}

namespace {
std::string joined(const std::vector<std::string>& items) {
    std::string text;
    for (const std::string& item : items) text += (text.empty() ? "" : ",") + item;
    return text;
}
}  // namespace

std::string image_json(const std::string& config, const std::vector<std::string>& layers,
                       std::string_view more) {
    return "{\"schemaVersion\":2,\"mediaType\":\"" + std::string(media_types::oci_manifest) +
           "\",\"config\":" + config + ",\"layers\":[" + joined(layers) + "]" + std::string(more) +
           "}";
}
std::string index_json(const std::vector<std::string>& manifests, std::string_view more) {
    return "{\"schemaVersion\":2,\"mediaType\":\"" + std::string(media_types::oci_index) +
           "\",\"manifests\":[" + joined(manifests) + "]" + std::string(more) + "}";
}

TestImage::TestImage(std::string seed, std::string_view more)
    : config("{\"created-by\":\"" + seed + "\"}"),
      layer("layer of " + seed),
      manifest(image_json(descriptor_json(config_type, sha256(config), config.size()),
                          {descriptor_json(layer_type, sha256(layer), layer.size())}, more)),
      digest(sha256(manifest)) {}

void TestImage::push_blobs(const BlockingRegistry& registry, std::string_view repository) const {
    registry.push(repository, config);
    registry.push(repository, layer);
}
Digest TestImage::push(const BlockingRegistry& registry, std::string_view repository,
                       std::string_view reference) const {
    push_blobs(registry, repository);
    return registry.put(repository, reference.empty() ? digest.to_string() : std::string(reference),
                        manifest);
}
std::string TestImage::descriptor(std::string_view more) const {
    return descriptor_json(media_types::oci_manifest, digest, manifest.size(), more);
}

std::vector<std::string> all_keys(ObjectStore& store, std::string_view prefix) {
    std::vector<std::string> keys;
    while (true) {
        ListPage page = run_blocking(store.list(prefix, keys.empty() ? "" : keys.back(), 1000));
        for (std::string& key : page.keys) keys.push_back(std::move(key));
        if (!page.more) return keys;
    }
}

std::optional<std::string> read_object(ObjectStore& store, const ObjectKey& key) {
    const auto reader = run_blocking(store.open(key, ByteRange()));
    return reader ? std::optional(read_all(*reader)) : std::nullopt;
}

/// What the blob of that key consists of, or nothing when a part of it is missing.
std::optional<std::string> read_content(ObjectStore& store, const std::string& key) {
    const auto parsed = layout::parse_blob_key(key);
    if (!parsed) return std::nullopt;
    const auto object = read_object(store, ObjectKey(key));
    if (!object || parsed->form == layout::BlobForm::content) return object;
    std::vector<layout::Segment> segments = {parsed->segment};
    if (parsed->form == layout::BlobForm::segments) segments = parse_segments(*object, key);
    std::string content;
    for (const layout::Segment& segment : segments) {
        const auto part = read_object(store, layout::data_key(segment.id));
        if (!part || part->size() != segment.size) return std::nullopt;
        content += *part;
    }
    return content;
}

void expect_valid(ObjectStore& store, const BlockingRegistry& registry, bool tags) {
    std::set<std::string> with_manifest;
    for (const std::string& key : all_keys(store)) {
        SCOPED_TRACE(key);
        const auto digest = layout::digest_of_key(key);
        const std::string inside = key.substr(std::min(key.size(), key.find('/') + 1));
        if (key.starts_with("blobs/")) {
            const auto content = read_content(store, key);
            ASSERT_TRUE(content);
            const std::string hex =
                key.substr(key.rfind('/') + 1, key.rfind('+') - key.rfind('/') - 1);
            const auto algorithm =
                hex.size() == 64 ? DigestAlgorithm::sha256 : DigestAlgorithm::sha512;
            EXPECT_EQ(Hasher::hash(algorithm, *content).hex(), hex);
        } else if (const auto at = inside.find("/_manifests/"); at != std::string::npos) {
            with_manifest.insert(inside.substr(0, at));
            ASSERT_TRUE(digest);
            expect_valid_manifest(registry, inside.substr(0, at), *digest);
        } else if (const auto tag = inside.find("/_tags/"); tags && tag != std::string::npos) {
            const std::string_view component = std::string_view(inside).substr(tag + 7);
            EXPECT_TRUE(registry.get(inside.substr(0, tag), layout::tag_of_key(component)));
        }
    }
    const std::vector<std::string> listed = registry.repositories().names;
    for (const std::string& name : with_manifest) {
        EXPECT_TRUE(std::binary_search(listed.begin(), listed.end(), name)) << name;
    }
}

}  // namespace pkgreg

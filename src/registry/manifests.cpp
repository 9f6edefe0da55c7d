// Manifests and tags of the engine. A manifest holds its blobs: what it refers to is there when it
// is accepted and stays as long as it does.

#include "pkgreg/hasher.hpp"

#include "base/side_by_side.hpp"
#include "registry/engine.hpp"
#include "registry/layout.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace pkgreg {
namespace {

/// What a manifest refers to is looked for so many at a time where each look is a request.
constexpr std::size_t checks_at_once = 8;

/// A stored manifest: its media type, a line feed, its bytes.
std::string stored_form(const MediaType& type, std::string_view bytes) {
    std::string text;
    text.reserve(type.str().size() + 1 + bytes.size());
    text.append(type.str()).append("\n").append(bytes);
    return text;
}

std::optional<Manifest> from_stored_form(const Digest& digest,
                                         std::shared_ptr<const std::string> text) {
    const std::string_view all = *text;
    const std::size_t end = all.find('\n');
    auto type = MediaType::try_parse(all.substr(0, end));
    if (end == std::string_view::npos || !type) {
        throw Error(ErrorCode::corrupt, "the stored manifest " + digest.to_string() +
                                            " is damaged; push the image again");
    }
    return Manifest{digest, *std::move(type), all.substr(end + 1), std::move(text)};
}

std::string describe(const RepositoryName& repository, const Reference& reference) {
    if (const auto* tag = std::get_if<Tag>(&reference)) {
        return "repository '" + repository.str() + "' has no tag '" + tag->str() + "'";
    }
    return "repository '" + repository.str() + "' has no manifest " +
           std::get<Digest>(reference).to_string();
}

std::vector<Digest> references_of(const ManifestDocument& document) {
    std::vector<Digest> digests;
    digests.reserve(document.blobs.size() + document.manifests.size());
    for (const Descriptor& blob : document.blobs) digests.push_back(blob.digest);
    for (const Descriptor& manifest : document.manifests) digests.push_back(manifest.digest);
    return digests;
}

[[noreturn]] void missing(std::string_view what, const Descriptor& descriptor) {
    throw Error(ErrorCode::manifest_blob_unknown,
                "the manifest refers to " + std::string(what) + " " +
                    descriptor.digest.to_string() + " (" + descriptor.media_type.str() +
                    "), which is not in this repository; push it first",
                "{\"digest\":\"" + descriptor.digest.to_string() + "\"}");
}

}  // namespace

awaitable<std::optional<Manifest>> Engine::read_manifest(const RepositoryName& repository,
                                                         const Digest& digest) {
    if (const auto known = manifest_keys_.find(repository, digest)) {
        auto text = co_await store_->get(*known);
        if (text) co_return from_stored_form(digest, std::move(text));
    }
    const std::string prefix = layout::manifest_prefix(repository, digest);
    const ListPage page = co_await store_->list(prefix, "", 8);
    for (const std::string& name : page.keys) {
        const ObjectKey key(name);
        auto text = co_await store_->get(key);
        if (!text) continue;
        manifest_keys_.insert(digest, key);
        co_return from_stored_form(digest, std::move(text));
    }
    co_return std::nullopt;
}

awaitable<bool> Engine::has_manifest(const RepositoryName& repository, const Digest& digest) {
    const std::string prefix = layout::manifest_prefix(repository, digest);
    const ListPage page = co_await store_->list(prefix, "", 1);
    co_return !page.keys.empty();
}

awaitable<std::optional<Manifest>> Engine::find_manifest(const RepositoryName& repository,
                                                         const Reference& reference) {
    if (const auto* digest = std::get_if<Digest>(&reference)) {
        co_return co_await read_manifest(repository, *digest);
    }
    const Tag& tag = std::get<Tag>(reference);
    auto digest = co_await tags_.find(repository, tag);
    while (digest) {
        auto manifest = co_await read_manifest(repository, *digest);
        if (manifest) co_return manifest;
        // Between the two reads the tag may have moved on, and the manifest been deleted.
        const auto now = co_await tags_.find(repository, tag);
        if (now == digest) break;
        digest = now;
    }
    co_return std::nullopt;
}

awaitable<void> Engine::check_references(const RepositoryName& repository,
                                         const ManifestDocument& document) {
    const std::size_t blobs = document.blobs.size();
    const std::size_t count = blobs + document.manifests.size();
    const auto check = [&](std::size_t i) -> awaitable<void> {
        if (i < blobs) return check_blob(repository, document.blobs[i]);
        return check_manifest(repository, document.manifests[i - blobs]);
    };
    if (!store_->capabilities().exclusive) {
        co_await side_by_side(count, checks_at_once, check);
        co_return;
    }
    for (std::size_t i = 0; i < count; ++i) co_await check(i);
}

awaitable<void> Engine::check_blob(const RepositoryName& repository, const Descriptor& blob) {
    const auto found = co_await find_blob(repository, blob.digest);
    if (!found && !is_kept_elsewhere(blob)) missing("blob", blob);
}

awaitable<void> Engine::check_manifest(const RepositoryName& repository,
                                       const Descriptor& manifest) {
    const bool there = co_await has_manifest(repository, manifest.digest);
    if (there) co_return;
    // An index may also point at content that is no manifest.
    const auto blob = co_await find_blob(repository, manifest.digest);
    if (!blob && !is_kept_elsewhere(manifest)) missing("manifest", manifest);
}

/// Settles what another instance deleted between the check of the references and the write of the
/// manifest. Whoever deletes looks for manifests after the removal, whoever pushes looks for what
/// it refers to after the write: one of the two sees the other. Content is still there, so links
/// come back; a manifest cannot, so then the one that was `written` is withdrawn.
awaitable<void> Engine::renew_references(const RepositoryName& repository,
                                         const ManifestDocument& document,
                                         const std::optional<ObjectKey>& written) {
    const bool known = co_await is_known(repository);
    if (!known) {
        const std::string catalog = layout::catalog_prefix(repository.str());
        co_await ensure_object(catalog, "");
    }
    const auto renew = [&](std::size_t i) -> awaitable<void> {
        return renew_link(repository, document.blobs[i]);
    };
    co_await side_by_side(document.blobs.size(), checks_at_once, renew);
    for (const Descriptor& manifest : document.manifests) {
        if (is_kept_elsewhere(manifest)) continue;
        bool there = co_await has_manifest(repository, manifest.digest);
        if (!there) there = co_await is_linked(repository, manifest.digest);
        if (there) continue;
        const auto content = co_await blobs_.find(manifest.digest);
        if (content) {
            co_await link_blob(repository, manifest.digest);
        } else {
            if (written) co_await store_->remove(*written);
            missing("manifest", manifest);
        }
    }
}

awaitable<void> Engine::renew_link(const RepositoryName& repository, const Descriptor& blob) {
    if (is_kept_elsewhere(blob)) co_return;
    const bool linked = co_await is_linked(repository, blob.digest);
    if (!linked) co_await link_blob(repository, blob.digest);
}

void Engine::require_manifest_size(std::string_view bytes) const {
    if (bytes.size() <= options_.max_manifest_size) return;
    throw Error(ErrorCode::too_large, "the manifest has " + std::to_string(bytes.size()) +
                                          " bytes; the limit is " +
                                          std::to_string(options_.max_manifest_size));
}

awaitable<PutManifestResult> Engine::put_manifest(const RepositoryName& repository,
                                                  const Reference& reference,
                                                  const std::optional<MediaType>& media_type,
                                                  std::string_view bytes,
                                                  const std::vector<Tag>& tags) {
    require_writable();
    require_manifest_size(bytes);
    const ManifestDocument document = ManifestDocument::parse(bytes, media_type);
    const auto* wanted = std::get_if<Digest>(&reference);
    const DigestAlgorithm algorithm = wanted ? wanted->algorithm() : DigestAlgorithm::sha256;
    const Digest digest = Hasher::hash(algorithm, bytes);
    if (wanted && *wanted != digest) {
        throw Error(ErrorCode::digest_invalid, "the manifest has digest " + digest.to_string() +
                                                   ", not " + wanted->to_string());
    }

    // Shared: manifests are pushed side by side, but nothing is taken out of the repository
    // between the check and the write.
    const auto guard = co_await locks_.lock_to_add(repository);
    co_await check_references(repository, document);

    co_await store_manifest(repository, document, digest, bytes);
    PutManifestResult result{digest, std::nullopt};
    if (document.subject) result.subject = document.subject->digest;

    std::vector<Tag> all_tags = tags;
    if (const auto* tag = std::get_if<Tag>(&reference)) all_tags.push_back(*tag);
    if (all_tags.empty()) co_return result;
    for (const Tag& tag : all_tags) co_await tags_.put(repository, tag, digest);
    if (!store_->capabilities().exclusive) {
        co_await keep_tagged(repository, document, digest, bytes);
    }
    co_return result;
}

/// Another instance may have deleted the manifest before its tags were there. It looks for tags
/// again after the removal, this one for the manifest: one of the two sees the other. What cannot
/// come back, because what it refers to is gone as well, has no tags either.
awaitable<void> Engine::keep_tagged(const RepositoryName& repository,
                                    const ManifestDocument& document, const Digest& digest,
                                    std::string_view bytes) {
    const bool there = co_await has_manifest(repository, digest);
    if (there) co_return;
    std::exception_ptr failure;
    try {
        co_await store_manifest(repository, document, digest, bytes);
    } catch (...) {
        failure = std::current_exception();
    }
    if (!failure) co_return;
    co_await tags_.remove_those_of(repository, digest);
    std::rethrow_exception(failure);
}

awaitable<void> Engine::store_manifest(const RepositoryName& repository,
                                       const ManifestDocument& document, const Digest& digest,
                                       std::string_view bytes) {
    // In this order every crash leaves a valid registry: the catalog may name a repository that is
    // still empty, a manifest may lack its tag, but nothing points at what is not there.
    const std::string catalog = layout::catalog_prefix(repository.str());
    co_await ensure_object(catalog, "");
    const std::string prefix = layout::manifest_prefix(repository, digest);
    const std::string text = stored_form(document.media_type, bytes);
    const auto written = co_await ensure_object(prefix, text);
    references_.insert(digest, references_of(document));
    if (!store_->capabilities().exclusive) {
        co_await renew_references(repository, document, written);
    }
    if (!document.subject) co_return;
    const std::string entry = layout::referrer_prefix(repository, document.subject->digest, digest);
    const std::string descriptor = referrer_descriptor(digest, bytes.size(), document);
    co_await ensure_object(entry, descriptor);
}

awaitable<void> Engine::adopt_manifest(const RepositoryName& repository, const Digest& digest,
                                       const std::optional<MediaType>& media_type,
                                       std::string_view bytes) {
    require_manifest_size(bytes);
    const ManifestDocument document = ManifestDocument::parse(bytes, media_type);
    const auto guard = co_await locks_.lock_to_add(repository);
    for (const Digest& reference : references_of(document)) {
        const auto content = co_await blobs_.find(reference);
        if (content) co_await link_blob(repository, reference);
    }
    co_await check_references(repository, document);
    co_await store_manifest(repository, document, digest, bytes);
}

awaitable<bool> Engine::manifest_refers(const RepositoryName& repository, const Digest& manifest,
                                        const Digest& target) {
    const auto guess = references_.may_refer(manifest, target);
    if (guess && !*guess) co_return false;
    const auto stored = co_await read_manifest(repository, manifest);
    if (!stored) co_return false;
    const std::vector<Digest> digests =
        references_of(ManifestDocument::parse(stored->bytes, stored->media_type));
    references_.insert(manifest, digests);
    co_return std::find(digests.begin(), digests.end(), target) != digests.end();
}

awaitable<std::optional<Digest>> Engine::find_referring(const RepositoryName& repository,
                                                        const Digest& target) {
    const std::string root = layout::manifests_root(repository);
    std::string last;
    while (true) {
        const ListPage page = co_await store_->list(root, last, 1000);
        for (const std::string& key : page.keys) {
            const auto manifest = layout::digest_of_key(key);
            if (!manifest) continue;
            const bool refers = co_await manifest_refers(repository, *manifest, target);
            if (refers) co_return manifest;
        }
        if (!page.more) co_return std::nullopt;
        last = page.keys.back();
    }
}

awaitable<void> Engine::delete_manifest(const RepositoryName& repository,
                                        const Reference& reference) {
    require_deletion();
    const auto guard = co_await locks_.lock_to_remove(repository);
    if (const auto* tag = std::get_if<Tag>(&reference)) {
        const bool there = co_await tags_.remove(repository, *tag);
        if (!there) throw Error(ErrorCode::manifest_unknown, describe(repository, reference));
        co_return;
    }
    const Digest& digest = std::get<Digest>(reference);
    const auto manifest = co_await read_manifest(repository, digest);
    if (!manifest) throw Error(ErrorCode::manifest_unknown, describe(repository, reference));
    const std::string user = co_await find_user(repository, digest);
    if (!user.empty()) {
        throw Error(ErrorCode::in_use, "manifest " + digest.to_string() + " belongs to " + user +
                                           "; delete that first");
    }
    const ManifestDocument document =
        ManifestDocument::parse(manifest->bytes, manifest->media_type);
    co_await tags_.remove_those_of(repository, digest);
    const std::string newer = co_await take_out_manifest(repository, *manifest, document);
    if (!newer.empty()) {
        throw Error(ErrorCode::in_use, "manifest " + digest.to_string() + " belongs to " + newer +
                                           ", which came at the same moment");
    }
    // Tags that came since, see put_manifest.
    if (!store_->capabilities().exclusive) co_await tags_.remove_those_of(repository, digest);
}

awaitable<std::string> Engine::find_user(const RepositoryName& repository, const Digest& manifest) {
    const auto package = co_await packages_.holder(repository, manifest);
    if (package) co_return describe_package(*package);
    const auto index = co_await find_referring(repository, manifest);
    if (!index) co_return std::string();
    co_return "index " + index->to_string() + " of repository '" + repository.str() + "'";
}

awaitable<std::string> Engine::take_out_manifest(const RepositoryName& repository,
                                                 const Manifest& manifest,
                                                 const ManifestDocument& document) {
    const std::string prefix = layout::manifest_prefix(repository, manifest.digest);
    std::string entry;
    if (document.subject) {
        entry = layout::referrer_prefix(repository, document.subject->digest, manifest.digest);
    }
    co_await remove_all(prefix);
    if (document.subject) co_await remove_all(entry);
    if (store_->capabilities().exclusive) co_return std::string();
    // Another instance may have accepted an index since the look, see renew_references, or a
    // package.
    std::string user = co_await find_user(repository, manifest.digest);
    if (!user.empty()) co_await put_back_manifest(repository, manifest, document);
    co_return user;
}

awaitable<void> Engine::put_back_manifest(const RepositoryName& repository,
                                          const Manifest& manifest,
                                          const ManifestDocument& document) {
    const std::string prefix = layout::manifest_prefix(repository, manifest.digest);
    const std::string text = stored_form(manifest.media_type, manifest.bytes);
    co_await ensure_object(prefix, text);
    if (!document.subject) co_return;
    const std::string entry =
        layout::referrer_prefix(repository, document.subject->digest, manifest.digest);
    const std::string descriptor =
        referrer_descriptor(manifest.digest, manifest.bytes.size(), document);
    co_await ensure_object(entry, descriptor);
}

awaitable<bool> Engine::remove_repository_once(const RepositoryName& repository) {
    // What points at something goes before what it points at.
    const std::string roots[] = {layout::tags_root(repository),
                                 layout::all_referrers_root(repository),
                                 layout::manifests_root(repository), layout::links_root(repository),
                                 layout::catalog_prefix(repository.str())};
    bool removed = false;
    for (const std::string& root : roots) {
        const bool some = co_await remove_all(root);
        removed = removed || some;
    }
    co_return removed;
}

awaitable<void> Engine::delete_repository(const RepositoryName& repository) {
    require_deletion();
    const auto guard = co_await locks_.lock_to_remove(repository);
    const auto package = co_await packages_.holder(repository);
    if (package) {
        throw Error(ErrorCode::in_use, "repository '" + repository.str() + "' has an image of " +
                                           describe_package(*package) + "; remove that first");
    }
    co_await uploads_.drop_all_of(repository);
    bool removed = co_await remove_repository_once(repository);
    if (!removed) {
        throw Error(ErrorCode::name_unknown, "no repository '" + repository.str() + "' here");
    }
    if (store_->capabilities().exclusive) co_return;
    // Another instance may have pushed a manifest whose links went after it had looked at them:
    // until a whole round finds nothing.
    while (removed) removed = co_await remove_repository_once(repository);
    const auto newer = co_await packages_.holder(repository);
    if (newer) {
        throw Error(ErrorCode::in_use, describe_package(*newer) +
                                           ", which was added at the same moment, has lost its "
                                           "images in repository '" +
                                           repository.str() + "'; add it again");
    }
}

}  // namespace pkgreg

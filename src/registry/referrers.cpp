// Referrers of the engine: entries written with each manifest that has a subject, merged with what
// clients keep under a tag of the referrers tag schema.

#include "registry/engine.hpp"
#include "registry/layout.hpp"
#include "registry/page_size.hpp"

#include <simdjson.h>

#include <algorithm>
#include <map>
#include <utility>

namespace pkgreg {
namespace {

/// A page ends when its descriptors have this many bytes: annotations have no limit of their own.
constexpr std::size_t max_page_bytes = std::size_t{4} << 20;

/// OCI distribution specification, "Referrers Tag Schema": `sha256-<hex, 64 characters at most>`.
Tag referrers_tag(const Digest& subject) {
    return Tag::parse(std::string(to_string(subject.algorithm())) + "-" +
                      subject.hex().substr(0, 64));
}

std::string artifact_type_of(const std::string& descriptor) {
    simdjson::dom::parser parser;
    simdjson::dom::element document;
    std::string_view type;
    if (parser.parse(descriptor).get(document) != simdjson::SUCCESS) return {};
    if (document["artifactType"].get(type) != simdjson::SUCCESS) return {};
    return std::string(type);
}

}  // namespace

awaitable<std::map<std::string, Digest>> Engine::tagged_referrers(const RepositoryName& repository,
                                                                  const Digest& subject) {
    std::map<std::string, Digest> listed;
    const Reference tag = referrers_tag(subject);
    const auto index = co_await find_manifest(repository, tag);
    if (index) {
        const ManifestDocument document = ManifestDocument::parse(index->bytes, index->media_type);
        for (const Descriptor& entry : document.manifests) {
            listed.emplace(layout::digest_component(entry.digest), entry.digest);
        }
    }
    co_return listed;
}

awaitable<std::string> Engine::describe_tagged(const RepositoryName& repository,
                                               const Digest& subject, const Digest& referrer) {
    const auto manifest = co_await read_manifest(repository, referrer);
    if (!manifest) co_return std::string();
    const ManifestDocument document =
        ManifestDocument::parse(manifest->bytes, manifest->media_type);
    // A manifest that says itself what it refers to is believed more than the index.
    if (document.subject && document.subject->digest != subject) co_return std::string();
    co_return referrer_descriptor(referrer, manifest->bytes.size(), document);
}

awaitable<std::string> Engine::describe_entry(const RepositoryName& repository,
                                              const std::string& name) {
    const auto referrer = layout::referrer_of_key(name);
    bool there = false;
    if (referrer) there = co_await has_manifest(repository, *referrer);
    if (!there) co_return std::string();
    const ObjectKey key(name);
    const auto text = co_await store_->get(key);
    co_return text ? *text : std::string();
}

awaitable<ReferrerPage> Engine::list_referrers(const RepositoryName& repository,
                                               const Digest& subject,
                                               const std::optional<std::string>& artifact_type,
                                               std::string_view last, std::size_t n) {
    n = std::min(n, max_page);
    ReferrerPage result;
    if (n == 0) co_return result;

    // Two sources in one order, that of the digests' text: entries (keys below `root`), and what
    // the index under the tag lists.
    const std::string root = layout::referrers_root(repository, subject);
    const auto listed = co_await tagged_referrers(repository, subject);
    std::string shown(last);
    auto tagged = listed.upper_bound(shown);
    std::string after = shown.empty() ? std::string() : root + shown + "+~";
    ListPage page;
    std::size_t at = 0;
    bool entries_left = true;
    std::size_t bytes = 0;
    while (true) {
        if (entries_left && at == page.keys.size()) {
            page = co_await store_->list(root, after, max_page);
            at = 0;
            entries_left = !page.keys.empty();
            if (entries_left) after = page.keys.back();
        }
        std::string component;
        if (entries_left) {
            component = page.keys[at].substr(root.size());
            component.erase(component.rfind('+'));
        }
        std::string descriptor;
        if (tagged != listed.end() && (!entries_left || tagged->first < component)) {
            component = tagged->first;
            descriptor = co_await describe_tagged(repository, subject, tagged->second);
            ++tagged;
        } else if (entries_left) {
            // Both sources may name it; the entry is enough.
            if (tagged != listed.end() && tagged->first == component) ++tagged;
            const std::string& key = page.keys[at++];
            if (component != shown) descriptor = co_await describe_entry(repository, key);
        } else {
            co_return result;
        }
        if (descriptor.empty()) continue;
        if (artifact_type && artifact_type_of(descriptor) != *artifact_type) continue;

        const bool full = result.descriptors.size() == n ||
                          (bytes + descriptor.size() > max_page_bytes && bytes > 0);
        if (full) {
            result.next = shown;
            co_return result;
        }
        bytes += descriptor.size();
        result.descriptors.push_back(std::move(descriptor));
        shown = std::move(component);
    }
}

}  // namespace pkgreg

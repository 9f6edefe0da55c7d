// pkgreg_manifest, and what is said of manifests: tags, referrers, repositories.

#include "pkgreg/blocking.hpp"
#include "pkgreg/error.hpp"
#include "pkgreg/hasher.hpp"

#include "arguments.hpp"
#include "core.hpp"
#include "error.hpp"
#include "list.hpp"
#include "pkgreg.h"
#include "registry_table.hpp"

#include <optional>
#include <string>

using namespace pkgreg::capi;
using pkgreg::Digest;
using pkgreg::Manifest;
using pkgreg::MediaType;
using pkgreg::Reference;
using pkgreg::RepositoryName;
using pkgreg::run_blocking;

/// In memory as a whole, so closing does not concern it.
struct pkgreg_manifest {
    explicit pkgreg_manifest(Manifest found)
        : manifest(std::move(found)), digest(manifest.digest.to_string()) {}

    const Manifest manifest;
    const std::string digest;
};

namespace {

[[noreturn]] void throw_unknown(const RepositoryName& name, std::string_view reference) {
    throw pkgreg::Error(
        pkgreg::ErrorCode::manifest_unknown,
        "repository '" + name.str() + "' has no manifest '" + std::string(reference) + "'");
}

std::optional<MediaType> media_type_of(std::optional<std::string_view> text) {
    if (!text) return std::nullopt;
    auto type = MediaType::try_parse(*text);
    if (!type) {
        throw_invalid_argument("'" + std::string(text->substr(0, 260)) + "' is not a media type");
    }
    return type;
}

std::string_view last_of(const char* last, std::size_t length) {
    return optional_text(last, length).value_or("");
}

}  // namespace

int32_t pkgreg_manifest_get(pkgreg_registry* registry, const char* repository,
                            size_t repository_length, const char* reference,
                            size_t reference_length, pkgreg_manifest** manifest,
                            pkgreg_error** error) {
    clear(manifest);
    return guard(error, [&] {
        const Call call(registry);
        pkgreg_manifest*& got = result(manifest, "manifest");
        const auto name =
            RepositoryName::parse(required_text(repository, repository_length, "repository"));
        const auto text = required_text(reference, reference_length, "reference");
        const Reference wanted = pkgreg::parse_reference(text);
        auto found = run_blocking(call->registry->find_manifest(name, wanted));
        if (!found) throw_unknown(name, text);
        got = new pkgreg_manifest(*std::move(found));
    });
}

const char* pkgreg_manifest_digest(const pkgreg_manifest* manifest, size_t* size) {
    tell_size(size, manifest ? manifest->digest.size() : 0);
    return manifest ? manifest->digest.c_str() : nullptr;
}

const char* pkgreg_manifest_media_type(const pkgreg_manifest* manifest, size_t* size) {
    tell_size(size, manifest ? manifest->manifest.media_type.view().size() : 0);
    return manifest ? manifest->manifest.media_type.view().data() : nullptr;
}

const void* pkgreg_manifest_bytes(const pkgreg_manifest* manifest, size_t* size) {
    tell_size(size, manifest ? manifest->manifest.bytes.size() : 0);
    return manifest ? manifest->manifest.bytes.data() : nullptr;
}

void pkgreg_manifest_free(pkgreg_manifest* manifest) {
    delete manifest;
}

int32_t pkgreg_manifest_put(pkgreg_registry* registry, const char* repository,
                            size_t repository_length, const char* reference,
                            size_t reference_length, const char* media_type,
                            size_t media_type_length, const void* bytes, size_t size, char* digest,
                            pkgreg_error** error) {
    return guard(error, [&] {
        const Call call(registry);
        const auto name =
            RepositoryName::parse(required_text(repository, repository_length, "repository"));
        const auto content = required_bytes(bytes, size, "bytes");
        const auto type = media_type_of(optional_text(media_type, media_type_length));
        const auto given = optional_text(reference, reference_length);
        const Reference wanted =
            given ? pkgreg::parse_reference(*given)
                  : pkgreg::Hasher::hash(pkgreg::DigestAlgorithm::sha256, content);
        const auto put = run_blocking(call->registry->put_manifest(name, wanted, type, content));
        write_digest(digest, put.digest);
    });
}

int32_t pkgreg_manifest_delete(pkgreg_registry* registry, const char* repository,
                               size_t repository_length, const char* reference,
                               size_t reference_length, pkgreg_error** error) {
    return guard(error, [&] {
        const Call call(registry);
        const auto name =
            RepositoryName::parse(required_text(repository, repository_length, "repository"));
        const Reference wanted =
            pkgreg::parse_reference(required_text(reference, reference_length, "reference"));
        run_blocking(call->registry->delete_manifest(name, wanted));
    });
}

int32_t pkgreg_repository_delete(pkgreg_registry* registry, const char* repository,
                                 size_t repository_length, pkgreg_error** error) {
    return guard(error, [&] {
        const Call call(registry);
        const auto name =
            RepositoryName::parse(required_text(repository, repository_length, "repository"));
        run_blocking(call->registry->delete_repository(name));
    });
}

int32_t pkgreg_repositories(pkgreg_registry* registry, const char* last, size_t last_length,
                            size_t limit, pkgreg_list** list, pkgreg_error** error) {
    clear(list);
    return guard(error, [&] {
        const Call call(registry);
        pkgreg_list*& listed = result(list, "list");
        auto page = run_blocking(
            call->registry->list_repositories(last_of(last, last_length), page_limit(limit)));
        listed = make_name_list(std::move(page.names), page.more);
    });
}

int32_t pkgreg_tags(pkgreg_registry* registry, const char* repository, size_t repository_length,
                    const char* last, size_t last_length, size_t limit, pkgreg_list** list,
                    pkgreg_error** error) {
    clear(list);
    return guard(error, [&] {
        const Call call(registry);
        pkgreg_list*& listed = result(list, "list");
        const auto name =
            RepositoryName::parse(required_text(repository, repository_length, "repository"));
        auto page = run_blocking(
            call->registry->list_tags(name, last_of(last, last_length), page_limit(limit)));
        listed = make_name_list(std::move(page.names), page.more);
    });
}

int32_t pkgreg_referrers(pkgreg_registry* registry, const char* repository,
                         size_t repository_length, const char* digest, size_t digest_length,
                         const char* artifact_type, size_t artifact_type_length, const char* last,
                         size_t last_length, size_t limit, pkgreg_list** list,
                         pkgreg_error** error) {
    clear(list);
    return guard(error, [&] {
        const Call call(registry);
        pkgreg_list*& listed = result(list, "list");
        const auto name =
            RepositoryName::parse(required_text(repository, repository_length, "repository"));
        const auto subject = Digest::parse(required_text(digest, digest_length, "digest"));
        std::optional<std::string> type;
        if (const auto text = optional_text(artifact_type, artifact_type_length)) {
            type = std::string(*text);
        }
        auto page = run_blocking(call->registry->list_referrers(
            name, subject, type, last_of(last, last_length), page_limit(limit)));
        std::optional<std::string> next;
        if (!page.next.empty()) next = std::move(page.next);
        listed = new pkgreg_list{std::move(page.descriptors), std::move(next)};
    });
}

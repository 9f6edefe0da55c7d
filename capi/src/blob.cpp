// Blobs: what they are, where they may be served, and those that lie in memory.

#include "pkgreg/blocking.hpp"
#include "pkgreg/error.hpp"

#include "arguments.hpp"
#include "blob_info.hpp"
#include "core.hpp"
#include "error.hpp"
#include "pkgreg.h"
#include "registry_table.hpp"

#include <optional>

using namespace pkgreg::capi;
using pkgreg::BlobInfo;
using pkgreg::Digest;
using pkgreg::RepositoryName;
using pkgreg::run_blocking;

namespace {

const BlobInfo& known(const std::optional<BlobInfo>& blob, const std::string& where,
                      const Digest& digest) {
    if (blob) return *blob;
    throw pkgreg::Error(pkgreg::ErrorCode::blob_unknown,
                        where + " has no blob " + digest.to_string(),
                        "{\"digest\":\"" + digest.to_string() + "\"}");
}

}  // namespace

int32_t pkgreg_blob_stat(pkgreg_registry* registry, const char* repository,
                         size_t repository_length, const char* digest, size_t digest_length,
                         pkgreg_blob_info* info, pkgreg_error** error) {
    return guard(error, [&] {
        const Call call(registry);
        check(&required(info, "info"));
        const auto name =
            RepositoryName::parse(required_text(repository, repository_length, "repository"));
        const auto wanted = Digest::parse(required_text(digest, digest_length, "digest"));
        const auto blob = run_blocking(call->registry->find_blob(name, wanted));
        fill(info, known(blob, "repository '" + name.str() + "'", wanted));
    });
}

int32_t pkgreg_blob_mount(pkgreg_registry* registry, const char* repository,
                          size_t repository_length, const char* digest, size_t digest_length,
                          const char* from, size_t from_length, pkgreg_blob_info* info,
                          pkgreg_error** error) {
    return guard(error, [&] {
        const Call call(registry);
        check(info);
        const auto name =
            RepositoryName::parse(required_text(repository, repository_length, "repository"));
        const auto wanted = Digest::parse(required_text(digest, digest_length, "digest"));
        std::optional<RepositoryName> source;
        if (const auto text = optional_text(from, from_length)) {
            source = RepositoryName::parse(*text);
        }
        const auto blob = run_blocking(call->registry->mount_blob(name, wanted, source));
        fill(info,
             known(blob, source ? "repository '" + source->str() + "'" : "the registry", wanted));
    });
}

int32_t pkgreg_blob_delete(pkgreg_registry* registry, const char* repository,
                           size_t repository_length, const char* digest, size_t digest_length,
                           pkgreg_error** error) {
    return guard(error, [&] {
        const Call call(registry);
        const auto name =
            RepositoryName::parse(required_text(repository, repository_length, "repository"));
        const auto wanted = Digest::parse(required_text(digest, digest_length, "digest"));
        run_blocking(call->registry->delete_blob(name, wanted));
    });
}

int32_t pkgreg_blob_put(pkgreg_registry* registry, const char* repository, size_t repository_length,
                        const char* digest, size_t digest_length, const void* bytes, size_t size,
                        pkgreg_blob_info* info, pkgreg_error** error) {
    return guard(error, [&] {
        const Call call(registry);
        check(info);
        const auto name =
            RepositoryName::parse(required_text(repository, repository_length, "repository"));
        const auto expected = optional_digest(digest, digest_length);
        pkgreg::MemoryBody body(required_bytes(bytes, size, "bytes"));
        fill(info, run_blocking(call->registry->put_blob(name, expected, body)));
    });
}

// pkgreg_upload: a blob on its way in. The handle holds no more than its name: the bytes belong to
// the registry, so the upload outlives the handle.

#include "pkgreg/blocking.hpp"
#include "pkgreg/error.hpp"

#include "arguments.hpp"
#include "blob_info.hpp"
#include "bodies.hpp"
#include "core.hpp"
#include "error.hpp"
#include "pkgreg.h"
#include "registry_table.hpp"
#include "serial_mutex.hpp"
#include "text.hpp"

#include <memory>
#include <mutex>

using namespace pkgreg::capi;
using pkgreg::BodySource;
using pkgreg::RepositoryName;
using pkgreg::run_blocking;
using pkgreg::UploadStatus;

struct pkgreg_upload {
    pkgreg_upload(pkgreg_registry* key, RepositoryName name, pkgreg::UploadId known_as)
        : registry(key), repository(std::move(name)), id(std::move(known_as)) {}

    pkgreg_registry* const registry;
    const std::uint32_t epoch = fork_epoch();
    const RepositoryName repository;
    SerialMutex mutex;
    // Guarded by the mutex:
    pkgreg::UploadId id;
    bool over = false;
};

namespace {

/// Runs `work(core, handle)` in the handle's turn.
template <class Work>
std::int32_t with_upload(pkgreg_upload* upload, pkgreg_error** error, Work&& work) noexcept {
    return guard(error, [&] {
        pkgreg_upload& handle = required(upload, "upload");
        require_same_process(handle.epoch);
        const Call call(handle.registry);
        const std::lock_guard turn(handle.mutex);
        if (handle.over) {
            throw pkgreg::Error(pkgreg::ErrorCode::blob_upload_unknown,
                                "the upload is over; free it, and begin another one");
        }
        work(call.core(), handle);
    });
}

UploadStatus refresh(Core& core, pkgreg_upload& handle) {
    UploadStatus status = run_blocking(core.registry->upload_status(handle.repository, handle.id));
    handle.id = status.id;
    return status;
}

void append(Core& core, pkgreg_upload& handle, BodySource& body) {
    try {
        handle.id = run_blocking(core.registry->append_upload(handle.repository, handle.id,
                                                              std::nullopt, body))
                        .id;
    } catch (...) {
        // What came before the failure may have given the upload another name.
        try {
            refresh(core, handle);
        } catch (...) {
            // What failed first is what the caller has to know.
        }
        throw;
    }
}

pkgreg::DigestAlgorithm algorithm_of(std::optional<std::string_view> text) {
    if (!text || *text == "sha256") return pkgreg::DigestAlgorithm::sha256;
    if (*text == "sha512") return pkgreg::DigestAlgorithm::sha512;
    throw_invalid_argument("'" + std::string(text->substr(0, 40)) +
                           "' is no algorithm that is known here; use sha256 or sha512");
}

}  // namespace

int32_t pkgreg_upload_begin(pkgreg_registry* registry, const char* repository,
                            size_t repository_length, const char* algorithm,
                            size_t algorithm_length, pkgreg_upload** upload, pkgreg_error** error) {
    clear(upload);
    return guard(error, [&] {
        const Call call(registry);
        pkgreg_upload*& begun = result(upload, "upload");
        auto name =
            RepositoryName::parse(required_text(repository, repository_length, "repository"));
        const auto named_by = algorithm_of(optional_text(algorithm, algorithm_length));
        call->keep_house();
        UploadStatus status = run_blocking(call->registry->begin_upload(name, named_by));
        begun = new pkgreg_upload(registry, std::move(name), std::move(status.id));
    });
}

int32_t pkgreg_upload_resume(pkgreg_registry* registry, const char* repository,
                             size_t repository_length, const char* id, size_t id_length,
                             pkgreg_upload** upload, pkgreg_error** error) {
    clear(upload);
    return guard(error, [&] {
        const Call call(registry);
        pkgreg_upload*& resumed = result(upload, "upload");
        auto name =
            RepositoryName::parse(required_text(repository, repository_length, "repository"));
        const pkgreg::UploadId known_as(required_text(id, id_length, "id"));
        UploadStatus status = run_blocking(call->registry->upload_status(name, known_as));
        resumed = new pkgreg_upload(registry, std::move(name), std::move(status.id));
    });
}

int32_t pkgreg_upload_status(pkgreg_upload* upload, pkgreg_text** id, uint64_t* offset,
                             pkgreg_error** error) {
    clear(id);
    return with_upload(upload, error, [&](Core& core, pkgreg_upload& handle) {
        UploadStatus status = refresh(core, handle);
        if (id) *id = new pkgreg_text{std::move(status.id)};
        if (offset) *offset = status.offset;
    });
}

int32_t pkgreg_upload_append(pkgreg_upload* upload, const void* bytes, size_t size,
                             pkgreg_error** error) {
    return with_upload(upload, error, [&](Core& core, pkgreg_upload& handle) {
        pkgreg::MemoryBody body(required_bytes(bytes, size, "bytes"));
        append(core, handle, body);
    });
}

int32_t pkgreg_upload_append_stream(pkgreg_upload* upload, pkgreg_read_fn read, void* user,
                                    pkgreg_error** error) {
    return with_upload(upload, error, [&](Core& core, pkgreg_upload& handle) {
        FunctionBody body(&required(read, "read"), user, UINT64_MAX);
        append(core, handle, body);
    });
}

int32_t pkgreg_upload_append_file(pkgreg_upload* upload, int fd, uint64_t offset, uint64_t length,
                                  pkgreg_error** error) {
    return with_upload(upload, error, [&](Core& core, pkgreg_upload& handle) {
        FileBody body(fd, offset, length);
        append(core, handle, body);
    });
}

int32_t pkgreg_upload_commit(pkgreg_upload* upload, const char* digest, size_t digest_length,
                             pkgreg_blob_info* info, pkgreg_error** error) {
    return with_upload(upload, error, [&](Core& core, pkgreg_upload& handle) {
        check(info);
        const auto expected = optional_digest(digest, digest_length);
        pkgreg::BlobInfo blob = run_blocking(core.registry->commit_upload(
            handle.repository, handle.id, expected, std::nullopt, nullptr));
        handle.over = true;
        fill(info, blob);
    });
}

int32_t pkgreg_upload_abort(pkgreg_upload* upload, pkgreg_error** error) {
    return with_upload(upload, error, [&](Core& core, pkgreg_upload& handle) {
        run_blocking(core.registry->cancel_upload(handle.repository, handle.id));
        handle.over = true;
    });
}

void pkgreg_upload_free(pkgreg_upload* upload) {
    free_handle(upload);
}

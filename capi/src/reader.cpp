// pkgreg_reader: a blob, or a part of it, read from front to back.

#include "pkgreg/blocking.hpp"
#include "pkgreg/error.hpp"

#include "arguments.hpp"
#include "content_stream.hpp"
#include "core.hpp"
#include "error.hpp"
#include "pkgreg.h"
#include "registry_table.hpp"
#include "serial_mutex.hpp"

#include <memory>
#include <mutex>
#include <span>

using namespace pkgreg::capi;
using pkgreg::ByteRange;
using pkgreg::Digest;
using pkgreg::ObjectReader;
using pkgreg::RepositoryName;
using pkgreg::run_blocking;

struct pkgreg_reader {
    pkgreg_reader(const Call& call, pkgreg_registry* key, std::unique_ptr<ObjectReader> reader,
                  std::uint64_t bytes)
        : registry(key),
          length(bytes),
          object_size(reader->object_size()),
          content(call.core(), key,
                  std::make_shared<ContentStream>(pkgreg::ResponseBody(std::move(reader)))) {}

    pkgreg_registry* const registry;
    const std::uint32_t epoch = fork_epoch();
    const std::uint64_t length;
    const std::uint64_t object_size;
    SerialMutex mutex;
    std::uint64_t left = length;
    ChildHolder<ContentStream> content;
};

namespace {

/// `length` bytes from `offset` on, as far as there are any.
ByteRange range_of(std::uint64_t offset, std::uint64_t length) {
    if (length == 0 || length - 1 > UINT64_MAX - 1 - offset) {
        return offset == 0 ? ByteRange() : ByteRange::from(offset);
    }
    return ByteRange::between(offset, offset + length - 1);
}

std::uint64_t length_of(const ObjectReader& reader, std::uint64_t offset, std::uint64_t wanted) {
    if (const auto interval = reader.interval()) return std::min(interval->length, wanted);
    if (reader.object_size() == 0 && offset == 0) return 0;
    throw pkgreg::Error(pkgreg::ErrorCode::range_invalid,
                        "the blob has " + std::to_string(reader.object_size()) +
                            " bytes, and none at offset " + std::to_string(offset));
}

}  // namespace

int32_t pkgreg_blob_open(pkgreg_registry* registry, const char* repository,
                         size_t repository_length, const char* digest, size_t digest_length,
                         uint64_t offset, uint64_t length, pkgreg_reader** reader,
                         pkgreg_error** error) {
    clear(reader);
    return guard(error, [&] {
        const Call call(registry);
        pkgreg_reader*& opened = result(reader, "reader");
        const auto name =
            RepositoryName::parse(required_text(repository, repository_length, "repository"));
        const auto wanted = Digest::parse(required_text(digest, digest_length, "digest"));
        const ByteRange range = range_of(offset, length);
        auto object = run_blocking(call->registry->open_blob(name, wanted, range));
        if (!object) {
            throw pkgreg::Error(pkgreg::ErrorCode::blob_unknown,
                                "repository '" + name.str() + "' has no blob " + wanted.to_string(),
                                "{\"digest\":\"" + wanted.to_string() + "\"}");
        }
        const std::uint64_t bytes = length_of(*object, offset, length);
        opened = new pkgreg_reader(call, registry, std::move(object), bytes);
    });
}

uint64_t pkgreg_reader_length(const pkgreg_reader* reader) {
    return reader ? reader->length : 0;
}

uint64_t pkgreg_reader_object_size(const pkgreg_reader* reader) {
    return reader ? reader->object_size : 0;
}

int32_t pkgreg_reader_read(pkgreg_reader* reader, void* into, size_t size, size_t* got,
                           pkgreg_error** error) {
    return guard(error, [&] {
        pkgreg_reader& handle = required(reader, "reader");
        require_same_process(handle.epoch);
        const Call call(handle.registry);
        required_bytes(into, size, "into");
        std::size_t& read = required(got, "got");
        const std::lock_guard turn(handle.mutex);
        const std::span room(static_cast<std::byte*>(into),
                             static_cast<std::size_t>(std::min<std::uint64_t>(size, handle.left)));
        const std::size_t n = room.empty() ? 0 : handle.content->read(room);
        handle.left -= n;
        read = n;
    });
}

void pkgreg_reader_free(pkgreg_reader* reader) {
    free_handle(reader);
}

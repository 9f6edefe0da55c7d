// libarchive without its manual memory.
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <memory>
#include <string>

namespace pkgreg {

struct ArchiveReadDeleter {
    void operator()(archive* handle) const noexcept { archive_read_free(handle); }
};
struct ArchiveWriteDeleter {
    void operator()(archive* handle) const noexcept { archive_write_free(handle); }
};
struct ArchiveEntryDeleter {
    void operator()(archive_entry* entry) const noexcept { archive_entry_free(entry); }
};
using ArchiveReadPtr = std::unique_ptr<archive, ArchiveReadDeleter>;
using ArchiveWritePtr = std::unique_ptr<archive, ArchiveWriteDeleter>;
using ArchiveEntryPtr = std::unique_ptr<archive_entry, ArchiveEntryDeleter>;

/// What libarchive says about its last call.
inline std::string archive_message(archive* handle) {
    const char* text = archive_error_string(handle);
    return text ? text : "unknown error";
}

}  // namespace pkgreg

// CrashRecorder: a file system that writes down every change, and can make the directory that a
// crash at any moment could have left: without the data and the names that were not synced by then.
#pragma once

#include "store/forwarding_file_system.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

namespace pkgreg {

/// Records the store that it is given to; one store, in a directory that was empty. Nothing is
/// synced really, only noted. The calls are made one at a time, so that the record has their order.
///
/// What was acknowledged when is for the caller to note: `position()` before an operation begins
/// and after it completed.
class CrashRecorder : public UnsyncedFileSystem {
 public:
    /// How many changes were made so far.
    std::size_t position() const {
        const std::lock_guard lock(mutex_);
        return record_.size();
    }

    /// What became of the names that were made, changed or removed in a directory, but not synced.
    /// Data that was not synced is lost in any case: a file ends where it was synced.
    enum class UnsyncedNames { lost, kept, some_kept };

    /// Makes, in the empty directory `into`, what a crash after the first `position` changes may
    /// leave.
    void leave(std::size_t position, UnsyncedNames names, const std::filesystem::path& into) const;

    /// From now on, syncs of directories are not recorded, as if they were forgotten; for a test of
    /// the tests.
    void forget_directory_syncs() {
        const std::lock_guard lock(mutex_);
        forget_directory_syncs_ = true;
    }

    int create(const RootDirectory& root, const std::string& path) override;
    int reopen(const RootDirectory& root, const std::string& path) override;
    void write(int fd, std::span<const std::byte> bytes, std::uint64_t offset) override;
    void sync_file(int fd) override;
    void close(int fd) noexcept override;
    bool sync_directory(const RootDirectory& root, const std::string& path) override;
    bool rename(const RootDirectory& root, const std::string& from, const std::string& to) override;
    LinkResult link(const RootDirectory& root, const std::string& from,
                    const std::string& to) override;
    bool unlink(const RootDirectory& root, const std::string& path) override;
    MakeResult make_directory(const RootDirectory& root, const std::string& path) override;
    bool remove_directory(const RootDirectory& root, const std::string& path) override;

 private:
    struct Change {
        enum class Kind {
            create,
            reopen,
            write,
            sync_file,
            close,
            sync_directory,
            rename,
            link,
            unlink,
            make_directory,
            remove_directory
        } kind;
        int fd = -1;
        std::string path = {};
        std::string to = {};
        std::string bytes = {};
        std::uint64_t offset = 0;
    };
    class Disk;

    void note(Change change) { record_.push_back(std::move(change)); }

    mutable std::mutex mutex_;
    std::vector<Change> record_;
    bool forget_directory_syncs_ = false;
};

}  // namespace pkgreg

// ForwardingFileSystem: hands every call on to the operating system's; tests override what they
// want to watch, skip, or let fail.
#pragma once

#include "store/file_system.hpp"

#include <fcntl.h>
#include <memory>
#include <string>
#include <unistd.h>

namespace pkgreg {

class ForwardingFileSystem : public FileSystem {
 public:
    int create(const RootDirectory& root, const std::string& path) override {
        return system_->create(root, path);
    }
    int reopen(const RootDirectory& root, const std::string& path) override {
        return system_->reopen(root, path);
    }
    void write(int fd, std::span<const std::byte> bytes, std::uint64_t offset) override {
        system_->write(fd, bytes, offset);
    }
    void start_writeback(int fd, std::uint64_t offset, std::uint64_t length) noexcept override {
        system_->start_writeback(fd, offset, length);
    }
    void set_modified(int fd, std::int64_t time) override { system_->set_modified(fd, time); }
    void sync_file(int fd) override { system_->sync_file(fd); }
    void close(int fd) noexcept override { system_->close(fd); }
    bool sync_directory(const RootDirectory& root, const std::string& path) override {
        return system_->sync_directory(root, path);
    }
    bool rename(const RootDirectory& root, const std::string& from,
                const std::string& to) override {
        return system_->rename(root, from, to);
    }
    LinkResult link(const RootDirectory& root, const std::string& from,
                    const std::string& to) override {
        return system_->link(root, from, to);
    }
    bool unlink(const RootDirectory& root, const std::string& path) override {
        return system_->unlink(root, path);
    }
    MakeResult make_directory(const RootDirectory& root, const std::string& path) override {
        return system_->make_directory(root, path);
    }
    bool remove_directory(const RootDirectory& root, const std::string& path) override {
        return system_->remove_directory(root, path);
    }

 private:
    const std::shared_ptr<FileSystem> system_ = system_file_system();
};

/// Syncs nothing: for tests that are about something else, and make thousands of files.
class UnsyncedFileSystem : public ForwardingFileSystem {
 public:
    void sync_file(int) override {}
    void start_writeback(int, std::uint64_t, std::uint64_t) noexcept override {}
    bool sync_directory(const RootDirectory& root, const std::string& path) override {
        return faccessat(root.fd, path.empty() ? "." : path.c_str(), F_OK, 0) == 0;
    }
};

}  // namespace pkgreg

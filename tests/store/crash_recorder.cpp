#include "store/crash_recorder.hpp"

#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>

namespace pkgreg {

/// The files and directories as the record leads to them: as the process saw them, and as far as
/// they were synced.
class CrashRecorder::Disk {
 public:
    void apply(const Change& change);
    void leave(UnsyncedNames names, const std::filesystem::path& into) const {
        leave(*root_, names, into);
    }

 private:
    struct Node;
    using Names = std::map<std::string, std::shared_ptr<Node>>;
    struct Node {
        explicit Node(bool directory) : is_directory(directory) {}

        const bool is_directory;
        std::string data, synced_data;
        Names names, synced_names;
    };

    struct Place {
        Node& directory;
        std::string name;
    };
    Node& directory(const std::string& path) const {
        Node* node = root_.get();
        for (std::size_t at = 0; at < path.size();) {
            const std::size_t end = std::min(path.find('/', at), path.size());
            node = node->names.at(path.substr(at, end - at)).get();
            at = end + 1;
        }
        return *node;
    }
    Place place(const std::string& path) const {
        const std::size_t slash = path.rfind('/');
        if (slash == std::string::npos) return {*root_, path};
        return {directory(path.substr(0, slash)), path.substr(slash + 1)};
    }
    std::shared_ptr<Node>& add(const std::string& path) const {
        const Place at = place(path);
        return at.directory.names[at.name];
    }
    std::shared_ptr<Node> find(const std::string& path) const {
        const Place at = place(path);
        return at.directory.names.at(at.name);
    }
    void drop(const std::string& path) const {
        const Place at = place(path);
        at.directory.names.erase(at.name);
    }
    static void leave(const Node& node, UnsyncedNames names, const std::filesystem::path& into);
    static Names names_left(const Node& node, UnsyncedNames names);

    std::shared_ptr<Node> root_ = std::make_shared<Node>(true);
    std::map<int, std::shared_ptr<Node>> open_;
};

void CrashRecorder::Disk::apply(const Change& change) {
    using Kind = Change::Kind;
    switch (change.kind) {
        case Kind::create:
            open_[change.fd] = add(change.path) = std::make_shared<Node>(false);
            break;
        case Kind::reopen: open_[change.fd] = find(change.path); break;
        case Kind::write: {
            std::string& data = open_.at(change.fd)->data;
            data.resize(std::max(data.size(), change.offset + change.bytes.size()));
            data.replace(change.offset, change.bytes.size(), change.bytes);
            break;
        }
        case Kind::sync_file: {
            Node& file = *open_.at(change.fd);
            file.synced_data = file.data;
            break;
        }
        case Kind::close: open_.erase(change.fd); break;
        case Kind::sync_directory: {
            Node& node = directory(change.path);
            node.synced_names = node.names;
            break;
        }
        case Kind::rename: {
            const auto file = find(change.path);
            drop(change.path);
            add(change.to) = file;
            break;
        }
        case Kind::link: add(change.to) = find(change.path); break;
        case Kind::make_directory: add(change.path) = std::make_shared<Node>(true); break;
        case Kind::unlink:
        case Kind::remove_directory: drop(change.path); break;
    }
}

CrashRecorder::Disk::Names CrashRecorder::Disk::names_left(const Node& node, UnsyncedNames names) {
    if (names == UnsyncedNames::lost) return node.synced_names;
    if (names == UnsyncedNames::kept) return node.names;
    // Each change of a name reached the disk or did not, by a coin that falls the same every time.
    Names left = node.synced_names;
    const auto coin = [](const std::string& name) { return std::hash<std::string>{}(name) % 2; };
    for (const auto& [name, child] : node.names) {
        if (coin(name)) left[name] = child;
    }
    for (const auto& [name, child] : node.synced_names) {
        if (!node.names.contains(name) && coin(name)) left.erase(name);
    }
    return left;
}

void CrashRecorder::Disk::leave(const Node& node, UnsyncedNames names,
                                const std::filesystem::path& into) {
    for (const auto& [name, child] : names_left(node, names)) {
        const std::filesystem::path path = into / name;
        if (child->is_directory) {
            std::filesystem::create_directory(path);
            leave(*child, names, path);
        } else {
            std::ofstream(path, std::ios::binary) << child->synced_data;
        }
    }
}

void CrashRecorder::leave(std::size_t position, UnsyncedNames names,
                          const std::filesystem::path& into) const {
    Disk disk;
    {
        const std::lock_guard lock(mutex_);
        for (std::size_t i = 0; i < position; ++i) disk.apply(record_.at(i));
    }
    disk.leave(names, into);
}

int CrashRecorder::create(const RootDirectory& root, const std::string& path) {
    const std::lock_guard lock(mutex_);
    const int fd = UnsyncedFileSystem::create(root, path);
    note({.kind = Change::Kind::create, .fd = fd, .path = path});
    return fd;
}

int CrashRecorder::reopen(const RootDirectory& root, const std::string& path) {
    const std::lock_guard lock(mutex_);
    const int fd = UnsyncedFileSystem::reopen(root, path);
    if (fd >= 0) note({.kind = Change::Kind::reopen, .fd = fd, .path = path});
    return fd;
}

void CrashRecorder::write(int fd, std::span<const std::byte> bytes, std::uint64_t offset) {
    const std::lock_guard lock(mutex_);
    UnsyncedFileSystem::write(fd, bytes, offset);
    note({.kind = Change::Kind::write,
          .fd = fd,
          .bytes = std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()),
          .offset = offset});
}

void CrashRecorder::sync_file(int fd) {
    const std::lock_guard lock(mutex_);
    note({.kind = Change::Kind::sync_file, .fd = fd});
}

void CrashRecorder::close(int fd) noexcept {
    const std::lock_guard lock(mutex_);
    UnsyncedFileSystem::close(fd);
    note({.kind = Change::Kind::close, .fd = fd});
}

bool CrashRecorder::sync_directory(const RootDirectory& root, const std::string& path) {
    const std::lock_guard lock(mutex_);
    const bool there = UnsyncedFileSystem::sync_directory(root, path);
    if (there && !forget_directory_syncs_) {
        note({.kind = Change::Kind::sync_directory, .path = path});
    }
    return there;
}

bool CrashRecorder::rename(const RootDirectory& root, const std::string& from,
                           const std::string& to) {
    const std::lock_guard lock(mutex_);
    const bool done = UnsyncedFileSystem::rename(root, from, to);
    if (done) note({.kind = Change::Kind::rename, .path = from, .to = to});
    return done;
}

FileSystem::LinkResult CrashRecorder::link(const RootDirectory& root, const std::string& from,
                                           const std::string& to) {
    const std::lock_guard lock(mutex_);
    const LinkResult result = UnsyncedFileSystem::link(root, from, to);
    if (result == LinkResult::linked) note({.kind = Change::Kind::link, .path = from, .to = to});
    return result;
}

bool CrashRecorder::unlink(const RootDirectory& root, const std::string& path) {
    const std::lock_guard lock(mutex_);
    const bool done = UnsyncedFileSystem::unlink(root, path);
    if (done) note({.kind = Change::Kind::unlink, .path = path});
    return done;
}

FileSystem::MakeResult CrashRecorder::make_directory(const RootDirectory& root,
                                                     const std::string& path) {
    const std::lock_guard lock(mutex_);
    const MakeResult result = UnsyncedFileSystem::make_directory(root, path);
    if (result == MakeResult::made) note({.kind = Change::Kind::make_directory, .path = path});
    return result;
}

bool CrashRecorder::remove_directory(const RootDirectory& root, const std::string& path) {
    const std::lock_guard lock(mutex_);
    const bool done = UnsyncedFileSystem::remove_directory(root, path);
    if (done) note({.kind = Change::Kind::remove_directory, .path = path});
    return done;
}

}  // namespace pkgreg

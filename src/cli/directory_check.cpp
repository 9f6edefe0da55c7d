#include "cli/directory_check.hpp"

#include "pkgreg/blocking.hpp"
#include "pkgreg/directory_store.hpp"
#include "pkgreg/error.hpp"
#include "pkgreg/registry.hpp"

#include "base/unique_fd.hpp"

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/core.h>
#include <string>
#include <string_view>
#include <sys/statvfs.h>
#include <unistd.h>
#include <utility>

namespace pkgreg::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t written_bytes = std::size_t{1} << 20;
constexpr std::uint64_t little_room = std::uint64_t{1} << 30;
constexpr std::uint64_t few_files = 10'000;

/// What the system says of a call that failed just now.
Finding failure_of(std::string_view what, std::string_view advice) {
    const std::string reason = std::strerror(errno);
    return {Outcome::fails, reason, fmt::format("{}: {}; {}", what, reason, advice)};
}

double milliseconds_since(Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

class DirectoryCheck {
 public:
    DirectoryCheck(std::filesystem::path directory, CheckReport& report)
        : path_(std::move(directory)), report_(report) {}

    void run() {
        report_.head("storage", "directory " + path_.string());
        const auto check = [this](const char* name, Finding (DirectoryCheck::*work)()) {
            const bool possible = name == first || fd_;
            report_.add(name, possible ? (this->*work)() : Finding(Outcome::not_tried, ""));
        };
        check(first, &DirectoryCheck::open);
        check("registry", &DirectoryCheck::look_at_registry);
        check("write and sync", &DirectoryCheck::write);
        check("sync the directory", &DirectoryCheck::sync);
        check("room", &DirectoryCheck::look_at_room);
    }

 private:
    static constexpr const char* first = "open";

    Finding open() {
        fd_ = UniqueFd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (fd_) return {Outcome::works, ""};
        return failure_of("cannot open " + path_.string(),
                          errno == ENOENT
                              ? "'pkgreg serve' makes it when it starts, or name another"
                              : "name a directory that this user may enter");
    }

    Finding look_at_registry() {
        DirectoryStoreOptions as_reader;
        as_reader.read_only = true;
        RegistryOptions options;
        options.read_only = true;
        try {
            auto store = open_directory_store(path_, std::move(as_reader));
            run_blocking(Registry::open(std::move(store), std::move(options)));
            return {Outcome::works, "a registry's, or empty"};
        } catch (const Error& error) {
            return {Outcome::fails, "not a registry's", error.message()};
        }
    }

    /// Into a file without a name, which nothing can leave behind.
    Finding write() {
        const std::string what = "cannot write into " + path_.string();
        const char* const advice =
            "the user that serves must own the directory, on a file system "
            "that is mounted for writing and has room";
        const UniqueFd file = nameless_file();
        if (!file) return failure_of(what, advice);
        const std::string bytes(written_bytes, 'x');
        const auto start = Clock::now();
        for (std::size_t done = 0; done < bytes.size();) {
            const ssize_t n = ::write(file.get(), bytes.data() + done, bytes.size() - done);
            if (n < 0) return failure_of(what, advice);
            done += static_cast<std::size_t>(n);
        }
        if (::fsync(file.get()) < 0)
            return failure_of("cannot sync a file in " + path_.string(),
                              "look at the disk and its file system");
        return {Outcome::works, fmt::format("1 MiB in {:.1f} ms", milliseconds_since(start))};
    }

    /// Not every file system has such files; there one is named for a moment.
    UniqueFd nameless_file() const {
        UniqueFd file(::openat(fd_.get(), ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
        if (file || (errno != EOPNOTSUPP && errno != EISDIR)) return file;
        std::string name = (path_ / ".check-XXXXXX").string();
        file = UniqueFd(::mkostemp(name.data(), O_CLOEXEC));
        if (file) ::unlink(name.c_str());
        return file;
    }

    Finding sync() {
        const auto start = Clock::now();
        if (::fsync(fd_.get()) < 0) {
            return failure_of("cannot sync " + path_.string(),
                              "without that a name may be lost in a crash; use another file "
                              "system");
        }
        return {Outcome::works, fmt::format("{:.1f} ms", milliseconds_since(start))};
    }

    Finding look_at_room() {
        struct statvfs room {};
        if (::fstatvfs(fd_.get(), &room) < 0) {
            return failure_of("cannot ask for the room in " + path_.string(), "look at the disk");
        }
        const std::uint64_t bytes = std::uint64_t{room.f_bavail} * room.f_frsize;
        const double gib = static_cast<double>(bytes) / (1 << 30);
        // Some file systems make their inodes as they need them, and tell 0.
        const bool counts_files = room.f_files != 0;
        std::string detail = fmt::format("{:.1f} GiB", gib);
        if (counts_files) detail += fmt::format(", {} files", room.f_favail);
        if (bytes < little_room) {
            return {Outcome::attention, detail, "less than 1 GiB is left; make room"};
        }
        if (counts_files && room.f_favail < few_files) {
            return {Outcome::attention, detail,
                    "the file system can take few more files; each blob, manifest and tag is one"};
        }
        return {Outcome::works, detail};
    }

    std::filesystem::path path_;
    CheckReport& report_;
    UniqueFd fd_;
};

}  // namespace

void check_directory(const std::filesystem::path& directory, CheckReport& report) {
    DirectoryCheck(directory, report).run();
}

}  // namespace pkgreg::cli

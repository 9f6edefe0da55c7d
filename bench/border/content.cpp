// A blob pushed from memory, pushed from a file, and read, through the C++ library: what content.py
// does through Python. Takes an empty directory and a file; tells the seconds of each.
#include "pkgreg/blocking.hpp"
#include "pkgreg/directory_store.hpp"
#include "pkgreg/hasher.hpp"
#include "pkgreg/registry.hpp"

#include <chrono>
#include <cstdio>
#include <exception>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace {

using pkgreg::run_blocking;
namespace fs = std::filesystem;

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

/// A file as a body, read straight into the library's buffers.
class FileBody final : public pkgreg::BodySource {
 public:
    FileBody(int fd, std::uint64_t size) : fd_(fd), size_(size) {}

    std::optional<std::uint64_t> length() const noexcept override { return size_; }
    bool ready() override { return true; }
    pkgreg::awaitable<void> wait() override { co_return; }
    pkgreg::awaitable<std::size_t> read(std::span<std::byte> into) override {
        const ssize_t n = pread(fd_, into.data(), into.size(), static_cast<off_t>(offset_));
        if (n < 0) throw std::runtime_error("the file cannot be read");
        offset_ += static_cast<std::uint64_t>(n);
        co_return static_cast<std::size_t>(n);
    }

 private:
    int fd_;
    std::uint64_t size_;
    std::uint64_t offset_ = 0;
};

std::shared_ptr<pkgreg::Registry> open_registry(const fs::path& directory) {
    pkgreg::DirectoryStoreOptions storage;
    storage.pool = std::make_shared<pkgreg::WorkPool>();
    pkgreg::RegistryOptions options;
    options.pool = storage.pool;
    auto store = pkgreg::open_directory_store(directory, storage);
    return run_blocking(pkgreg::Registry::open(std::move(store), options));
}

std::vector<std::byte> content_of(int fd, std::uint64_t size) {
    std::vector<std::byte> bytes(size);
    for (std::uint64_t done = 0; done < size;) {
        const ssize_t n = pread(fd, bytes.data() + done, size - done, static_cast<off_t>(done));
        if (n <= 0) throw std::runtime_error("the file cannot be read");
        done += static_cast<std::uint64_t>(n);
    }
    return bytes;
}

/// Seconds that a push into a fresh registry takes.
double push(const fs::path& directory, pkgreg::BodySource& body) {
    const auto registry = open_registry(directory);
    const auto name = pkgreg::RepositoryName::parse("bench/blob");
    const double begin = now();
    run_blocking(registry->put_blob(name, std::nullopt, body));
    return now() - begin;
}

double read_blob(const fs::path& directory, const pkgreg::Digest& digest,
                 std::span<std::byte> into) {
    const auto registry = open_registry(directory);
    const auto name = pkgreg::RepositoryName::parse("bench/blob");
    const double begin = now();
    const auto reader = run_blocking(registry->open_blob(name, digest));
    if (!reader) throw std::runtime_error("the blob is not there");
    for (std::size_t done = 0; done < into.size();) {
        const std::size_t n = run_blocking(reader->read(into.subspan(done)));
        if (n == 0) throw std::runtime_error("the blob ended");
        done += n;
    }
    return now() - begin;
}

void measure(const fs::path& directory, const char* file) {
    const int fd = open(file, O_RDONLY | O_CLOEXEC);
    struct stat status {};
    if (fd < 0 || fstat(fd, &status) != 0) throw std::runtime_error("the file cannot be opened");
    const auto size = static_cast<std::uint64_t>(status.st_size);
    std::vector<std::byte> bytes = content_of(fd, size);
    pkgreg::MemoryBody memory({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    const double from_bytes = push(directory, memory);
    fs::remove_all(directory);
    FileBody whole(fd, size);
    const double from_file = push(directory, whole);
    const auto digest = pkgreg::Hasher::hash(pkgreg::DigestAlgorithm::sha256,
                                             {reinterpret_cast<const char*>(bytes.data()), size});
    const double reading = read_blob(directory, digest, bytes);
    std::printf("{\"way\": \"c++\", \"bytes\": %.4f, \"file\": %.4f, \"read\": %.4f}\n", from_bytes,
                from_file, reading);
    close(fd);
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 3) {
        std::fprintf(stderr, "usage: bench-border-content DIRECTORY FILE\n");
        return 2;
    }
    try {
        measure(arguments[1], arguments[2]);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}

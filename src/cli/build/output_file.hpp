// Files that the building commands write: the result, which appears whole or not at all, and the
// space for what was fetched, which no end of the program leaves behind.
#pragma once

#include "pkgreg/digest.hpp"
#include "pkgreg/hasher.hpp"

#include "base/unique_fd.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace pkgreg::cli {

/// What the names of unfinished files begin with. Only a program that was killed leaves one.
inline constexpr std::string_view unfinished_prefix = ".pkgreg-unfinished-";

/// A file beside its place that takes the place when it is complete. Throws `io` and `no_space`.
class OutputFile {
 public:
    /// Throws `io` where `path`'s folder is not one that can be written to.
    explicit OutputFile(std::filesystem::path path);
    ~OutputFile();
    OutputFile(const OutputFile&) = delete;
    OutputFile& operator=(const OutputFile&) = delete;

    void write(std::string_view bytes);
    /// Syncs the file and puts it in place; what was there before gives way.
    void commit();

 private:
    std::filesystem::path path_;
    std::filesystem::path unfinished_;
    UniqueFd fd_;
    bool committed_ = false;
};

/// Content at hand: a file, open for reading.
struct StoredContent {
    UniqueFd fd;
    Digest digest;
    std::uint64_t size = 0;
    std::string name;  ///< for messages

    /// Reads from `offset`; 0 bytes at the end. Throws `io`.
    std::size_t read(std::span<char> into, std::uint64_t offset) const;
};

/// Opens a file and computes its SHA-256. Throws `io`, also where it is not a regular file.
StoredContent open_content(
    const std::filesystem::path& path, const std::function<void()>& check = [] {});

/// A file without a name that is hashed while it is written.
class SpoolFile {
 public:
    SpoolFile(const std::filesystem::path& folder, DigestAlgorithm algorithm);

    void append(std::string_view bytes);
    /// Empties the file.
    void restart();
    std::uint64_t size() const noexcept { return hasher_.size(); }
    Digest digest() const noexcept { return hasher_.digest(); }
    StoredContent finish() &&;

 private:
    std::string folder_;
    UniqueFd fd_;
    Hasher hasher_;
};

}  // namespace pkgreg::cli

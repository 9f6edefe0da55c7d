// TemporaryDirectory: a new directory that is removed with all that is in it.
#pragma once

#include "base/random_id.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

namespace pkgreg {

class TemporaryDirectory {
 public:
    enum class Place { quick, on_disk };

    explicit TemporaryDirectory(Place place = Place::quick)
        : path_(parent(place) / ("pkgreg-test-" + random_id())) {
        std::filesystem::create_directory(path_);
    }
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

    const std::filesystem::path& path() const noexcept { return path_; }

    /// Writes a file below the directory, making the directories that lead to it.
    void write(const std::string& name, std::string_view bytes) const {
        const std::filesystem::path file = path_ / name;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file, std::ios::binary)
            .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    }
    bool has(const std::string& name) const {
        return std::filesystem::exists(std::filesystem::symlink_status(path_ / name));
    }
    /// How many files are in a directory below; none where it does not exist.
    std::size_t count(const std::string& name) const {
        std::error_code error;
        std::size_t n = 0;
        for (auto it = std::filesystem::directory_iterator(path_ / name, error);
             !error && it != std::filesystem::directory_iterator(); ++it) {
            ++n;
        }
        return n;
    }

 private:
    /// Thousands of small files are made in a second in memory, and in a minute on a busy disk.
    static std::filesystem::path parent(Place place) {
        const std::filesystem::path memory = "/dev/shm";
        std::error_code error;
        const auto space = std::filesystem::space(memory, error);
        const bool roomy = !error && space.available >= std::uintmax_t{1} << 30;
        if (place == Place::quick && roomy && ::access(memory.c_str(), W_OK) == 0) return memory;
        return testing::TempDir();
    }

    std::filesystem::path path_;
};

}  // namespace pkgreg

// Files of secrets: for their owner alone, and whole.
#include "cluster/private_file.hpp"

#include "pkgreg/error.hpp"

#include "store/temporary_directory.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>
#include <string>
#include <sys/stat.h>

namespace pkgreg::cluster {
namespace {

mode_t mode_of(const std::filesystem::path& path) {
    struct stat info {};
    EXPECT_EQ(::stat(path.c_str(), &info), 0);
    return info.st_mode & 07777;
}

TEST(PrivateFile, is_its_owners_alone_whatever_the_umask_and_replaces_another_whole) {
    const TemporaryDirectory folder;
    const std::filesystem::path file = folder.path() / "a" / "b" / "secret";
    const mode_t before = ::umask(0);
    write_private_file(file, "one");
    ::umask(before);
    EXPECT_EQ(mode_of(file), 0600U);
    EXPECT_EQ(mode_of(file.parent_path()), 0700U);
    write_private_file(file, "another");
    EXPECT_EQ(read_small_file(file), "another");
    const auto files = std::filesystem::directory_iterator(file.parent_path());
    EXPECT_EQ(std::distance(begin(files), end(files)), 1);
}

TEST(PrivateFile, that_cannot_be_written_is_told_and_leaves_nothing) {
    const TemporaryDirectory folder;
    folder.write("file", "x");
    EXPECT_THROW(write_private_file(folder.path() / "file" / "below", "y"), Error);
    std::filesystem::create_directories(folder.path() / "place" / "taken");
    EXPECT_THROW(write_private_file(folder.path() / "place", "y"), Error);
    const auto files = std::filesystem::directory_iterator(folder.path());
    EXPECT_EQ(std::distance(begin(files), end(files)), 2);
}

TEST(PrivateFile, is_read_up_to_a_mebibyte) {
    const TemporaryDirectory folder;
    folder.write("most", std::string(1 << 20, 'x'));
    folder.write("more", std::string((1 << 20) + 1, 'x'));
    EXPECT_EQ(read_small_file(folder.path() / "most").size(), std::size_t{1} << 20);
    EXPECT_THROW(read_small_file(folder.path() / "more"), Error);
    EXPECT_THROW(read_small_file(folder.path() / "none"), Error);
    EXPECT_THROW(read_small_file(folder.path()), Error);
}

}  // namespace
}  // namespace pkgreg::cluster

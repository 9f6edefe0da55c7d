// What the directory store promises beyond the contract: one writer, nothing left behind, errors of
// the disk reported and survived, and bounded use of memory and descriptors.
#include "pkgreg/directory_store.hpp"

#include "store/content_cache.hpp"
#include "store/contract.hpp"
#include "store/forwarding_file_system.hpp"
#include "store/listing_cache.hpp"
#include "store/system_error.hpp"
#include "store/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace pkgreg {
namespace {

using testing::HasSubstr;

std::shared_ptr<ObjectStore> open_quick(const std::filesystem::path& path) {
    DirectoryStoreOptions options;
    options.file_system = std::make_shared<UnsyncedFileSystem>();
    return open_directory_store(path, options);
}

std::shared_ptr<ObjectStore> open_to_read(const std::filesystem::path& path) {
    DirectoryStoreOptions options;
    options.read_only = true;
    return open_directory_store(path, options);
}

void put(ObjectStore& store, const std::string& key, std::string_view bytes) {
    run_blocking(store.put(ObjectKey(key), bytes));
}

std::optional<std::string> get(ObjectStore& store, const std::string& key) {
    const auto bytes = run_blocking(store.get(ObjectKey(key)));
    return bytes ? std::optional(*bytes) : std::nullopt;
}

std::vector<std::string> list(ObjectStore& store, std::string_view prefix = "") {
    return run_blocking(store.list(prefix, "", 1000)).keys;
}

void append(ObjectUpload& upload, std::string_view bytes) {
    const auto owner = std::make_shared<const std::string>(bytes);
    run_blocking(upload.append(std::as_bytes(std::span(*owner)), owner));
}

std::string message_of(const std::function<void()>& f) {
    try {
        f();
    } catch (const Error& error) {
        return error.message();
    }
    return "";
}

/// Runs `body` in a forked process; its result, 0 to 99, or 100 when it threw.
int in_child(const std::function<int()>& body) {
    const pid_t child = fork();
    if (child == 0) {
        int result = 100;
        try {
            result = body();
        } catch (...) {
        }
        _exit(result);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::size_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

// One writer

TEST(DirectoryStoreLock, a_second_writer_in_this_process_is_refused_by_name) {
    const TemporaryDirectory directory;
    auto store = open_quick(directory.path());
    const auto again = [&] { open_quick(directory.path()); };
    EXPECT_EQ(code_of(again), ErrorCode::locked);
    EXPECT_THAT(message_of(again), HasSubstr(std::to_string(getpid())));
    EXPECT_THAT(message_of(again), HasSubstr(directory.path().string()));
    // By another name of the same directory, too.
    const std::string link = directory.path().string() + "-link";
    std::filesystem::create_directory_symlink(directory.path(), link);
    EXPECT_EQ(code_of([&] { open_quick(link); }), ErrorCode::locked);
    std::filesystem::remove(link);
    // A refusal must not have dropped the lock.
    EXPECT_EQ(code_of(again), ErrorCode::locked);
    store.reset();
    store = open_quick(directory.path());
    put(*store, "key", "value");
}

TEST(DirectoryStoreLock, a_second_process_is_refused_by_name) {
    const TemporaryDirectory directory;
    auto store = open_quick(directory.path());
    const std::string holder = std::to_string(getpid());
    // Asked twice: the first refusal closes the lock file in a process that holds no lock.
    for (int i = 0; i < 2; ++i) {
        const int result = in_child([&] {
            const auto message = message_of([&] { open_quick(directory.path()); });
            return message.find(holder) != std::string::npos ? 0 : 1;
        });
        EXPECT_EQ(result, 0);
    }
    store.reset();
    EXPECT_EQ(in_child([&] {
                  open_quick(directory.path());
                  return 0;
              }),
              0);
}

TEST(DirectoryStoreLock, a_process_that_holds_the_lock_keeps_others_out_until_it_dies) {
    const TemporaryDirectory directory;
    int ready[2];
    ASSERT_EQ(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
        const auto store = open_quick(directory.path());
        [[maybe_unused]] const ssize_t n = write(ready[1], "x", 1);
        pause();
        _exit(0);
    }
    char byte;
    ASSERT_EQ(read(ready[0], &byte, 1), 1);
    const auto again = [&] { open_quick(directory.path()); };
    EXPECT_EQ(code_of(again), ErrorCode::locked);
    EXPECT_THAT(message_of(again), HasSubstr(std::to_string(child)));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    close(ready[0]);
    close(ready[1]);
    EXPECT_EQ(code_of(again), ErrorCode::ok);
}

TEST(DirectoryStoreLock, a_fork_can_neither_write_nor_unlock) {
    const TemporaryDirectory directory;
    auto store = open_quick(directory.path());
    put(*store, "key", "value");
    auto upload = run_blocking(store->begin_upload(std::nullopt));
    append(*upload, test_bytes(100'000));
    run_blocking(upload->flush());
    const int result = in_child([&] {
        if (code_of([&] { put(*store, "key", "child"); }) != ErrorCode::forked) return 1;
        if (code_of([&] { run_blocking(store->remove(ObjectKey("key"))); }) != ErrorCode::forked) {
            return 2;
        }
        if (code_of([&] { run_blocking(store->begin_upload(std::nullopt)); }) !=
            ErrorCode::forked) {
            return 3;
        }
        if (code_of([&] { append(*upload, "x"); }) != ErrorCode::forked) return 4;
        upload.reset();
        store.reset();
        return 0;
    });
    EXPECT_EQ(result, 0);
    EXPECT_EQ(directory.count(".tmp"), 1U);
    EXPECT_EQ(in_child([&] {
                  return code_of([&] { open_quick(directory.path()); }) == ErrorCode::locked ? 0
                                                                                             : 1;
              }),
              0);
    run_blocking(store->publish(std::move(upload), ObjectKey("uploaded")));
    EXPECT_EQ(get(*store, "key"), "value");
    EXPECT_EQ(get(*store, "uploaded"), test_bytes(100'000));
}

// What is in the directory

TEST(DirectoryStore, what_a_crash_left_unfinished_is_removed) {
    const TemporaryDirectory directory;
    directory.write(".tmp/left", "half of a blo");
    directory.write(".tmp/behind", "");
    directory.write("a/key", "value");
    const auto store = open_quick(directory.path());
    EXPECT_EQ(directory.count(".tmp"), 0U);
    EXPECT_EQ(get(*store, "a/key"), "value");
    EXPECT_EQ(list(*store), std::vector<std::string>{"a/key"});
}

TEST(DirectoryStore, a_directory_with_files_of_others_is_refused_and_left_alone) {
    const TemporaryDirectory directory;
    directory.write("thesis.txt", "hello");
    EXPECT_EQ(code_of([&] { open_quick(directory.path()); }), ErrorCode::incompatible);
    EXPECT_EQ(code_of([&] { open_to_read(directory.path()); }), ErrorCode::incompatible);
    EXPECT_EQ(directory.count(""), 1U);
}

TEST(DirectoryStore, the_top_of_a_new_file_system_counts_as_empty) {
    const TemporaryDirectory directory;
    std::filesystem::create_directory(directory.path() / "lost+found");
    const auto store = open_quick(directory.path());
    put(*store, "key", "value");
    EXPECT_EQ(list(*store), std::vector<std::string>{"key"});
}

TEST(DirectoryStore, a_directory_that_is_not_there_is_made) {
    const TemporaryDirectory directory;
    const auto path = directory.path() / "x/y/z/";
    EXPECT_EQ(code_of([&] { open_to_read(path); }), ErrorCode::io);
    EXPECT_FALSE(directory.has("x"));
    put(*open_quick(path), "key", "value");
    EXPECT_EQ(get(*open_to_read(path), "key"), "value");
}

TEST(DirectoryStore, opening_looks_at_no_object) {
    const TemporaryDirectory directory;
    directory.write("format", "");
    const std::size_t count = 5000;
    for (std::size_t i = 0; i < count; ++i) {
        const std::string n = std::to_string(i);
        directory.write("blobs/sha256/" + n.substr(0, 1) + "/" + n, "x");
    }
    // A look at every one would take several times as long.
    const auto start = std::chrono::steady_clock::now();
    const auto store = open_quick(directory.path());
    const auto took = std::chrono::steady_clock::now() - start;
    EXPECT_LT(took, std::chrono::milliseconds(100));
    EXPECT_EQ(get(*store, "blobs/sha256/7/77"), "x");
}

TEST(DirectoryStore, a_symbolic_link_is_no_object) {
    const TemporaryDirectory directory, elsewhere;
    elsewhere.write("secret", "value");
    const auto store = open_quick(directory.path());
    std::filesystem::create_directory(directory.path() / "a");
    std::filesystem::create_symlink(elsewhere.path() / "secret", directory.path() / "a/link");
    EXPECT_FALSE(get(*store, "a/link"));
    EXPECT_FALSE(run_blocking(store->head(ObjectKey("a/link"))));
    EXPECT_FALSE(run_blocking(store->open(ObjectKey("a/link"), ByteRange())));
    EXPECT_TRUE(list(*store).empty());
}

TEST(DirectoryStore, directories_go_with_their_last_object) {
    const TemporaryDirectory directory;
    const auto store = open_quick(directory.path());
    put(*store, "a/b/c/d/1", "x");
    put(*store, "a/b/2", "x");
    EXPECT_EQ(list(*store).size(), 2U);
    run_blocking(store->remove(ObjectKey("a/b/c/d/1")));
    EXPECT_FALSE(directory.has("a/b/c"));
    EXPECT_TRUE(directory.has("a/b"));
    run_blocking(store->remove(ObjectKey("a/b/2")));
    EXPECT_FALSE(directory.has("a/b"));
    EXPECT_TRUE(directory.has("a"));
    put(*store, "a/b/c/d/3", "x");
    EXPECT_EQ(list(*store, "a/"), std::vector<std::string>{"a/b/c/d/3"});
}

TEST(DirectoryStore, an_object_stands_against_a_key_below_it) {
    const TemporaryDirectory directory;
    const auto store = open_quick(directory.path());
    put(*store, "a/key", "value");
    EXPECT_EQ(code_of([&] { put(*store, "a/key/below", "x"); }), ErrorCode::io);
    EXPECT_EQ(code_of([&] { put(*store, "a", "x"); }), ErrorCode::io);
    EXPECT_FALSE(run_blocking(store->remove(ObjectKey("a"))));
    EXPECT_EQ(get(*store, "a/key"), "value");
    EXPECT_EQ(directory.count(".tmp"), 0U);
}

TEST(DirectoryStore, a_reader_beside_the_writer_sees_each_change_and_makes_none) {
    const TemporaryDirectory directory;
    const auto store = open_quick(directory.path());
    put(*store, "a/key", "old");
    const auto reader = open_to_read(directory.path());
    EXPECT_EQ(get(*reader, "a/key"), "old");
    EXPECT_EQ(list(*reader), std::vector<std::string>{"a/key"});
    put(*store, "a/key", "new");
    put(*store, "a/more", "x");
    EXPECT_EQ(get(*reader, "a/key"), "new");
    EXPECT_EQ(list(*reader).size(), 2U);
    run_blocking(store->remove(ObjectKey("a/key")));
    EXPECT_FALSE(get(*reader, "a/key"));
    EXPECT_EQ(code_of([&] { put(*reader, "b", "x"); }), ErrorCode::read_only);
    EXPECT_EQ(code_of([&] { run_blocking(reader->remove(ObjectKey("a/more"))); }),
              ErrorCode::read_only);
    EXPECT_EQ(code_of([&] { run_blocking(reader->begin_upload(std::nullopt)); }),
              ErrorCode::read_only);
    EXPECT_EQ(list(*store), std::vector<std::string>{"a/more"});
    const TemporaryDirectory empty;
    EXPECT_TRUE(list(*open_to_read(empty.path())).empty());
    EXPECT_EQ(empty.count(""), 0U);
}

// Errors of the disk

/// Fails the calls that it is told to, each as often as it is told.
class FailingFileSystem : public UnsyncedFileSystem {
 public:
    std::atomic<int> file_syncs{0}, directory_syncs{0}, writes{0}, renames{0};

    void sync_file(int) override {
        if (file_syncs-- > 0) throw_system_error(EIO, "sync", "the file of a test");
    }
    bool sync_directory(const RootDirectory& root, const std::string& path) override {
        if (directory_syncs-- > 0) throw_system_error(EIO, "sync", "the directory of a test");
        return UnsyncedFileSystem::sync_directory(root, path);
    }
    void write(int fd, std::span<const std::byte> bytes, std::uint64_t offset) override {
        if (writes-- > 0) throw_system_error(ENOSPC, "write to", "the file of a test");
        UnsyncedFileSystem::write(fd, bytes, offset);
    }
    bool rename(const RootDirectory& root, const std::string& from,
                const std::string& to) override {
        if (renames-- > 0) throw_system_error(EDQUOT, "rename", "the file of a test");
        return UnsyncedFileSystem::rename(root, from, to);
    }
};

class FailingDisk : public testing::Test {
 protected:
    void SetUp() override {
        DirectoryStoreOptions options;
        options.file_system = disk_;
        store_ = open_directory_store(directory_.path(), options);
    }

    /// That a new object's write fails with `code` and leaves nothing, and that the next one works.
    void expect_failure(ErrorCode code, const std::function<void()>& write) {
        for (const bool listed : {false, true}) {
            if (listed) list(*store_, "a/");
            arm();
            EXPECT_EQ(code_of(write), code);
            disarm();
            EXPECT_FALSE(get(*store_, "a/key"));
            EXPECT_TRUE(list(*store_, "a/").empty());
            EXPECT_FALSE(directory_.has("a/key"));
            EXPECT_EQ(directory_.count(".tmp"), 0U);
        }
        write();
        EXPECT_EQ(get(*store_, "a/key"), "value");
        EXPECT_EQ(list(*store_, "a/").size(), 1U);
    }
    void put_key() { put(*store_, "a/key", "value"); }
    void upload_key() {
        auto upload = run_blocking(store_->begin_upload(std::nullopt));
        append(*upload, "value");
        run_blocking(store_->publish(std::move(upload), ObjectKey("a/key")));
    }

    std::function<void()> arm;
    void disarm() {
        disk_->file_syncs = disk_->directory_syncs = disk_->writes = disk_->renames = 0;
    }

    const TemporaryDirectory directory_;
    const std::shared_ptr<FailingFileSystem> disk_ = std::make_shared<FailingFileSystem>();
    std::shared_ptr<ObjectStore> store_;
};

TEST_F(FailingDisk, a_file_that_cannot_be_synced_is_discarded) {
    arm = [this] { disk_->file_syncs = 1; };
    expect_failure(ErrorCode::io, [this] { put_key(); });
}

TEST_F(FailingDisk, an_upload_that_cannot_be_synced_is_discarded) {
    arm = [this] { disk_->file_syncs = 1; };
    expect_failure(ErrorCode::io, [this] { upload_key(); });
}

TEST_F(FailingDisk, a_new_object_whose_name_cannot_be_synced_is_discarded) {
    arm = [this] { disk_->directory_syncs = 1; };
    expect_failure(ErrorCode::io, [this] { put_key(); });
}

TEST_F(FailingDisk, a_full_disk_is_reported_as_such) {
    arm = [this] { disk_->writes = 1; };
    expect_failure(ErrorCode::no_space, [this] { put_key(); });
}

TEST_F(FailingDisk, a_full_quota_is_reported_as_such) {
    arm = [this] { disk_->renames = 1; };
    expect_failure(ErrorCode::no_space, [this] { put_key(); });
}

TEST_F(FailingDisk, a_replaced_object_is_old_or_new_when_its_write_fails) {
    put_key();
    disk_->file_syncs = 1;
    EXPECT_EQ(code_of([&] { put(*store_, "a/key", "new"); }), ErrorCode::io);
    EXPECT_EQ(get(*store_, "a/key"), "value");
    disk_->directory_syncs = 1;
    EXPECT_EQ(code_of([&] { put(*store_, "a/key", "new"); }), ErrorCode::io);
    const auto value = get(*store_, "a/key");
    EXPECT_TRUE(value == "value" || value == "new");
    EXPECT_EQ(list(*store_, "a/").size(), 1U);
}

TEST_F(FailingDisk, an_upload_that_lost_a_write_fails_for_good) {
    for (const std::size_t size : {std::size_t{10}, std::size_t{200'000}}) {
        auto upload = run_blocking(store_->begin_upload(std::nullopt));
        append(*upload, "begun");
        run_blocking(upload->flush());
        append(*upload, "open");
        disk_->writes = 1;
        // A write that runs beside reports by a later call.
        EXPECT_EQ(code_of([&] {
                      append(*upload, test_bytes(size));
                      run_blocking(upload->flush());
                  }),
                  ErrorCode::no_space);
        EXPECT_EQ(code_of([&] { append(*upload, "more"); }), ErrorCode::no_space);
        EXPECT_EQ(code_of([&] { run_blocking(upload->flush()); }), ErrorCode::no_space);
        EXPECT_EQ(
            code_of([&] { run_blocking(store_->publish(std::move(upload), ObjectKey("a/key"))); }),
            ErrorCode::no_space);
        EXPECT_FALSE(get(*store_, "a/key"));
    }
    store_.reset();
    EXPECT_EQ(directory_.count(".tmp"), 0U);
}

// Bounds

TEST(DirectoryStoreBounds, caches_stay_within_their_limit) {
    constexpr std::size_t limit = 1 << 20;
    ListingCache listings(limit);
    ContentCache contents(limit);
    for (int i = 0; i < 3000; ++i) {
        const std::string key = "directory-" + std::to_string(i);
        const auto read = [](const std::string& name) {
            return std::vector<std::string>{std::string(200, 'x') + name, "y", "z"};
        };
        listings.load(key, read, i % 2 == 0);
        for (int j = 0; j < 20; ++j) listings.insert(key, "name" + std::to_string(j));
        CachedObject object{std::make_shared<const std::string>(1000 + i, 'x'), {}};
        contents.insert_read(key, contents.generation(key), std::move(object));
        ASSERT_LE(listings.memory(), limit);
        ASSERT_LE(contents.memory(), limit);
    }
    // Bounded, and used.
    EXPECT_GT(listings.memory(), limit / 2);
    EXPECT_GT(contents.memory(), limit / 2);
}

TEST(DirectoryStoreBounds, idle_uploads_hold_no_descriptor) {
    const TemporaryDirectory directory;
    const auto store = open_quick(directory.path());
    const std::size_t before = open_descriptors();
    std::vector<std::unique_ptr<ObjectUpload>> uploads;
    for (int i = 0; i < 2000; ++i) {
        uploads.push_back(run_blocking(store->begin_upload(std::nullopt)));
        append(*uploads.back(), "begun");
        run_blocking(uploads.back()->flush());
    }
    EXPECT_LE(open_descriptors(), before + 5);
    append(*uploads[7], " and ended");
    run_blocking(store->publish(std::move(uploads[7]), ObjectKey("key")));
    EXPECT_EQ(get(*store, "key"), "begun and ended");
}

TEST(DirectoryStoreBounds, an_upload_destroyed_with_writes_under_way_leaves_no_file) {
    const TemporaryDirectory directory;
    auto store = open_quick(directory.path());
    for (int i = 0; i < 50; ++i) {
        auto upload = run_blocking(store->begin_upload(std::nullopt));
        for (int j = 0; j < 4; ++j) append(*upload, test_bytes(100'000));
    }
    store.reset();
    EXPECT_EQ(directory.count(".tmp"), 0U);
}

TEST(DirectoryStoreBounds, what_is_in_memory_is_given_without_the_pool) {
    const TemporaryDirectory directory;
    DirectoryStoreOptions options;
    options.file_system = std::make_shared<UnsyncedFileSystem>();
    options.pool = std::make_shared<WorkPool>(1);
    const auto store = open_directory_store(directory.path(), options);
    put(*store, "a/key", "value");
    list(*store, "a/");
    std::mutex gate;
    gate.lock();
    options.pool->post([&] { const std::lock_guard wait(gate); });
    // The pool's one thread is stuck: what needs it would never end.
    EXPECT_EQ(get(*store, "a/key"), "value");
    EXPECT_TRUE(run_blocking(store->head(ObjectKey("a/key"))));
    EXPECT_EQ(read_all(*run_blocking(store->open(ObjectKey("a/key"), ByteRange()))), "value");
    EXPECT_FALSE(get(*store, "a/other"));
    EXPECT_FALSE(run_blocking(store->head(ObjectKey("a/other"))));
    EXPECT_EQ(list(*store, "a/k"), std::vector<std::string>{"a/key"});
    run_blocking(store->sync(ObjectKey("a/key")));
    gate.unlock();
}

TEST(DirectoryStoreBounds, a_page_of_many_costs_what_a_page_of_few_does) {
    const TemporaryDirectory directory;
    directory.write("format", "");
    for (int i = 0; i < 10'000; ++i) directory.write("many/tag-" + std::to_string(i), "");
    for (int i = 0; i < 200; ++i) directory.write("few/tag-" + std::to_string(i), "");
    const auto store = open_quick(directory.path());
    const auto cost = [&](const std::string& prefix) {
        run_blocking(store->list(prefix, "", 100));
        auto best = std::chrono::nanoseconds::max();
        for (int i = 0; i < 200; ++i) {
            const auto start = std::chrono::steady_clock::now();
            const auto page = run_blocking(store->list(prefix, prefix + "tag-15", 100));
            best =
                std::min<std::chrono::nanoseconds>(best, std::chrono::steady_clock::now() - start);
            EXPECT_EQ(page.keys.size(), 100U);
        }
        return best;
    };
    const auto few = cost("few/");
    EXPECT_LT(cost("many/"), 3 * few);
}

}  // namespace
}  // namespace pkgreg

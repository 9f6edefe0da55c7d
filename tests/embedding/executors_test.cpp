// The awaitable API on an embedder's executors, with one thread and with several. ThreadSanitizer
// runs this too.

#include "pkgreg/blocking.hpp"
#include "pkgreg/directory_store.hpp"
#include "pkgreg/hasher.hpp"
#include "pkgreg/memory_store.hpp"
#include "pkgreg/registry.hpp"

#include "store/temporary_directory.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include <cstddef>
#include <future>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace pkgreg {
namespace {

namespace asio = boost::asio;
using Shared = std::shared_ptr<Registry>;

constexpr std::size_t coroutines = 8;
constexpr int rounds = 5;

std::string content_of(std::size_t writer, int round) {
    return "content " + std::to_string(writer) + " " + std::to_string(round) +
           std::string(100'000, static_cast<char>('a' + writer));
}

awaitable<std::string> read_blob(const Shared& registry, const RepositoryName& name,
                                 const Digest& digest) {
    const ByteRange all;
    const auto reader = co_await registry->open_blob(name, digest, all);
    if (!reader) co_return std::string();
    std::string bytes(reader->object_size(), '\0');
    auto rest = std::as_writable_bytes(std::span(bytes));
    while (!rest.empty()) {
        const std::size_t n = co_await reader->read(rest);
        if (n == 0) break;
        rest = rest.subspan(n);
    }
    co_return bytes;
}

awaitable<Digest> push_blob(const Shared& registry, const RepositoryName& name,
                            const std::string& content) {
    MemoryBody body(content);
    const std::optional<Digest> digest;
    const BlobInfo blob = co_await registry->put_blob(name, digest, body);
    co_return blob.digest;
}

/// Pushes blobs and manifests into a repository that all share and reads them back; how often what
/// came was not what was pushed.
awaitable<int> work(Shared registry, std::size_t writer) {
    const auto name = RepositoryName::parse("shared/app");
    const auto media_type = MediaType::parse(media_types::oci_manifest);
    int wrong = 0;
    for (int round = 0; round < rounds; ++round) {
        const std::string content = content_of(writer, round);
        const Digest digest = co_await push_blob(registry, name, content);
        const std::string back = co_await read_blob(registry, name, digest);
        if (back != content) ++wrong;

        const std::string descriptor =
            R"("digest":")" + digest.to_string() + R"(","size":)" + std::to_string(content.size());
        const std::string manifest =
            R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)"
            R"("config":{"mediaType":"application/vnd.example.config",)" +
            descriptor + R"(},"layers":[]})";
        const Reference tag = Tag::parse("w" + std::to_string(writer));
        const std::optional<MediaType> type = media_type;
        const std::vector<Tag> none;
        co_await registry->put_manifest(name, tag, type, manifest, none);
        const auto found = co_await registry->find_manifest(name, tag);
        if (!found || found->bytes != manifest) ++wrong;
        co_await registry->list_tags(name, "", 100);
    }
    co_return wrong;
}

/// Each coroutine is a chain of steps of its own: no strand is needed on a pool of threads.
void run_on_a_pool_of_threads(const Shared& registry) {
    asio::thread_pool pool(4);
    std::vector<std::future<int>> results;
    for (std::size_t writer = 0; writer < coroutines; ++writer) {
        results.push_back(asio::co_spawn(pool, work(registry, writer), asio::use_future));
    }
    for (std::future<int>& result : results) EXPECT_EQ(result.get(), 0);
    pool.join();
    const NamePage tags =
        run_blocking(registry->list_tags(RepositoryName::parse("shared/app"), "", 100));
    EXPECT_EQ(tags.names.size(), coroutines);
}

TEST(Executors, MemoryRegistryIsUsedByManyCoroutinesOnSeveralThreadsWithoutAStrand) {
    run_on_a_pool_of_threads(run_blocking(Registry::open(make_memory_store())));
}

TEST(Executors, DirectoryRegistryIsUsedByManyCoroutinesOnSeveralThreadsWithoutAStrand) {
    const TemporaryDirectory directory;
    RegistryOptions options;
    options.pool = std::make_shared<WorkPool>();
    const auto store = open_directory_store(directory.path());
    run_on_a_pool_of_threads(run_blocking(Registry::open(store, options)));
}

TEST(Executors, BlockingCallersAndCoroutinesShareARegistry) {
    const TemporaryDirectory directory;
    const Shared registry = run_blocking(Registry::open(open_directory_store(directory.path())));
    asio::thread_pool pool(2);
    auto first = asio::co_spawn(pool, work(registry, 0), asio::use_future);
    auto second = asio::co_spawn(pool, work(registry, 1), asio::use_future);
    int wrong = -1;
    std::thread blocking([&] { wrong = run_blocking(work(registry, 2)); });
    EXPECT_EQ(run_blocking(work(registry, 3)), 0);
    blocking.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(first.get(), 0);
    EXPECT_EQ(second.get(), 0);
    pool.join();
}

/// A coroutine that was started on a strand stays on it, whatever threads did the work.
TEST(Executors, OperationsResumeOnTheExecutorOfTheirCoroutine) {
    const TemporaryDirectory directory;
    const Shared registry = run_blocking(Registry::open(open_directory_store(directory.path())));
    asio::thread_pool pool(2);
    const auto strand = asio::make_strand(pool);
    const auto body = [&]() -> awaitable<int> {
        int elsewhere = 0;
        const auto name = RepositoryName::parse("shared/app");
        for (int round = 0; round < rounds; ++round) {
            const std::string content = content_of(0, round);
            const Digest digest = co_await push_blob(registry, name, content);
            if (!strand.running_in_this_thread()) ++elsewhere;
            co_await read_blob(registry, name, digest);
            if (!strand.running_in_this_thread()) ++elsewhere;
        }
        co_return elsewhere;
    };
    EXPECT_EQ(asio::co_spawn(strand, body(), asio::use_future).get(), 0);
    pool.join();
}

}  // namespace
}  // namespace pkgreg

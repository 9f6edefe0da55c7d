// Which threads a registry brings into an embedder's process: none, with everything in memory.

#include "pkgreg/blocking.hpp"
#include "pkgreg/memory_store.hpp"
#include "pkgreg/protocol.hpp"
#include "pkgreg/registry.hpp"
#include "pkgreg/work_pool.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <cstddef>
#include <exception>
#include <filesystem>
#include <future>
#include <iterator>
#include <string>
#include <thread>

namespace pkgreg {
namespace {

std::size_t threads_of_this_process() {
    const std::filesystem::directory_iterator tasks("/proc/self/task");
    return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

/// What a registry does, the protocol and packages included; the thread that it ran on at its end.
awaitable<std::thread::id> use_a_registry() {
    const auto store = make_memory_store();
    const RegistryOptions options;
    const auto registry = co_await Registry::open(store, options);
    const auto name = RepositoryName::parse("team/hello");
    const std::string content(3'000'000, 'x');
    MemoryBody body(content);
    const std::optional<Digest> digest;
    const BlobInfo blob = co_await registry->put_blob(name, digest, body);
    const ByteRange all;
    const auto reader = co_await registry->open_blob(name, blob.digest, all);
    EXPECT_EQ(reader->object_size(), content.size());
    co_await registry->delete_blob(name, blob.digest);
    co_await registry->packages().count();
    co_await registry->expire_uploads();

    const auto protocol = make_protocol(registry);
    HttpRequest request;
    request.target = "/v2/";
    const HttpResponse response = co_await protocol->handle(request);
    EXPECT_EQ(response.status(), 200U);
    co_return std::this_thread::get_id();
}

TEST(Threads, RegistryInMemoryStartsNoneForAnEmbeddersLoop) {
    const std::size_t before = threads_of_this_process();
    boost::asio::io_context context(1);
    std::thread::id ran_on;
    std::size_t during = 0;
    boost::asio::co_spawn(context, use_a_registry(),
                          [&](std::exception_ptr error, std::thread::id id) {
                              EXPECT_EQ(error, nullptr);
                              ran_on = id;
                              during = threads_of_this_process();
                          });
    context.run();
    EXPECT_EQ(ran_on, std::this_thread::get_id());
    EXPECT_EQ(during, before);
    EXPECT_EQ(threads_of_this_process(), before);
}

TEST(Threads, RegistryInMemoryStartsNoneForBlockingCallers) {
    const std::size_t before = threads_of_this_process();
    EXPECT_EQ(run_blocking(use_a_registry()), std::this_thread::get_id());
    EXPECT_EQ(threads_of_this_process(), before);
}

/// The check above would see one.
TEST(Threads, PoolStartsThemWithItsFirstTaskAndEndsThem) {
    // With the first thread of a process ThreadSanitizer starts one of its own.
    std::thread([] {}).join();
    const std::size_t before = threads_of_this_process();
    {
        WorkPool pool(1);
        EXPECT_EQ(threads_of_this_process(), before);
        std::promise<void> ran;
        pool.post([&] { ran.set_value(); });
        ran.get_future().wait();
        EXPECT_EQ(threads_of_this_process(), before + 1);
    }
    EXPECT_EQ(threads_of_this_process(), before);
}

}  // namespace
}  // namespace pkgreg

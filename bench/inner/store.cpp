// What the memory store costs, and with it a coroutine call through the interface of all stores.
#include "pkgreg/blocking.hpp"
#include "pkgreg/memory_store.hpp"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

namespace pkgreg {
namespace {

ObjectKey numbered_key(std::int64_t number) {
    char text[32];
    std::snprintf(text, sizeof text, "bench/%08lld", static_cast<long long>(number));
    return ObjectKey(text);
}

/// A store with `count` objects of 1 KiB.
awaitable<std::shared_ptr<ObjectStore>> filled_store(std::int64_t count) {
    const std::shared_ptr<ObjectStore> store = make_memory_store();
    const std::string bytes(1024, 'x');
    for (std::int64_t i = 0; i < count; ++i) {
        const ObjectKey key = numbered_key(i);
        co_await store->put(key, bytes);
    }
    co_return store;
}

awaitable<void> get_one(benchmark::State& state) {
    const std::shared_ptr<ObjectStore> store = co_await filled_store(state.range(0));
    const ObjectKey key = numbered_key(state.range(0) / 2);
    for (auto _ : state) {
        const std::shared_ptr<const std::string> bytes = co_await store->get(key);
        benchmark::DoNotOptimize(bytes.get());
    }
}
void memory_store_get(benchmark::State& state) {
    run_blocking(get_one(state));
}
BENCHMARK(memory_store_get)->Arg(100)->Arg(100'000);

awaitable<void> list_middle(benchmark::State& state) {
    const std::shared_ptr<ObjectStore> store = co_await filled_store(state.range(0));
    const std::string start_after = numbered_key(state.range(0) / 2).str();
    const std::string_view prefix = "bench/";
    for (auto _ : state) {
        const ListPage page = co_await store->list(prefix, start_after, 100);
        benchmark::DoNotOptimize(page.keys.data());
    }
}
// A page of 100 keys must cost the same however many keys there are.
void memory_store_list_100(benchmark::State& state) {
    run_blocking(list_middle(state));
}
BENCHMARK(memory_store_list_100)->Arg(300)->Arg(100'000);

}  // namespace
}  // namespace pkgreg

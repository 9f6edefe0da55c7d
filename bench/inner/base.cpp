// What the base layer costs: hashing, which bounds every push, and reading the names, digests and
// ranges that come with every request. One file per layer; a layer above has its own beside this.
#include "pkgreg/byte_range.hpp"
#include "pkgreg/digest.hpp"
#include "pkgreg/hasher.hpp"
#include "pkgreg/names.hpp"
#include "pkgreg/object_key.hpp"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace pkgreg {
namespace {

constexpr std::string_view digest_text =
    "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";

void set_bytes(benchmark::State& state) {
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}

// Each range: a manifest, a transfer buffer, a piece that no cache near the core holds.
void hasher_update(benchmark::State& state, DigestAlgorithm algorithm) {
    const std::string bytes(static_cast<std::size_t>(state.range(0)), 'x');
    Hasher hasher(algorithm);
    for (auto _ : state) {
        hasher.update(bytes);
        benchmark::DoNotOptimize(hasher);
    }
    set_bytes(state);
}
BENCHMARK_CAPTURE(hasher_update, sha256, DigestAlgorithm::sha256)
    ->Arg(2 << 10)
    ->Arg(256 << 10)
    ->Arg(64 << 20);
BENCHMARK_CAPTURE(hasher_update, sha512, DigestAlgorithm::sha512)
    ->Arg(2 << 10)
    ->Arg(256 << 10)
    ->Arg(64 << 20);

// The whole of a small blob: begin, update, finish.
void hasher_whole(benchmark::State& state, DigestAlgorithm algorithm) {
    const std::string bytes(static_cast<std::size_t>(state.range(0)), 'x');
    for (auto _ : state) benchmark::DoNotOptimize(Hasher::hash(algorithm, bytes));
    set_bytes(state);
}
BENCHMARK_CAPTURE(hasher_whole, sha256, DigestAlgorithm::sha256)->Arg(64)->Arg(2 << 10);
BENCHMARK_CAPTURE(hasher_whole, sha512, DigestAlgorithm::sha512)->Arg(64)->Arg(2 << 10);

// What an upload pays between two requests to keep its hash.
void hasher_save_restore(benchmark::State& state, DigestAlgorithm algorithm) {
    Hasher hasher(algorithm);
    hasher.update("not a whole block");
    for (auto _ : state) {
        const std::string saved = hasher.save();
        benchmark::DoNotOptimize(Hasher::restore(saved));
    }
}
BENCHMARK_CAPTURE(hasher_save_restore, sha256, DigestAlgorithm::sha256);
BENCHMARK_CAPTURE(hasher_save_restore, sha512, DigestAlgorithm::sha512);

void digest_parse(benchmark::State& state) {
    std::string_view text = digest_text;
    for (auto _ : state) {
        benchmark::DoNotOptimize(text);
        benchmark::DoNotOptimize(Digest::try_parse(text));
    }
}
BENCHMARK(digest_parse);

void digest_format(benchmark::State& state) {
    const Digest digest = Digest::parse(digest_text);
    std::string text;
    for (auto _ : state) {
        text.clear();
        digest.append_to(text);
        benchmark::DoNotOptimize(text.data());
        benchmark::ClobberMemory();
    }
}
BENCHMARK(digest_format);

void is_valid(benchmark::State& state, bool (*check)(std::string_view) noexcept,
              std::string_view text) {
    for (auto _ : state) {
        benchmark::DoNotOptimize(text);
        benchmark::DoNotOptimize(check(text));
    }
}
BENCHMARK_CAPTURE(is_valid, repository_name, &RepositoryName::is_valid,
                  "library/my-team/service__api.v2");
BENCHMARK_CAPTURE(is_valid, tag, &Tag::is_valid, "v1.27.3-bookworm-slim");
BENCHMARK_CAPTURE(is_valid, object_key, &ObjectKey::is_valid,
                  "repositories/library/my-team/service__api.v2/_manifests/sha256/"
                  "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae");

void object_key_make(benchmark::State& state) {
    const std::string text =
        "blobs/sha256/2c/" + std::string(digest_text.substr(7)) + "/0123456789ab";
    for (auto _ : state) {
        const ObjectKey key(text);
        benchmark::DoNotOptimize(key.view().data());
    }
}
BENCHMARK(object_key_make);

void byte_range_resolve(benchmark::State& state) {
    std::string_view header = "bytes=1048576-2097151";
    for (auto _ : state) {
        benchmark::DoNotOptimize(header);
        benchmark::DoNotOptimize(ByteRange::try_parse(header)->resolve(1U << 30));
    }
}
BENCHMARK(byte_range_resolve);

}  // namespace
}  // namespace pkgreg

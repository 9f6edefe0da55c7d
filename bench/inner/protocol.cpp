// What the protocol costs per request without a socket: the handler over a registry in memory.
#include "pkgreg/protocol.hpp"

#include "pkgreg/blocking.hpp"
#include "pkgreg/hasher.hpp"
#include "pkgreg/memory_store.hpp"

#include <benchmark/benchmark.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace pkgreg {
namespace {

constexpr std::string_view manifest_type = "application/vnd.oci.image.manifest.v1+json";

/// A registry whose repository `bench/image` holds one config blob and a manifest under `latest`.
struct Fixture {
    std::shared_ptr<HttpHandler> handler;
    Digest config = Hasher::hash(DigestAlgorithm::sha256, "{}");

    Fixture() { run_blocking(fill()); }

    awaitable<void> fill() {
        const std::shared_ptr<ObjectStore> store = make_memory_store();
        const RegistryOptions options;
        const std::shared_ptr<Registry> registry = co_await Registry::open(store, options);
        const RepositoryName repository = RepositoryName::parse("bench/image");
        MemoryBody body("{}");
        co_await registry->put_blob(repository, config, body);
        const std::string descriptor = R"({"mediaType":"application/vnd.oci.image.config.v1+json",)"
                                       R"("size":2,"digest":")" +
                                       config.to_string() + "\"}";
        const std::string manifest = R"({"schemaVersion":2,"mediaType":")" +
                                     std::string(manifest_type) + R"(","config":)" + descriptor +
                                     R"(,"layers":[]})";
        for (int i = 0; i < 300; ++i) {
            const Reference tag = Tag::parse("v" + std::to_string(i));
            co_await registry->put_manifest(repository, tag, std::nullopt, manifest);
        }
        handler = make_protocol(registry);
    }
};

awaitable<void> ask(benchmark::State& state, HttpHandler& handler, HttpMethod method,
                    std::string_view target) {
    const HeaderField fields[] = {
        {"Host", "127.0.0.1:5000"}, {"User-Agent", "bench"}, {"Accept", manifest_type}};
    HttpRequest request;
    request.method = method;
    request.target = target;
    request.headers = fields;
    for (auto _ : state) {
        const HttpResponse response = co_await handler.handle(request);
        if (response.status() != 200) throw std::runtime_error("the handler refused the request");
        benchmark::DoNotOptimize(response.fields().data());
    }
}

void handle(benchmark::State& state, HttpMethod method, const std::string& target) {
    static Fixture fixture;
    run_blocking(ask(state, *fixture.handler, method, target));
}

void handle_blob_head(benchmark::State& state) {
    const Digest digest = Hasher::hash(DigestAlgorithm::sha256, "{}");
    handle(state, HttpMethod::head, "/v2/bench/image/blobs/" + digest.to_string());
}
BENCHMARK(handle_blob_head);
BENCHMARK_CAPTURE(handle, version_check, HttpMethod::get, "/v2/");
BENCHMARK_CAPTURE(handle, manifest_by_tag, HttpMethod::get, "/v2/bench/image/manifests/v7");
BENCHMARK_CAPTURE(handle, tags_page_of_100, HttpMethod::get,
                  "/v2/bench/image/tags/list?n=100&last=v2");

}  // namespace
}  // namespace pkgreg

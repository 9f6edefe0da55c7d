// The same as handle.c through the C++ library: the handler, run to its end on the calling thread.
#include "pkgreg/blocking.hpp"
#include "pkgreg/memory_store.hpp"
#include "pkgreg/protocol.hpp"
#include "pkgreg/registry.hpp"

#include "samples.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

std::shared_ptr<pkgreg::Registry> open_registry() {
    auto registry = pkgreg::run_blocking(pkgreg::Registry::open(pkgreg::make_memory_store()));
    const auto repository = pkgreg::RepositoryName::parse("bench/image");
    pkgreg::MemoryBody config("{}");
    pkgreg::run_blocking(registry->put_blob(repository, std::nullopt, config));
    for (int i = 0; i < TAGS; ++i) {
        char manifest[1024];
        const int size = std::snprintf(manifest, sizeof manifest, MANIFEST, i);
        const pkgreg::Reference tag = pkgreg::Tag::parse("v" + std::to_string(i));
        const std::string_view bytes(manifest, static_cast<std::size_t>(size));
        pkgreg::run_blocking(registry->put_manifest(repository, tag, std::nullopt, bytes));
    }
    return registry;
}

std::int32_t ask(pkgreg::HttpHandler& handler) {
    static const pkgreg::HeaderField headers[] = {
        {"Host", "127.0.0.1:5000"},
        {"User-Agent", "bench"},
        {"Accept", "application/vnd.oci.image.manifest.v1+json"}};
    char target[TARGET_SIZE];
    const int length = std::snprintf(target, sizeof target, "/v2/bench/image/manifests/v%d",
                                     static_cast<int>(next_random() % TAGS));
    const std::int64_t begin = now_ns();
    {
        pkgreg::HttpRequest request;
        request.target = std::string_view(target, static_cast<std::size_t>(length));
        request.headers = headers;
        const pkgreg::HttpResponse response = pkgreg::run_blocking(handler.handle(request));
        const std::string_view body = response.body().bytes();
        if (response.status() != 200 || body.size() < 200 || body.front() != '{') {
            fail("not the manifest");
        }
    }
    return static_cast<std::int32_t>(now_ns() - begin);
}

}  // namespace

int main() {
    const auto registry = open_registry();
    const auto handler = pkgreg::make_protocol(registry);
    std::vector<std::int32_t> times(CALLS);
    for (int i = 0; i < WARM_UP; ++i) ask(*handler);
    for (std::int32_t& time : times) time = ask(*handler);
    tell("c++", times.data(), times.size());
}

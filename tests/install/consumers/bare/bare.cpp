// A library without optional parts: what a registry in memory and in a directory does works, and
// what is not there says so. The argument is a storage whose registry, written by a whole build,
// holds a package with an image; see test_parts.py.

#include "pkgreg/blocking.hpp"
#include "pkgreg/dcos/bundle.hpp"
#include "pkgreg/directory_store.hpp"
#include "pkgreg/error.hpp"
#include "pkgreg/memory_store.hpp"
#include "pkgreg/protocol.hpp"
#include "pkgreg/registry.hpp"
#include "pkgreg/remote.hpp"
#include "pkgreg/s3_store.hpp"
#include "pkgreg/server.hpp"
#include "pkgreg/storage.hpp"

#include <array>
#include <cstdlib>
#include <iostream>
#include <span>
#include <string>
#include <string_view>

using namespace pkgreg;

namespace {

void require(bool holds, const char* what) {
    if (holds) return;
    std::cerr << "not so: " << what << '\n';
    std::exit(1);
}

template <class Call>
void throws(ErrorCode code, std::string_view words, Call call) {
    try {
        call();
    } catch (const Error& error) {
        std::cout << to_string(error.code()) << ": " << error.message() << '\n';
        require(error.code() == code, "the code of the error");
        require(error.message().find(words) != std::string::npos, "what the message says");
        return;
    }
    require(false, "a call without its part throws");
}

template <class Call>
void is_missing(std::string_view option, Call call) {
    throws(ErrorCode::unsupported, option, call);
}

unsigned status_of(HttpHandler& handler, HttpMethod method, std::string_view target) {
    HttpRequest request;
    request.method = method;
    request.target = target;
    return run_blocking(handler.handle(request)).status();
}

void push_and_pull(Registry& registry) {
    const auto name = RepositoryName::parse("team/hello");
    MemoryBody body("Hello");
    const auto blob = run_blocking(registry.put_blob(name, std::nullopt, body));
    const auto reader = run_blocking(registry.open_blob(name, blob.digest));
    std::array<char, 16> bytes{};
    const auto n = run_blocking(reader->read(std::as_writable_bytes(std::span(bytes))));
    require(std::string_view(bytes.data(), n) == "Hello", "what was pushed is pulled");
}

void parts_say_that_they_are_missing(const std::shared_ptr<Registry>& registry) {
    is_missing("PKGREG_S3", [] { open_s3_store({}); });
    is_missing("PKGREG_S3", [] {
        Options options;
        options.program.storage = "s3://bucket/path?endpoint=https://s3.example.com";
        open_storage(options);
    });
    is_missing("PKGREG_REMOTE", [&] {
        pull_image(*registry, "registry.example.com/app:1", RepositoryName::parse("app"),
                   std::nullopt);
    });
    is_missing("PKGREG_REMOTE", [&] {
        push_image(*registry, RepositoryName::parse("app"), parse_reference("1"),
                   "registry.example.com/app:1");
    });
    is_missing("PKGREG_SERVER", [&] { Server::start(make_protocol(registry), {}); });
    MemoryBody bundle("PK");
    is_missing("PKGREG_PACKAGES", [&] { run_blocking(registry->packages().add(bundle)); });
    is_missing("PKGREG_PACKAGES", [&] { run_blocking(registry->packages().import({})); });
    is_missing("PKGREG_PACKAGES", [&] { run_blocking(registry->packages().document({})); });
}

void the_protocol_says_so_too(const std::shared_ptr<Registry>& registry) {
    const auto protocol = make_protocol(registry);
    require(status_of(*protocol, HttpMethod::get, "/v2/") == 200, "/v2/ answers");
    require(status_of(*protocol, HttpMethod::get, "/health") == 200, "/health answers");
    require(status_of(*protocol, HttpMethod::get, "/repo") == 501, "/repo answers 501");
    require(status_of(*protocol, HttpMethod::post, "/api/v1/packages") == 501,
            "an addition is answered 501");
    require(status_of(*protocol, HttpMethod::get, "/nothing") == 404, "/nothing answers 404");
}

/// A package that another build added still holds its image.
void packages_hold_their_images(const char* storage, const char* repository) {
    const auto registry = run_blocking(Registry::open(open_directory_store(storage)));
    const PackagePage page =
        run_blocking(registry->packages().list(std::nullopt, std::nullopt, 10));
    require(page.packages.size() == 1 && page.packages[0].images.size() == 1,
            "the package can be read");
    const PackageImage& image = page.packages[0].images[0];
    require(image.repository.str() == repository, "its image is where it was");
    throws(ErrorCode::in_use, "package", [&] {
        run_blocking(registry->delete_manifest(image.repository, image.manifest.digest));
    });
    throws(ErrorCode::in_use, "package",
           [&] { run_blocking(registry->delete_repository(image.repository)); });
    run_blocking(registry->packages().remove(page.packages[0].coordinate));
    require(!run_blocking(registry->find_manifest(image.repository, image.manifest.digest)),
            "the image goes with its package");
}

}  // namespace

int main(int argc, char** argv) {
    const std::shared_ptr<Registry> registry = run_blocking(Registry::open(make_memory_store()));
    push_and_pull(*registry);
    parts_say_that_they_are_missing(registry);
    the_protocol_says_so_too(registry);
    if (argc == 3) packages_hold_their_images(argv[1], argv[2]);
    std::cout << "done\n";
}

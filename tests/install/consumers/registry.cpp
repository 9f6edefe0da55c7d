// Pushes a blob into a registry in memory and pulls it back. Prints the blob's digest.

#include "pkgreg/registry.hpp"

#include "pkgreg/blocking.hpp"
#include "pkgreg/memory_store.hpp"

#include <array>
#include <iostream>
#include <span>
#include <string_view>

using pkgreg::run_blocking;

int main() {
    const auto registry = run_blocking(pkgreg::Registry::open(pkgreg::make_memory_store()));
    const auto name = pkgreg::RepositoryName::parse("team/hello");
    pkgreg::MemoryBody body("Hello");
    const auto blob = run_blocking(registry->put_blob(name, std::nullopt, body));

    const auto reader = run_blocking(registry->open_blob(name, blob.digest));
    std::array<char, 16> bytes{};
    const auto n = run_blocking(reader->read(std::as_writable_bytes(std::span(bytes))));
    if (std::string_view(bytes.data(), n) != "Hello") return 1;
    std::cout << blob.digest.to_string() << '\n';
}

#include "registry/storage_format.hpp"

#include "pkgreg/error.hpp"

#include "registry/layout.hpp"

#include <simdjson.h>

#include <cstdint>
#include <string>

namespace pkgreg {
namespace {

/// The layout that this version writes (registry/layout.hpp).
constexpr std::uint64_t current_format = 3;
/// The oldest layout that it can handle.
constexpr std::uint64_t oldest_format = 2;

/// Any version up to `oldest_*` cannot handle the storage: a new layout that old programs may still
/// read raises only `oldest_writer`.
constexpr std::string_view current_text =
    "{\"format\":3,\"oldest_reader\":3,\"oldest_writer\":3}\n";

/// Returns the storage's format.
std::uint64_t check_text(const std::string& text, const std::string& where, bool read_only) {
    simdjson::dom::parser parser;
    simdjson::dom::element document;
    std::uint64_t format = 0;
    std::uint64_t reader = 0;
    std::uint64_t writer = 0;
    const bool readable = parser.parse(text).get(document) == simdjson::SUCCESS &&
                          document["format"].get(format) == simdjson::SUCCESS &&
                          document["oldest_reader"].get(reader) == simdjson::SUCCESS &&
                          document["oldest_writer"].get(writer) == simdjson::SUCCESS;
    if (!readable) {
        throw Error(ErrorCode::incompatible,
                    where +
                        ": its object 'format' cannot be read; this is not a registry's storage, "
                        "or it is damaged");
    }
    if (format < oldest_format) {
        throw Error(ErrorCode::incompatible,
                    where + ": was written in format " + std::to_string(format) +
                        ", before the first release; this version handles formats from " +
                        std::to_string(oldest_format) +
                        " on. Push its content into an empty place with that version's server");
    }
    const std::uint64_t needed = read_only ? reader : writer;
    if (needed > current_format) {
        throw Error(ErrorCode::incompatible,
                    where + ": was written in format " + std::to_string(format) +
                        "; this version handles formats up to " + std::to_string(current_format) +
                        (read_only || reader > current_format ? "; use a newer version"
                                                              : "; use a newer version, or open it "
                                                                "read-only"));
    }
    return format;
}

}  // namespace

awaitable<void> check_storage_format(ObjectStore& store, bool read_only) {
    const ObjectKey key = layout::format_key();
    auto text = co_await store.get(key);
    bool empty = false;
    if (!text) {
        const ListPage page = co_await store.list("", "", 1);
        empty = page.keys.empty();
        // Another instance may have made its registry here between the two looks.
        if (!empty) text = co_await store.get(key);
    }
    if (text) {
        const std::uint64_t format = check_text(*text, store.describe(), read_only);
        // What is written from now on an older program would not understand.
        if (format < current_format && !read_only) co_await store.put(key, current_text);
        co_return;
    }
    if (!empty) {
        throw Error(ErrorCode::incompatible,
                    store.describe() +
                        ": holds objects, but none named 'format'; it is not a "
                        "registry's storage. Choose an empty place");
    }
    if (!read_only) co_await store.put(key, current_text);
}

}  // namespace pkgreg

// Options from arbitrary bytes: refused with a message, or read; what is read is JSON, and prints
// and reads back as the same document.
#include "pkgreg/error.hpp"
#include "pkgreg/options.hpp"

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

/// Whether a parser that reads the whole document takes it.
bool is_json(std::string_view text) {
    static simdjson::dom::parser parser;
    return parser.parse(simdjson::padded_string(text)).error() == simdjson::SUCCESS;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    std::string printed;
    try {
        printed = pkgreg::print_options(pkgreg::parse_options(text, "fuzz"));
    } catch (const pkgreg::Error& error) {
        require(error.code() == pkgreg::ErrorCode::invalid_options);
        require(error.message().starts_with("fuzz:"));
        return 0;
    }
    constexpr std::string_view mark = "\xef\xbb\xbf";
    require(is_json(text.starts_with(mark) ? text.substr(mark.size()) : text));
    require(pkgreg::print_options(pkgreg::parse_options(printed)) == printed);
    return 0;
}

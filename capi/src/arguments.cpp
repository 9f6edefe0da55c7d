#include "arguments.hpp"

namespace pkgreg::capi {

void throw_invalid_argument(const std::string& message) {
    throw Error(ErrorCode::invalid_argument, message);
}

void throw_missing(const char* name) {
    throw_invalid_argument("'" + std::string(name) + "' is a null pointer; it must be given");
}

void require_size(std::size_t given, std::size_t first_version, const char* name) {
    if (given >= first_version) return;
    throw_invalid_argument("'" + std::string(name) + "' says that it has " + std::to_string(given) +
                           " bytes; set its struct_size to sizeof the struct, and the rest to 0");
}

void write_digest(char* into, const Digest& digest) {
    if (!into) return;
    const std::string text = digest.to_string();
    std::memcpy(into, text.c_str(), text.size() + 1);
}

std::size_t page_limit(std::size_t limit) {
    constexpr std::size_t most = 1000;
    if (limit >= 1 && limit <= most) return limit;
    throw_invalid_argument("'limit' is " + std::to_string(limit) + "; a page has 1 to 1,000 items");
}

}  // namespace pkgreg::capi

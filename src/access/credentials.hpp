// Credentials: what a request brings along to prove who asks.
#pragma once

#include "pkgreg/http.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace pkgreg::access {

enum class Scheme : std::uint8_t {
    none,
    basic,     ///< RFC 7617
    bearer,    ///< RFC 6750
    dcos,      ///< `token=<JWT>`
    malformed  ///< some field, but none of these
};

struct Credentials {
    Scheme scheme = Scheme::none;
    std::string name = {};        ///< of `basic`
    std::string password = {};    ///< of `basic`
    std::string_view token = {};  ///< of `bearer` and `dcos`; lies in the request

    /// Never throws but for memory; what cannot be read is `malformed`, and says nothing of why:
    /// the text may be a secret that was written wrongly.
    static Credentials of(const HttpRequest& request);
    /// Of the value of the field `Authorization`.
    static Credentials parse(std::string_view field);
};

}  // namespace pkgreg::access

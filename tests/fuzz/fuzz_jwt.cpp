// Tokens and the field Authorization, from arbitrary bytes: read, or refused without showing them.
// So that the fuzzer need not know base64, the input is also taken as header and claims.
#include "pkgreg/error.hpp"

#include "access/credentials.hpp"
#include "access/jwt.hpp"
#include "access/scopes.hpp"
#include "base/base64url.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

namespace {

using namespace pkgreg;
using namespace pkgreg::access;

void require(bool holds) {
    if (!holds) std::abort();
}

void check_token(std::string_view text) {
    try {
        const Jwt token = Jwt::parse(text);
        require(!token.signature.empty());
        require(text.starts_with(token.signed_text));
        check_times(token.claims, 1'700'000'000);
        require(token.claims.expires.has_value());
        check_parties(token.claims, "issuer", "pkgreg");
        require(token.claims.issuer == "issuer");
    } catch (const Error& error) {
        require(error.code() == ErrorCode::unauthorized);
    }
}

void check_base64(std::string_view text) {
    const auto bytes = from_base64url(text);
    require(!bytes || to_base64url(*bytes) == text);
    require(from_base64url(to_base64url(text)) == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_token(text);
    // The first line is the header, the rest are the claims.
    const std::size_t line = std::min(text.find('\n'), text.size());
    check_token(to_base64url(text.substr(0, line)) + "." + to_base64url(text.substr(line)) + ".AA");
    check_base64(text);
    const Credentials credentials = Credentials::parse(text);
    require(credentials.scheme != Scheme::none);
    Credentials::parse("Basic " + std::string(text));
    if (const auto grant = parse_scope(text)) {
        require(!grant->name.empty() && !grant->actions.empty());
        require(parse_scope(scope_text(std::span(&*grant, 1))) == grant);
    }
    return 0;
}

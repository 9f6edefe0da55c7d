// JWK sets from arbitrary bytes: keys that can be used, or a refusal that names the place.
#include "pkgreg/error.hpp"

#include "access/jwk_set.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pkgreg;
    using namespace pkgreg::access;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try {
        const JwkSet set = JwkSet::parse(text, "keys");
        if (set.size() == 0 || set.size() > max_keys) std::abort();
        for (const auto algorithm : {jose::Algorithm::rs256, jose::Algorithm::es256}) {
            for (const jose::PublicKey* key : set.find(algorithm, "")) {
                if (key->verifies("text", "signature")) std::abort();
                if (key->thumbprint().size() != 43) std::abort();
            }
        }
    } catch (const Error& error) {
        if (error.code() != ErrorCode::invalid_options) std::abort();
        if (!error.message().starts_with("keys:")) std::abort();
    }
    return 0;
}

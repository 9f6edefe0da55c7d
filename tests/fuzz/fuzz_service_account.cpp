// The secret of a service account: any bytes are an account or an error that shows none of them.
#include "pkgreg/error.hpp"

#include "cluster/service_account.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try {
        const auto account = pkgreg::cluster::parse_service_account(text, "secret");
        if (account.uid.empty() || account.login_endpoint.empty()) std::abort();
    } catch (const pkgreg::Error& error) {
        if (error.code() != pkgreg::ErrorCode::invalid_options) std::abort();
    }
    return 0;
}

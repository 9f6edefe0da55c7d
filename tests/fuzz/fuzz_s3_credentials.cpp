// Files and answers that hold keys, from arbitrary bytes: read, or refused without showing them.
#include "pkgreg/error.hpp"

#include "s3/credentials.hpp"
#include "s3/endpoint.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace pkgreg;
using namespace pkgreg::s3;

void require(bool holds) {
    if (!holds) std::abort();
}

/// Keys that are complete, or the error that is allowed.
template <class F>
void check_keys(ErrorCode allowed, const F& read) {
    try {
        const std::optional<Credentials> keys = read();
        require(!keys || (!keys->access_key_id.empty() && !keys->secret_access_key.empty()));
    } catch (const Error& error) {
        require(error.code() == allowed);
    }
}

void check_endpoint(const std::string& text) {
    S3StoreOptions options;
    options.bucket = "bucket";
    options.endpoint = text;
    try {
        const Endpoint endpoint(options);
        const Address address = endpoint.address("eu-west-1");
        require(address.origin.starts_with("http"));
        require(address.host.find_first_of(" \r\n/@") == std::string::npos);
    } catch (const Error& error) {
        require(error.code() == ErrorCode::invalid_options);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    // The first line names the profile.
    const std::string_view profile = text.substr(0, text.find('\n'));
    check_keys(ErrorCode::invalid_options, [&] { return read_profile(text, profile); });
    check_keys(ErrorCode::invalid_options, [&] { return read_profile(text, "default"); });
    check_keys(ErrorCode::denied, [&] { return std::optional(read_credentials_answer(text)); });
    read_profile_setting(text, profile, "region");
    is_safe_container_endpoint(std::string(text));
    check_endpoint(std::string(text));
    check_endpoint("https://" + std::string(text));
    return 0;
}

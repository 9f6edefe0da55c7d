// What a build reads from registries and package authors, from arbitrary bytes: image references,
// challenges, Docker's configuration, the names of files.
#include "pkgreg/error.hpp"

#include "cli/build/asset_location.hpp"
#include "cli/build/docker_credentials.hpp"
#include "remote/auth_challenge.hpp"
#include "remote/image_platform.hpp"
#include "remote/image_reference.hpp"
#include "remote/index_selection.hpp"
#include "remote/registry_token.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using namespace pkgreg;
using namespace pkgreg::cli;

void require(bool holds) {
    if (!holds) std::abort();
}

/// A reference in full is a reference, and the same one.
void check_reference(std::string_view text) {
    try {
        const ImageReference reference = ImageReference::parse(text);
        require(ImageReference::parse(reference.str()) == reference);
    } catch (const Error& error) {
        require(error.code() == ErrorCode::invalid_argument);
    }
}

/// Whatever a registry asks for, the request is one line of visible characters to a web server.
void check_challenges(std::string_view text) {
    for (const AuthChallenge& challenge : parse_challenges(text)) {
        require(!challenge.scheme.empty());
        try {
            const TransferRequest request =
                token_request(challenge, "scope", Credentials{"a", "b"}, false);
            require(request.url.starts_with("https://"));
        } catch (const Error& error) {
            require(error.code() == ErrorCode::unauthorized);
        }
    }
}

void check_file_name(std::string_view text) {
    const std::string name = resource_file_name(text, text);
    require(!name.empty() && name.size() <= 255 && name != "." && name != "..");
    require(std::ranges::none_of(name, [](char c) {
        return c == '/' || c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    }));
}

template <class F>
void allow_errors(const F& action) {
    try {
        action();
    } catch (const Error&) {
        // Refused with a message, as it should be.
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_reference(text);
    check_challenges(text);
    check_file_name(text);
    allow_errors([&] { AssetLocation::parse(text, "folder"); });
    allow_errors([&] { find_credentials(text, "docker.io"); });
    allow_errors([&] { read_helper_answer(text); });
    allow_errors([&] { choose_platform(text, Platform()); });
    allow_errors([&] { select_platforms(text, {Platform(), Platform{"linux", "arm64"}}); });
    read_token(text);
    return 0;
}

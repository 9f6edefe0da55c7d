// Which assets a bundle leaves where they are: `--remote-assets`.
#pragma once

#include "pkgreg/dcos/metadata.hpp"

#include <optional>
#include <string_view>

namespace pkgreg::cli {

struct RemoteAssets {
    bool images = false;  ///< icons and screenshots
    bool cli = false;
    bool uris = false;
    bool docker = false;

    /// Reads `all`, or some of `images`, `cli`, `uris` and `docker`, separated by commas.
    static std::optional<RemoteAssets> try_parse(std::string_view text);
    /// Whether an asset of this kind stays the URL or reference that it is.
    bool has(AssetKind kind) const noexcept;
};

}  // namespace pkgreg::cli

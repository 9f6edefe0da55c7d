#include "cli/build/remote_assets.hpp"

namespace pkgreg::cli {

std::optional<RemoteAssets> RemoteAssets::try_parse(std::string_view text) {
    RemoteAssets assets;
    while (true) {
        const std::string_view word = text.substr(0, text.find(','));
        const bool all = word == "all";
        if (!all && word != "images" && word != "cli" && word != "uris" && word != "docker") {
            return std::nullopt;
        }
        assets.images |= all || word == "images";
        assets.cli |= all || word == "cli";
        assets.uris |= all || word == "uris";
        assets.docker |= all || word == "docker";
        if (word.size() == text.size()) return assets;
        text.remove_prefix(word.size() + 1);
    }
}

bool RemoteAssets::has(AssetKind kind) const noexcept {
    switch (kind) {
        case AssetKind::uri: return uris;
        case AssetKind::docker: return docker;
        case AssetKind::image:
        case AssetKind::screenshot: return images;
        case AssetKind::cli_binary: return cli;
    }
    return false;
}

}  // namespace pkgreg::cli

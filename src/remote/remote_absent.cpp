// In place of copies from and to other registries, where a build has none.

#include "pkgreg/remote.hpp"

#include "base/missing_part.hpp"

namespace pkgreg {
namespace {

Error no_copies() {
    return missing_part("copies from and to other registries", "PKGREG_REMOTE");
}

}  // namespace

Digest pull_image(Registry&, std::string_view, const RepositoryName&, const std::optional<Tag>&,
                  const RemoteOptions&) {
    throw no_copies();
}

Digest push_image(Registry&, const RepositoryName&, const Reference&, std::string_view,
                  const RemoteOptions&) {
    throw no_copies();
}

}  // namespace pkgreg

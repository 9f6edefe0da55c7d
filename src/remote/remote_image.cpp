#include "remote/remote_image.hpp"

namespace pkgreg {

RemoteImage RemoteImage::parse(std::string_view text) {
    constexpr std::string_view plain_scheme = "http://";
    constexpr std::string_view secure_scheme = "https://";
    const bool plain = text.starts_with(plain_scheme);
    if (plain) text.remove_prefix(plain_scheme.size());
    if (text.starts_with(secure_scheme)) text.remove_prefix(secure_scheme.size());
    return {ImageReference::parse(text), plain};
}

std::string RemoteImage::base_url() const {
    return (plain ? "http://" : "https://") + host_of_registry(reference.registry) + "/v2/" +
           reference.repository.str() + "/";
}

std::string RemoteImage::repository() const {
    return reference.registry + "/" + reference.repository.str();
}

}  // namespace pkgreg

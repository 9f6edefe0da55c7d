// RemoteImage: which image of which registry a copy is about, and how that is reached.
#pragma once

#include "remote/image_reference.hpp"

#include <string>
#include <string_view>

namespace pkgreg {

struct RemoteImage {
    ImageReference reference;
    /// Whether to ask in plain HTTP.
    bool plain = false;

    /// Reads a reference that may have `http://` or `https://` in front. Throws `invalid_argument`.
    static RemoteImage parse(std::string_view text);

    /// `https://registry.example.com/v2/team/app/`.
    std::string base_url() const;
    /// For messages: `registry.example.com/team/app`.
    std::string repository() const;
};

}  // namespace pkgreg

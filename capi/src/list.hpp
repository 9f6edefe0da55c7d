// pkgreg_list: one page of names or of JSON objects.
#pragma once

#include "pkgreg.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

struct pkgreg_list {
    std::vector<std::string> items;
    /// What the next page begins behind; nothing on the last page.
    std::optional<std::string> next;
};

namespace pkgreg::capi {

/// A page whose items are what the next one begins behind.
inline pkgreg_list* make_name_list(std::vector<std::string> names, bool more) {
    std::optional<std::string> next;
    if (more && !names.empty()) next = names.back();
    return new pkgreg_list{std::move(names), std::move(next)};
}

}  // namespace pkgreg::capi

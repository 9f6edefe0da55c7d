// HttpAnswer: what a server said, for whoever asks servers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pkgreg {

struct HttpAnswer {
    long status = 0;
    std::vector<std::pair<std::string, std::string>> fields = {};
    std::string body = {};

    /// The value of the first field of that name, or nothing.
    std::optional<std::string_view> field(std::string_view name) const;
};

/// `status 404: manifest unknown`, with what an OCI error body says; printable.
std::string status_text(const HttpAnswer& answer);

}  // namespace pkgreg

// Documents that other services give out or take: small, read whole, over HTTP(S).
#pragma once

#include "web/http_answer.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace pkgreg {

struct DocumentRequest {
    std::string url;
    /// `Name: value`.
    std::vector<std::string> fields = {};
    /// Makes it a POST.
    std::optional<std::string> body = {};
    /// PEM file of the authorities that are trusted beside the system's; empty: none.
    std::string ca_file = {};
    /// How long nothing may move, and how long the answer to a body may take.
    std::chrono::seconds stall_timeout{15};
    /// Ends the exchange as soon as it is readable; -1: none.
    int stop_fd = -1;
    /// Bytes.
    std::size_t max_size = std::size_t{1} << 20;
};

/// Asks once, and returns the answer of whatever status with its body. Blocks. Throws `unavailable`
/// where none came (the message names the URL and the reason), `too_large`, `cancelled` where
/// `stop_fd` ended it.
HttpAnswer fetch_document(const DocumentRequest& request);

}  // namespace pkgreg

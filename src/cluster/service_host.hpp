// Under which name a cluster reaches a service.
#pragma once

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

namespace pkgreg::cluster {

/// `<name>.marathon.l4lb.thisdcos.directory`, where a name in folders drops their slashes.
inline std::string service_host(std::string_view service_name) {
    std::string host;
    std::ranges::copy_if(service_name, std::back_inserter(host), [](char c) { return c != '/'; });
    return host + ".marathon.l4lb.thisdcos.directory";
}

}  // namespace pkgreg::cluster

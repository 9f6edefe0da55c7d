// Route: which endpoint of the DC/OS package protocol, or of the packages' own API, a path names.
#pragma once

#include <cstdint>
#include <string_view>

namespace pkgreg::dcos {

enum class Endpoint : std::uint8_t {
    none,        ///< no path of this protocol
    root,        ///< /                                          what is healthy
    repository,  ///< /repo                                      the Universe repository document
    package,     ///< /package/<name>                            the same, of one package name
    resource,    ///< /resource/<coordinate>/<digest>/<file>     a file of a package
    packages,    ///< /api/v1/packages                           list, add
    version,     ///< /api/v1/packages/<name>/<version>          describe, remove
    universe,    ///< /api/v1/universe                           import
};

/// Views into the path; nothing in them is checked yet.
struct Route {
    Endpoint endpoint = Endpoint::none;
    /// A package's name, or its coordinate.
    std::string_view package = {};
    /// A version, or a digest.
    std::string_view item = {};
    std::string_view file = {};
};

namespace detail {

/// Takes the first component off a path.
inline std::string_view take_component(std::string_view& path) noexcept {
    const std::size_t slash = path.find('/');
    const std::string_view component = path.substr(0, slash);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    return component;
}

}  // namespace detail

/// Reads a decoded path.
inline Route find_route(std::string_view path) noexcept {
    constexpr std::string_view package = "/package/";
    constexpr std::string_view resource = "/resource/";
    constexpr std::string_view packages = "/api/v1/packages";
    if (path == "/") return {Endpoint::root};
    if (path == "/repo" || path == "/repo/") return {Endpoint::repository};
    if (path == "/api/v1/universe") return {Endpoint::universe};
    if (path.starts_with(package)) {
        const std::string_view name = path.substr(package.size());
        if (!name.empty() && name.find('/') == name.npos) return {Endpoint::package, name};
    } else if (path.starts_with(resource)) {
        std::string_view rest = path.substr(resource.size());
        const std::string_view coordinate = detail::take_component(rest);
        const std::string_view digest = detail::take_component(rest);
        if (!rest.empty()) return {Endpoint::resource, coordinate, digest, rest};
    } else if (path.starts_with(packages)) {
        std::string_view rest = path.substr(packages.size());
        if (rest.empty() || rest == "/") return {Endpoint::packages};
        if (rest.front() != '/') return {};
        rest.remove_prefix(1);
        const std::string_view name = detail::take_component(rest);
        if (!rest.empty() && rest.find('/') == rest.npos) return {Endpoint::version, name, rest};
    }
    return {};
}

}  // namespace pkgreg::dcos

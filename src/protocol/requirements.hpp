// Requirement: what a request needs its caller to be allowed, by its endpoint and its method. The
// one place that says so; a matrix of tests goes through all of it.
#pragma once

#include "pkgreg/http.hpp"

#include "access/caller.hpp"
#include "protocol/dcos/route.hpp"
#include "protocol/oci/route.hpp"
#include "protocol/target.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace pkgreg {

struct Requirement {
    enum class Kind : std::uint8_t {
        nothing,    ///< nobody is asked who he is
        anyone,     ///< whoever it is; wrong credentials are refused all the same
        visit,      ///< who proved something, or whom something is open to without
        resource,   ///< `actions` on the resource `name`
        somewhere,  ///< the one of `actions` on anything of that kind: more is known later
    };
    Kind kind = Kind::nothing;
    access::ResourceKind resource = access::ResourceKind::repository;
    /// A valid name of a repository or package, where the kind is `resource`.
    std::string name = {};
    access::ActionSet actions = {};
    /// Of a mount: the repository that the blob should come from. Not needed, but a token should
    /// have it.
    std::string from = {};

    /// As the Docker token specification writes it: what a token must grant; may be empty.
    std::string scope() const;
};

Requirement requirement_of(const oci::Route& route, HttpMethod method, const Target& target);
Requirement requirement_of(const dcos::Route& route, HttpMethod method);

/// The scope for actions on one resource.
std::string scope_of(access::ResourceKind kind, std::string_view name, access::ActionSet actions);

/// What actions are called in messages: `pull`, `push or delete`.
std::string words_for(access::ActionSet actions);

}  // namespace pkgreg

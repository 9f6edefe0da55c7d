// Policy: who may do what to which repository or package, as a policy file says. The file's form is
// described in include/pkgreg/access.md.
#pragma once

#include "access/caller.hpp"

#include <memory>
#include <string_view>

namespace pkgreg::access {

/// A value that does not change; any thread may ask.
class Policy {
 public:
    /// Reads a document. Throws `invalid_options` with one line for each problem,
    /// `source:line: path: what is wrong and what would be right`.
    static std::shared_ptr<const Policy> parse(std::string_view json, std::string_view source);

    virtual ~Policy() = default;

    /// What `identity` may do to the repository or package of that name. The rule whose pattern is
    /// the most exact one decides; those with that pattern are united; without a rule: nothing. For
    /// `catalog`: whether lists may be asked for at all, which is so where any rule allows `list`.
    virtual ActionSet allowed(const Identity& identity, ResourceKind kind,
                              std::string_view name) const = 0;

    /// Whether `identity` may do that to anything of that kind. For requests that name what they
    /// are about later, in their body.
    virtual bool allowed_somewhere(const Identity& identity, ResourceKind kind,
                                   Action action) const = 0;
};

}  // namespace pkgreg::access

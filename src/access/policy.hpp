// Policy: who may do what to which repository or package, as a policy file says. The file's form is
// described in include/pkgreg/access.md.
#pragma once

#include "access/caller.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg::access {

/// A value that does not change; any thread may ask.
class Policy {
 public:
    /// Reads a document. Throws `invalid_options` with one line for each problem,
    /// `source:line: path: what is wrong and what would be right`.
    static std::shared_ptr<const Policy> parse(std::string_view json, std::string_view source);

    virtual ~Policy() = default;

    /// What `identity` may do to the repository or package of that name. The rule whose pattern is
    /// the most exact one decides; those with patterns as exact are united, but where one of them
    /// has no action at all there is nothing; without a rule: nothing. For `catalog`: whether
    /// lists may be asked for at all, which is so where any rule allows `list`.
    virtual ActionSet allowed(const Identity& identity, ResourceKind kind,
                              std::string_view name) const = 0;

    /// Whether `identity` may do that to anything of that kind. For requests that name what they
    /// are about later, in their body.
    virtual bool allowed_somewhere(const Identity& identity, ResourceKind kind,
                                   Action action) const = 0;

    /// Whether `identity` may surely do that to whatever has a name of that kind, so that lists
    /// need no filter. False where it would take a search to tell.
    virtual bool allowed_everywhere(const Identity& identity, ResourceKind kind,
                                    Action action) const = 0;

    /// Every name of that kind to which `identity` may do that begins with one of these; in byte
    /// order, none the beginning of another. So a list can leave out what lies between.
    virtual std::vector<std::string> prefixes(const Identity& identity, ResourceKind kind,
                                              Action action) const = 0;
};

}  // namespace pkgreg::access

// A policy from arbitrary bytes: refused with a message, or read and asked about names and
// identities that are in those bytes too.
#include "pkgreg/error.hpp"

#include "access/policy.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace pkgreg;
using namespace pkgreg::access;

void require(bool holds) {
    if (!holds) std::abort();
}

void ask(const Policy& policy, const Identity& who, ResourceKind kind, std::string_view name) {
    const ActionSet allowed = policy.allowed(who, kind, name);
    require(policy.allowed(who, kind, name) == allowed);
    for (const Action action :
         {Action::pull, Action::push, Action::delete_, Action::list, Action::administer}) {
        if (policy.allowed_everywhere(who, kind, action)) require(allowed.has(action));
        if (!allowed.has(action)) continue;
        require(policy.allowed_somewhere(who, kind, action));
        const auto prefixes = policy.prefixes(who, kind, action);
        require(std::ranges::is_sorted(prefixes));
        require(std::ranges::any_of(
            prefixes, [&](const std::string& prefix) { return name.starts_with(prefix); }));
    }
}

}  // namespace

// The first line is a name, the second one an identity's; behind them is the policy.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    std::string_view lines[2];
    for (std::string_view& line : lines) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    std::shared_ptr<const Policy> policy;
    try {
        policy = Policy::parse(text, "fuzz");
    } catch (const Error& error) {
        require(error.code() == ErrorCode::invalid_options);
        require(error.message().starts_with("fuzz:"));
        return 0;
    }
    const std::string name = lines[0].empty() ? "a" : std::string(lines[0]);
    const std::string who(lines[1]);
    for (const Identity& identity : {Identity{}, Identity{IdentityKind::basic, who},
                                     Identity{IdentityKind::embedder, "x", {who}}}) {
        for (const ResourceKind kind : {ResourceKind::repository, ResourceKind::package}) {
            if (kind == ResourceKind::package && name.find('/') != name.npos) continue;
            ask(*policy, identity, kind, name);
        }
    }
    return 0;
}

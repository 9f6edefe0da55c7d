// `pkgreg repositories` and `pkgreg tags`: the names that a server or a storage holds.
#pragma once

#include "pkgreg/options.hpp"

#include "cli/server_access.hpp"

#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

namespace pkgreg::cli {

/// What a listing asks, and how it answers.
struct ListingOptions {
    /// A server's URL; used where no storage is given.
    std::string server = "http://127.0.0.1:5000";
    /// A storage to open for reading beside its server.
    std::optional<Options> storage = {};
    ServerAccess access = {};
    /// One JSON object instead of one name per line.
    bool json = false;
};

/// Lists all repositories. Throws `ProgramError`.
void list_repositories(const ListingOptions& options, std::ostream& out);

/// Lists all tags of a repository. Throws `ProgramError`; with `ExitCode::failed` where there is no
/// such repository.
void list_tags(const std::string& repository, const ListingOptions& options, std::ostream& out);

/// The target of the `next` link in a `Link` field (RFC 8288), or an empty text.
std::string next_link(std::string_view field);

}  // namespace pkgreg::cli

// Refused: a request that its caller may not make, and what a token would have to grant.
#pragma once

#include "pkgreg/error.hpp"

#include "access/rights.hpp"

#include <string>
#include <string_view>

namespace pkgreg {

/// `unauthorized` where other credentials would do, `denied` where the caller proved who he is.
class Refused final : public Error {
 public:
    /// @param scope as `Requirement::scope` has it
    /// @param token_error RFC 6750's code, for a request that brought a token
    Refused(ErrorCode code, std::string message, std::string scope, std::string_view token_error)
        : Error(code, std::move(message)), scope_(std::move(scope)), token_error_(token_error) {}

    /// For a caller who may not do that to that repository or package.
    static Refused on(const access::Rights& rights, access::ActionSet actions,
                      access::ResourceKind kind, std::string_view name);

    const std::string& scope() const noexcept { return scope_; }
    std::string_view token_error() const noexcept { return token_error_; }

 private:
    std::string scope_;
    std::string_view token_error_;  // a literal
};

}  // namespace pkgreg

// KeySource: the keys of an issuer, from a file or from the issuer itself.
#pragma once

#include "pkgreg/awaitable.hpp"
#include "pkgreg/log.hpp"
#include "pkgreg/work_pool.hpp"

#include "access/jwk_set.hpp"

#include <memory>
#include <string>

namespace pkgreg::access {

/// Any thread may call every member.
class KeySource {
 public:
    using Keys = std::shared_ptr<const JwkSet>;

    /// @param keys a file, which is read here and again whenever it changes, or a URL, which is
    ///             asked first thing, again every five minutes while it is used, and for a key that
    ///             is not known every five seconds at most. What was got last stays in force.
    /// @param ca   PEM file of the authorities behind the URL, beside the system's; may be empty
    /// @param pool takes what waits for the issuer; null: the caller's thread does
    /// Throws `invalid_options` for a file that cannot be used.
    static std::unique_ptr<KeySource> make(const std::string& keys, const std::string& ca,
                                           std::shared_ptr<WorkPool> pool, LogCallback log);
    virtual ~KeySource() = default;

    /// The keys as they are known; null: none yet. Never waits. The same keys are the same object.
    virtual Keys current() = 0;

    /// The keys after the issuer was asked again, where that is due. Throws `unavailable` where
    /// there are none at all.
    virtual awaitable<Keys> refreshed() = 0;
};

}  // namespace pkgreg::access

// PasswordFile: names and bcrypt hashes, as `htpasswd -B` writes them.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

namespace pkgreg::access {

/// A hash of a higher cost is refused: each step doubles the time, and 15 takes seconds already.
inline constexpr int max_bcrypt_cost = 15;

/// A value.
class PasswordFile {
 public:
    /// Reads lines `name:hash`; blank lines and such that begin with `#` are left out. Throws
    /// `invalid_options` with `source:line: name: …` for each line that cannot be used,
    /// and what to do about it; never with anything of a hash.
    static PasswordFile parse(std::string_view text, std::string_view source);

    /// The hash of a name's password; null: there is no such name. Lives as long as this.
    const std::string* find(const std::string& name) const noexcept;

    /// A hash that no password has, and that takes as long as those of the file: so that a name
    /// that is not there takes no shorter time.
    const std::string& nobody() const noexcept { return nobody_; }

    std::size_t size() const noexcept { return hashes_.size(); }

 private:
    std::unordered_map<std::string, std::string> hashes_;
    std::string nobody_;
};

/// Whether `hash` is that of `password`; takes a good part of a second, on purpose.
bool matches_bcrypt(const std::string& password, const std::string& hash);

}  // namespace pkgreg::access

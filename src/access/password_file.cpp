#include "access/password_file.hpp"

#include "base/problems.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <crypt.h>
#include <memory>

namespace pkgreg::access {
namespace {

constexpr std::size_t bcrypt_length = 60;
constexpr std::size_t bcrypt_prefix = 7;  // `$2y$10$`
constexpr std::size_t max_name = 255;
constexpr std::string_view advice = "; write the line anew with: htpasswd -B FILE NAME";

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

/// bcrypt's base64.
bool is_bcrypt_char(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '.' || c == '/';
}

int cost_of(std::string_view hash) noexcept {
    return 10 * (hash[4] - '0') + (hash[5] - '0');
}

/// What a hash that is no bcrypt hash is.
std::string kind_of(std::string_view hash) {
    if (hash.empty()) return "there is no hash";
    if (hash.starts_with("$apr1$") || hash.starts_with("$1$")) return "this is an MD5 hash";
    if (hash.starts_with("{SHA}")) return "this is a SHA-1 hash";
    if (hash.starts_with("$5$") || hash.starts_with("$6$")) return "this is a SHA-2 hash of crypt";
    if (hash.starts_with("$2x$")) return "this is a hash of a bcrypt that had a defect ($2x$)";
    if (hash.starts_with("$2")) return "this is a bcrypt hash with a part missing or too much";
    return "this is no bcrypt hash";
}

/// What is wrong with a hash; empty: nothing.
std::string problem_of(std::string_view hash) {
    const bool known =
        hash.starts_with("$2y$") || hash.starts_with("$2b$") || hash.starts_with("$2a$");
    if (!known || hash.size() != bcrypt_length || !is_digit(hash[4]) || !is_digit(hash[5]) ||
        hash[6] != '$' || !std::ranges::all_of(hash.substr(bcrypt_prefix), is_bcrypt_char)) {
        return kind_of(hash) + "; only bcrypt ($2y$, $2b$, $2a$) is taken" + std::string(advice);
    }
    if (cost_of(hash) < 4 || cost_of(hash) > max_bcrypt_cost) {
        return "a bcrypt cost of " + std::to_string(cost_of(hash)) + "; it must be 4 to " +
               std::to_string(max_bcrypt_cost) + std::string(advice);
    }
    return {};
}

std::string problem_of_name(std::string_view name) {
    if (name.empty()) return "the name is empty";
    if (name.size() > max_name) return "the name is longer than 255 bytes";
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    return std::ranges::any_of(name, control) ? "the name holds a control character" : "";
}

/// The cost that most hashes have: it is what an answer usually takes.
int usual_cost(const std::unordered_map<std::string, std::string>& hashes) {
    std::array<std::size_t, 100> counts{};
    for (const auto& [name, hash] : hashes) ++counts[static_cast<std::size_t>(cost_of(hash))];
    const auto most = std::ranges::max_element(counts);
    return *most == 0 ? 10 : static_cast<int>(most - counts.begin());
}

}  // namespace

PasswordFile PasswordFile::parse(std::string_view text, std::string_view source) {
    PasswordFile file;
    Problems problems(source);
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        while (!line.empty() &&
               (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) {
            line.remove_suffix(1);
        }
        if (line.empty() || line.front() == '#') continue;
        const std::size_t colon = line.find(':');
        const std::string_view name = line.substr(0, colon);
        std::string problem =
            colon == line.npos ? "there is no colon behind a name" : problem_of_name(name);
        if (problem.empty()) problem = problem_of(line.substr(colon + 1));
        if (problem.empty() &&
            !file.hashes_.try_emplace(std::string(name), line.substr(colon + 1)).second) {
            problem = "the name has a line already; remove one of them";
        }
        const bool named = colon != line.npos && problem_of_name(name).empty();
        if (!problem.empty()) problems.add(number, named ? name : "the line", problem);
    }
    problems.throw_if_any();
    const int cost = usual_cost(file.hashes_);
    file.nobody_ = std::string(cost < 10 ? "$2y$0" : "$2y$") + std::to_string(cost) + "$" +
                   std::string(bcrypt_length - bcrypt_prefix, '.');
    return file;
}

const std::string* PasswordFile::find(const std::string& name) const noexcept {
    const auto found = hashes_.find(name);
    return found == hashes_.end() ? nullptr : &found->second;
}

bool matches_bcrypt(const std::string& password, const std::string& hash) {
    // What is behind a NUL would not be looked at.
    if (password.find('\0') != std::string::npos) return false;
    const auto data = std::make_unique<crypt_data>();
    const char* const made = ::crypt_rn(password.c_str(), hash.c_str(), data.get(), sizeof *data);
    const bool same = made != nullptr && std::string_view(made).size() == hash.size() &&
                      CRYPTO_memcmp(made, hash.data(), hash.size()) == 0;
    OPENSSL_cleanse(data.get(), sizeof *data);  // the password is in it
    return same;
}

}  // namespace pkgreg::access

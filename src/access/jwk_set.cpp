#include "access/jwk_set.hpp"

#include "pkgreg/error.hpp"

#include "base/base64url.hpp"
#include "base/json.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

namespace pkgreg::access {
namespace {

/// Where in which document a problem is.
struct Place {
    std::string_view source;
    std::size_t line;

    [[noreturn]] void refuse(std::string_view problem) const {
        throw Error(ErrorCode::invalid_options,
                    std::string(source) + ":" + std::to_string(line) + ": " + std::string(problem));
    }
};

/// The text under a name; empty where there is none.
std::string_view text(const JsonValue& jwk, std::string_view name) noexcept {
    const JsonValue* const value = jwk.find(name);
    return value != nullptr && value->type == JsonValue::Type::string ? value->text
                                                                      : std::string_view();
}

std::string bytes(const JsonValue& jwk, std::string_view name, const Place& place) {
    auto value = from_base64url(text(jwk, name));
    if (!value || value->empty()) {
        place.refuse("the key's " + std::string(name) + " must be a number in base64url");
    }
    return *std::move(value);
}

/// Whether the key says that it is for signatures of that algorithm, as far as it says anything
/// (sections 4.2 to 4.4).
bool is_for(const JsonValue& jwk, jose::Algorithm algorithm) {
    const std::string_view use = text(jwk, "use");
    if (!use.empty() && use != "sig") return false;
    const std::string_view alg = text(jwk, "alg");
    if (!alg.empty() && alg != to_string(algorithm)) return false;
    const JsonValue* const operations = jwk.find("key_ops");
    return operations == nullptr ||
           std::ranges::any_of(operations->items,
                               [](const JsonValue& item) { return item.text == "verify"; });
}

/// Nothing for a key that signs no token that is taken.
std::optional<jose::PublicKey> read_key(const JsonValue& jwk, const Place& place) {
    const std::string_view type = text(jwk, "kty");
    const bool rsa = type == "RSA" && is_for(jwk, jose::Algorithm::rs256);
    const bool p256 =
        type == "EC" && text(jwk, "crv") == "P-256" && is_for(jwk, jose::Algorithm::es256);
    try {
        if (rsa) {
            return jose::PublicKey::from_rsa(bytes(jwk, "n", place), bytes(jwk, "e", place));
        }
        if (p256) {
            return jose::PublicKey::from_p256(bytes(jwk, "x", place), bytes(jwk, "y", place));
        }
    } catch (const Error& error) {
        if (error.code() != ErrorCode::invalid_argument) throw;
        place.refuse("the key cannot be used: " + error.message());
    }
    return std::nullopt;
}

}  // namespace

JwkSet JwkSet::parse(std::string_view json, std::string_view source) {
    const JsonValue document = parse_json(json, source);
    const JsonValue* const list = document.find("keys");
    if (list == nullptr ? document.find("kty") == nullptr : list->type != JsonValue::Type::array) {
        Place{source, document.line}.refuse("a JWK set is an object with an array under \"keys\"");
    }
    const std::span<const JsonValue> keys =
        list == nullptr ? std::span(&document, 1) : std::span(list->items);
    if (keys.size() > max_keys) {
        Place{source, document.line}.refuse("more than " + std::to_string(max_keys) + " keys");
    }
    JwkSet set;
    for (const JsonValue& jwk : keys) {
        const Place place{source, jwk.line};
        if (jwk.type != JsonValue::Type::object) place.refuse("a key must be an object");
        if (auto key = read_key(jwk, place)) {
            set.keys_.push_back({std::string(text(jwk, "kid")), *std::move(key)});
        }
    }
    if (set.keys_.empty()) {
        Place{source, document.line}.refuse(
            "there is no key for RS256 (RSA) or ES256 (EC P-256) in it");
    }
    return set;
}

std::vector<const jose::PublicKey*> JwkSet::find(jose::Algorithm algorithm,
                                                 std::string_view key_id) const {
    std::vector<const jose::PublicKey*> found;
    for (const Entry& entry : keys_) {
        if (entry.key.algorithm() != algorithm) continue;
        if (key_id.empty() || entry.id == key_id) found.push_back(&entry.key);
    }
    return found;
}

}  // namespace pkgreg::access

// Digest: the name of content, valid by construction (OCI image specification, descriptor.md,
// "Digests"). Complete in this header; nothing needs to be linked.
#pragma once

#include "pkgreg/error.hpp"

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pkgreg {

/// The registered algorithms of the OCI image specification that the registry stores content under.
enum class DigestAlgorithm : std::uint8_t { sha256, sha512 };

/// `"sha256"` or `"sha512"`.
constexpr std::string_view to_string(DigestAlgorithm algorithm) noexcept {
    return algorithm == DigestAlgorithm::sha256 ? "sha256" : "sha512";
}

/// The algorithm of that name, or nothing. Names are lower case and matched exactly.
constexpr std::optional<DigestAlgorithm> parse_digest_algorithm(std::string_view name) noexcept {
    if (name == "sha256") return DigestAlgorithm::sha256;
    if (name == "sha512") return DigestAlgorithm::sha512;
    return std::nullopt;
}

/// Length of the algorithm's hash in bytes: 32 or 64.
constexpr std::size_t digest_length(DigestAlgorithm algorithm) noexcept {
    return algorithm == DigestAlgorithm::sha256 ? 32 : 64;
}

/// The digest of some content: an algorithm and a hash, written `sha256:<64 lower-case hex
/// digits>`.
///
/// A `Digest` that exists is well formed. It is a value of fixed size without heap memory; any
/// thread may read it. It orders by algorithm, then by hash, which is the order of its text.
class Digest {
 public:
    /// A digest from its raw hash. Throws `invalid_argument` when the length is not the
    /// algorithm's.
    Digest(DigestAlgorithm algorithm, std::span<const std::uint8_t> hash) : algorithm_(algorithm) {
        if (hash.size() != digest_length(algorithm)) {
            throw Error(ErrorCode::invalid_argument,
                        "a " + std::string(pkgreg::to_string(algorithm)) + " hash has " +
                            std::to_string(digest_length(algorithm)) + " bytes, not " +
                            std::to_string(hash.size()));
        }
        std::memcpy(hash_.data(), hash.data(), hash.size());
    }

    /// Reads `algorithm:hex`, or returns nothing. Only lower-case hex of the full length is valid.
    static std::optional<Digest> try_parse(std::string_view text) noexcept {
        const std::size_t colon = text.find(':');
        if (colon == std::string_view::npos) return std::nullopt;
        const auto algorithm = parse_digest_algorithm(text.substr(0, colon));
        if (!algorithm) return std::nullopt;
        return try_parse_hex(*algorithm, text.substr(colon + 1));
    }

    /// Reads the hex part alone, or returns nothing.
    static std::optional<Digest> try_parse_hex(DigestAlgorithm algorithm,
                                               std::string_view hex) noexcept {
        const std::size_t length = digest_length(algorithm);
        if (hex.size() != 2 * length) return std::nullopt;
        Digest digest(algorithm);
        for (std::size_t i = 0; i < length; ++i) {
            const int high = nibble(hex[2 * i]);
            const int low = nibble(hex[2 * i + 1]);
            if ((high | low) < 0) return std::nullopt;
            digest.hash_[i] = static_cast<std::uint8_t>(high << 4 | low);
        }
        return digest;
    }

    /// Reads `algorithm:hex`. Throws `digest_invalid`, saying what is wrong with the text.
    static Digest parse(std::string_view text) {
        if (auto digest = try_parse(text)) return *digest;
        const std::string shown(text.substr(0, 160));
        const std::size_t colon = text.find(':');
        if (colon != std::string_view::npos && !parse_digest_algorithm(text.substr(0, colon))) {
            throw Error(ErrorCode::digest_invalid,
                        "digest '" + shown +
                            "': unsupported algorithm; this registry takes sha256 and sha512");
        }
        throw Error(ErrorCode::digest_invalid,
                    "'" + shown +
                        "' is not a digest; one is written sha256:<64 lower-case hex digits> or "
                        "sha512:<128 lower-case hex digits>");
    }

    DigestAlgorithm algorithm() const noexcept { return algorithm_; }

    /// The raw hash; valid as long as this value.
    std::span<const std::uint8_t> hash() const noexcept {
        return {hash_.data(), digest_length(algorithm_)};
    }

    /// The hash in lower-case hex, without the algorithm.
    std::string hex() const {
        std::string text(2 * digest_length(algorithm_), '\0');
        write_hex(text.data());
        return text;
    }

    /// `algorithm:hex`.
    std::string to_string() const {
        std::string text;
        append_to(text);
        return text;
    }

    /// Appends `algorithm:hex` to `text` (no other allocation).
    void append_to(std::string& text) const {
        text.append(pkgreg::to_string(algorithm_)).push_back(':');
        append_hex_to(text);
    }

    /// Appends the hex part to `text`.
    void append_hex_to(std::string& text) const {
        const std::size_t at = text.size();
        text.resize(at + 2 * digest_length(algorithm_));
        write_hex(text.data() + at);
    }

    friend bool operator==(const Digest&, const Digest&) noexcept = default;
    friend std::strong_ordering operator<=>(const Digest&, const Digest&) noexcept = default;

 private:
    explicit Digest(DigestAlgorithm algorithm) noexcept : algorithm_(algorithm) {}

    static constexpr int nibble(char c) noexcept {
        if (c >= '0' && c <= '9') return c - '0';
        if (c >= 'a' && c <= 'f') return c - 'a' + 10;
        return -1;
    }

    void write_hex(char* out) const noexcept {
        constexpr char digits[] = "0123456789abcdef";
        for (const std::uint8_t byte : hash()) {
            *out++ = digits[byte >> 4];
            *out++ = digits[byte & 15];
        }
    }

    DigestAlgorithm algorithm_;
    std::array<std::uint8_t, 64> hash_{};
};

}  // namespace pkgreg

/// The hash of a digest is its own first bytes.
template <>
struct std::hash<pkgreg::Digest> {
    std::size_t operator()(const pkgreg::Digest& digest) const noexcept {
        std::size_t value;
        std::memcpy(&value, digest.hash().data(), sizeof value);
        return value;
    }
};

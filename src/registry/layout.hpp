// Every key of the storage is made here, and nowhere else.
//
//   format                                              version of this layout, see format.hpp
//   blobs/<alg>/<hex:2>/<hex>+d<id>                     a blob: the object's bytes are the content
//   blobs/<alg>/<hex:2>/<hex>+s<size>-<id>              a blob: its content is the object
//   data/<id>;
//                                                       empty
//   blobs/<alg>/<hex:2>/<hex>+m<id>                     a blob: lines `<size> <id>`, one for each
//                                                       object data/<id> of its content
//   catalog/<name*>+<id>                                this repository holds, or held, a manifest
//   data/<id>                                           a segment of a blob
//   packages/<name*>/<version*>+<id>                    a DC/OS package: its record, see
//                                                       packages/record.hpp
//   repositories/<name>/_blobs/<alg>/<hex:2>/<hex>+<id> link: the repository serves this blob
//   repositories/<name>/_manifests/<alg>/<hex:2>/<hex>+<id>
//                                                       media type, line feed, the manifest's bytes
//   repositories/<name>/_referrers/<alg>/<hex>/<alg>-<hex>+<id>
//                                                       subject, then referrer: its descriptor
//                                                       (JSON)
//   repositories/<name>/_tags/<tag>                     the digest, line feed
//   repositories/<name>/_tags/<tag>+<order>-sha256-<hex>-<id>
//   repositories/<name>/_tags/<tag>+<order>-<id>        the same, of a tag in a store with several
//                                                       writers: the greatest `<order>` counts, a
//                                                       number of 16 hexadecimal digits
//   uploads/<uuid>/<offset>-<time>-<id>                 where an upload stood, see
//   upload_states.hpp
//
// `<alg>` is sha256 or sha512; `<id>` is random (base/random_id.hpp). Every key but that of a tag
// in a store with one writer has such an id and is written once: a second copy gets another id, a
// remover names exactly what it judged, so a removal that is late cannot hit what was written after
// it was decided on. A reader lists the prefix that ends in `+` and takes any key. `<hex:2>`, the
// first two digits, keeps each folder of a large repository short enough to be read whole when it
// is not in memory.
//
// `d` before a blob's id says that the object is the content itself. In a store without late naming
// the content is written before its digest is known, into segments of their own, and the blob is a
// record that names them: in the record's key where there is one (`s`, the usual case, so that a
// pull need not read the record), else in its content (`m`). Sizes are hexadecimal.
//
// `<name*>`: a name in an encoding that keeps the byte order of names: `-` `.` `/` become `,` `-`
// `.`, and `+` sorts before all of them. A name is one component, but for a long one, which would
// leave no room for the id: it is cut by `/=` after every 200 bytes. A package's name and version
// are written likewise, so a version may begin with `.`, which a component cannot.
//
// A component of a repository's name cannot begin with `_`, and `+` is in no name, tag or digest:
// so no key is a path prefix of another.
#pragma once

#include "pkgreg/dcos/coordinate.hpp"
#include "pkgreg/digest.hpp"
#include "pkgreg/names.hpp"
#include "pkgreg/object_key.hpp"

#include "base/random_id.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace pkgreg::layout {

inline ObjectKey format_key() {
    return ObjectKey("format");
}

/// `prefix` + a new id: the key of a new copy of what the prefix names.
inline ObjectKey new_key(std::string prefix) {
    return ObjectKey(std::move(prefix) + random_id());
}

/// `key` + `<alg>/<hex:2>/<hex>+`.
inline std::string digest_prefix(std::string key, const Digest& digest) {
    key.append(to_string(digest.algorithm())).push_back('/');
    const std::size_t hex = key.size();
    digest.append_hex_to(key);
    const char shard[] = {key[hex], key[hex + 1], '/'};
    key.insert(hex, shard, sizeof shard);
    key.push_back('+');
    return key;
}

// Blobs.

/// Prefix of all copies of a blob.
inline std::string blob_prefix(const Digest& digest) {
    std::string key;
    key.reserve(160);
    key.append("blobs/");
    return digest_prefix(std::move(key), digest);
}

inline constexpr std::string_view blobs_root = "blobs/";

/// An object that holds a part of a blob, or all of it.
struct Segment {
    std::string id;
    std::uint64_t size = 0;

    friend bool operator==(const Segment&, const Segment&) = default;
};

inline constexpr std::string_view data_root = "data/";

inline ObjectKey data_key(std::string_view id) {
    return ObjectKey(std::string(data_root).append(id));
}

inline std::string to_hex(std::uint64_t number) {
    char text[16];
    const auto end = std::to_chars(text, text + sizeof text, number, 16);
    return std::string(text, end.ptr);
}
inline std::optional<std::uint64_t> parse_hex(std::string_view text) {
    std::uint64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number, 16);
    if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
    return number;
}

/// How a blob's content is kept, as its key says.
enum class BlobForm : std::uint8_t { content, segment, segments };

/// A key of a blob, taken apart.
struct BlobKey {
    BlobForm form;
    /// Of `BlobForm::segment`.
    Segment segment = {};
};

inline ObjectKey new_content_key(const Digest& digest) {
    return new_key(blob_prefix(digest) + 'd');
}
inline ObjectKey new_segments_key(const Digest& digest) {
    return new_key(blob_prefix(digest) + 'm');
}
inline ObjectKey segment_key(const Digest& digest, const Segment& segment) {
    return ObjectKey(blob_prefix(digest)
                         .append("s")
                         .append(to_hex(segment.size))
                         .append("-")
                         .append(segment.id));
}

/// Nothing for a form that this version does not know.
inline std::optional<BlobKey> parse_blob_key(std::string_view key) {
    key.remove_prefix(std::min(key.size(), key.rfind('+') + 1));
    if (key.starts_with('d')) return BlobKey{BlobForm::content};
    if (key.starts_with('m')) return BlobKey{BlobForm::segments};
    if (!key.starts_with('s')) return std::nullopt;
    const std::size_t dash = std::min(key.find('-'), key.size());
    const auto size = parse_hex(key.substr(1, dash - 1));
    if (!size || dash + 1 >= key.size()) return std::nullopt;
    return BlobKey{BlobForm::segment, {std::string(key.substr(dash + 1)), *size}};
}

/// The digest of the blob that a key is of, or nothing.
inline std::optional<Digest> blob_digest(std::string_view key) {
    const std::size_t plus = key.rfind('+');
    if (!key.starts_with(blobs_root) || plus == std::string_view::npos) return std::nullopt;
    std::string_view name = key.substr(blobs_root.size(), plus - blobs_root.size());
    const std::size_t algorithm = name.find('/');
    const std::size_t hex = name.rfind('/');
    if (hex == std::string_view::npos) return std::nullopt;
    return Digest::try_parse(
        std::string(name.substr(0, algorithm)).append(":").append(name.substr(hex + 1)));
}

// Uploads.

inline constexpr std::string_view uploads_root = "uploads/";

/// All states of one upload.
inline std::string upload_root(std::string_view uuid) {
    return std::string(uploads_root).append(uuid).append("/");
}

// Catalog.

constexpr char encode_name_char(char c) noexcept {
    return c == '-' ? ',' : c == '.' ? '-' : c == '/' ? '.' : c;
}
constexpr char decode_name_char(char c) noexcept {
    return c == ',' ? '-' : c == '-' ? '.' : c == '.' ? '/' : c;
}

inline constexpr std::string_view catalog_root = "catalog/";

/// What ends a component of a long name and begins the next one, and after how many bytes.
inline constexpr std::string_view catalog_cut = "/=";
inline constexpr std::size_t catalog_component = 200;

inline void append_encoded(std::string& key, std::string_view name) {
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (i > 0 && i % catalog_component == 0) key.append(catalog_cut);
        key.push_back(encode_name_char(name[i]));
    }
}

/// Prefix of all entries of one name; any text is encoded, a name or not, since `last` of a listing
/// may be anything.
inline std::string catalog_prefix(std::string_view name) {
    std::string key(catalog_root);
    append_encoded(key, name);
    key.push_back('+');
    return key;
}
/// A key behind all entries of that name and before those of the next one.
inline std::string catalog_end(std::string_view name) {
    return catalog_prefix(name) + '~';
}

/// The name that a catalog key stands for.
inline std::string catalog_name(std::string_view key) {
    key.remove_prefix(catalog_root.size());
    key = key.substr(0, key.rfind('+'));
    std::string name;
    for (std::size_t i = 0; i < key.size(); ++i) {
        if (key.substr(i, catalog_cut.size()) == catalog_cut) i += catalog_cut.size();
        name.push_back(decode_name_char(key[i]));
    }
    return name;
}

// Packages.

inline constexpr std::string_view packages_root = "packages/";

/// Prefix of all versions of a package (and, where its name is cut just there, of longer names).
inline std::string package_versions_root(const PackageName& name) {
    std::string key(packages_root);
    append_encoded(key, name.str());
    key.push_back('/');
    return key;
}
/// Prefix of all records of one package version.
inline std::string package_prefix(const PackageCoordinate& coordinate) {
    std::string key = package_versions_root(coordinate.name());
    append_encoded(key, coordinate.version().str());
    key.push_back('+');
    return key;
}

// Repositories.

inline std::string repository_root(const RepositoryName& name, std::string_view marker,
                                   std::size_t room = 160) {
    std::string key;
    key.reserve(14 + name.str().size() + marker.size() + room);
    key.append("repositories/").append(name.str()).append(marker);
    return key;
}

inline std::string links_root(const RepositoryName& name) {
    return repository_root(name, "/_blobs/");
}
inline std::string link_prefix(const RepositoryName& name, const Digest& digest) {
    return digest_prefix(links_root(name), digest);
}

inline std::string manifests_root(const RepositoryName& name) {
    return repository_root(name, "/_manifests/");
}
inline std::string manifest_prefix(const RepositoryName& name, const Digest& digest) {
    return digest_prefix(manifests_root(name), digest);
}

/// Whether the key of a manifest belongs to that repository.
inline bool is_manifest_key_of(std::string_view key, const RepositoryName& name) noexcept {
    constexpr std::string_view head = "repositories/";
    if (!key.starts_with(head)) return false;
    key.remove_prefix(head.size());
    if (!key.starts_with(name.view())) return false;
    return key.substr(name.view().size()).starts_with("/_manifests/");
}

inline std::string tags_root(const RepositoryName& name) {
    return repository_root(name, "/_tags/", Tag::max_length);
}
inline ObjectKey tag_key(const RepositoryName& name, const Tag& tag) {
    return ObjectKey(tags_root(name).append(tag.str()));
}
/// @param order greater than that of every object of the tag that was there
inline ObjectKey new_tag_key(const RepositoryName& name, const Tag& tag, std::uint64_t order,
                             const Digest& digest) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string key = tags_root(name).append(tag.str()).append("+");
    for (int shift = 60; shift >= 0; shift -= 4) key.push_back(digits[(order >> shift) & 15]);
    key.push_back('-');
    // One of sha512 would make a component too long for a directory.
    if (digest.algorithm() == DigestAlgorithm::sha256) {
        key.append("sha256-");
        digest.append_hex_to(key);
        key.push_back('-');
    }
    return new_key(std::move(key));
}
/// The tag in what stands behind `tags_root`.
inline std::string_view tag_of_key(std::string_view component) noexcept {
    return component.substr(0, component.find('+'));
}
/// A text behind all objects of the tag `last`, in front of those of the next one.
inline std::string tag_end(std::string root, std::string_view last) {
    return root.append(last).append("+~");
}
/// Zero for a key without one.
inline std::uint64_t order_of_tag_key(std::string_view key) noexcept {
    std::uint64_t order = 0;
    const std::size_t plus = key.rfind('+');
    if (plus == std::string_view::npos) return order;
    std::from_chars(key.data() + plus + 1, key.data() + key.size(), order, 16);
    return order;
}
/// The digest in a tag's key, where it has one.
inline std::optional<Digest> digest_of_tag_key(std::string_view key) {
    constexpr std::size_t hex_digits = 64;
    constexpr std::string_view algorithm = "-sha256-";
    const std::size_t plus = key.rfind('+');
    if (plus == std::string_view::npos) return std::nullopt;
    const std::size_t at = key.find(algorithm, plus);
    if (at == std::string_view::npos) return std::nullopt;
    return Digest::try_parse_hex(DigestAlgorithm::sha256,
                                 key.substr(at + algorithm.size(), hex_digits));
}

inline std::string all_referrers_root(const RepositoryName& name) {
    return repository_root(name, "/_referrers/");
}
inline std::string referrers_root(const RepositoryName& name, const Digest& subject) {
    std::string key = repository_root(name, "/_referrers/", 320);
    key.append(to_string(subject.algorithm())).push_back('/');
    subject.append_hex_to(key);
    key.push_back('/');
    return key;
}
/// `sha256-<hex>`: a digest as (part of) a key's component.
inline std::string digest_component(const Digest& digest) {
    std::string text(to_string(digest.algorithm()));
    text.push_back('-');
    digest.append_hex_to(text);
    return text;
}
inline std::string referrer_prefix(const RepositoryName& name, const Digest& subject,
                                   const Digest& referrer) {
    return referrers_root(name, subject).append(digest_component(referrer)).append("+");
}

/// The digest in a key `…/<alg>/<hex:2>/<hex>+<id>`, or nothing.
inline std::optional<Digest> digest_of_key(std::string_view key) {
    constexpr std::size_t shard = 3;  // with its slash
    const std::size_t plus = key.rfind('+');
    if (plus == std::string_view::npos) return std::nullopt;
    const std::size_t hex = key.rfind('/', plus) + 1;
    if (hex < shard + 2) return std::nullopt;
    const std::size_t alg = key.rfind('/', hex - shard - 2) + 1;
    const auto algorithm = parse_digest_algorithm(key.substr(alg, hex - shard - 1 - alg));
    if (!algorithm) return std::nullopt;
    return Digest::try_parse_hex(*algorithm, key.substr(hex, plus - hex));
}

/// The referrer in a key of a referrer entry, or nothing.
inline std::optional<Digest> referrer_of_key(std::string_view key) {
    const std::size_t plus = key.rfind('+');
    if (plus == std::string_view::npos) return std::nullopt;
    std::string_view component = key.substr(0, plus);
    component.remove_prefix(component.rfind('/') + 1);
    const std::size_t dash = component.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const auto algorithm = parse_digest_algorithm(component.substr(0, dash));
    if (!algorithm) return std::nullopt;
    return Digest::try_parse_hex(*algorithm, component.substr(dash + 1));
}

}  // namespace pkgreg::layout

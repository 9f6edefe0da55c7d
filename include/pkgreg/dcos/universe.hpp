// The Universe repository document, `GET /repo`: what a package manager asks for, which packages
// its cluster is told of and in which form, and the documents kept ready for it.
#pragma once

#include "pkgreg/dcos/metadata.hpp"
#include "pkgreg/dcos/release_version.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg {

/// Forms of a repository document, by the `version` parameter of its media type.
enum class RepositoryFormat : std::uint8_t { v3 = 3, v4 = 4, v5 = 5 };

/// `application/vnd.dcos.universe.repo+json;charset=utf-8;version=v5`. The package manager refuses
/// a repository whose `Content-Type` is not one of these.
std::string_view content_type(RepositoryFormat format) noexcept;

/// The highest format that an `Accept` header takes; nothing when it takes none (406). An empty
/// header, `*/*`, `application/*` and `application/json` take all. Weights other than 0 do not
/// matter: the highest format counts, not the preferred one.
std::optional<RepositoryFormat> highest_accepted(std::string_view accept) noexcept;

/// The highest format that clusters of a release can read: v3 up to 1.9, v4 up to 1.11, then v5.
RepositoryFormat highest_readable(const ReleaseVersion& release);

/// The release that is assumed of a client that does not say: the last of them, DC/OS 2.2, and the
/// last of its patches.
ReleaseVersion newest_release();

/// What a repository document is made for.
struct RepositoryForm {
    RepositoryFormat format = RepositoryFormat::v5;
    ReleaseVersion release = newest_release();
};

/// Reads `Accept` and `User-Agent` (empty where a request has none). Nothing when no format suits.
std::optional<RepositoryForm> negotiate_repository(std::string_view accept,
                                                   std::string_view user_agent);

/// How a document's bytes are coded on the wire (RFC 9110, 8.4; RFC 8878).
enum class ContentCoding : std::uint8_t { identity, gzip, zstd };

/// The value of `Content-Encoding`, `identity` for none.
std::string_view to_string(ContentCoding coding) noexcept;

/// The best of the codings that an `Accept-Encoding` header takes. Of equal weights zstd comes
/// before gzip, and gzip before identity.
ContentCoding choose_coding(std::string_view accept_encoding) noexcept;

/// Where a client reaches the registry; goes into every reference to something the registry holds.
struct RegistryAddress {
    /// In front of a resource's path: `https://registry.example.com:443`.
    std::string resource_base = {};
    /// In front of an image's repository: `registry.example.com:443`.
    std::string image_host = {};
};

/// The new value of an asset that the registry holds: an address, then `rest`.
struct ServedAsset {
    enum class Base : std::uint8_t { resource_base, image_host };
    Base base;
    /// `/resource/<coordinate>/sha256:<hex>/<file>` or `/<repository>@sha256:<hex>`.
    std::string rest;
};

/// One package version, prepared to be part of any repository document: its text and the places in
/// it that differ from one form and address to the next. Immutable; a copy shares the text.
///
/// The text is that of the metadata without the white space between its tokens; numbers, order and
/// escapes are those of the author.
class UniversePackage {
 public:
    /// Says which assets the registry serves itself; nothing leaves an asset as it is.
    using Locator = std::function<std::optional<ServedAsset>(const Asset&)>;

    UniversePackage(const PackageMetadata& metadata, std::uint64_t release_version,
                    std::optional<bool> selected, const Locator& locator);

    /// Takes a package from its record, which lies inside `*owner` and is used without a copy.
    /// Nothing is parsed, so a whole Universe is there in the time that it takes to read it. Throws
    /// `incompatible` for a record of another version of this library, and `corrupt` for what is
    /// none.
    UniversePackage(std::shared_ptr<const void> owner, std::string_view record);

    /// All of the package in one text, to be stored. Valid as long as this package or a copy.
    std::string_view record() const noexcept;

    const PackageCoordinate& coordinate() const noexcept;
    std::uint64_t release_version() const noexcept;
    const ReleaseVersion& min_release() const noexcept;
    /// The metadata as it was, but for white space: assets have their original values.
    std::string_view metadata() const noexcept;

    struct State;
    /// For the library's own sources.
    const State& state() const noexcept { return *state_; }

 private:
    std::shared_ptr<const State> state_;
};

/// The text of a repository document. It is put together while it is read: every document shares
/// the text of its packages, so one more host or release costs no memory worth mentioning.
/// Immutable; a copy is cheap, and keeps what it refers to.
class RepositoryText {
 public:
    /// Length in bytes.
    std::uint64_t size() const noexcept;

    /// Gives the text in pieces from front to back. One thread uses it at a time.
    class Reader {
     public:
        explicit Reader(RepositoryText text);
        ~Reader();
        Reader(Reader&&) noexcept;
        Reader& operator=(Reader&&) noexcept;
        /// The next piece, never empty before the end. Valid while the reader lives.
        std::string_view next();

     private:
        struct Position;
        std::unique_ptr<Position> position_;
    };

    /// The whole text in one string.
    std::string str() const;

    struct State;
    /// For the library's own sources.
    explicit RepositoryText(std::shared_ptr<const State> state) noexcept;
    const State& state() const noexcept { return *state_; }

 private:
    std::shared_ptr<const State> state_;
};

/// A repository document as it goes to a client.
struct RepositoryDocument {
    RepositoryText text;
    /// `W/"…"`: names the document's content. It is the same on every instance and for every
    /// coding, because a stronger compression of the same content may follow.
    std::string etag;
    std::string_view content_type;
    ContentCoding coding = ContentCoding::identity;
    /// The coded bytes; null for identity, where `text` is read.
    std::shared_ptr<const std::string> bytes;
    /// Value of `Content-Length`.
    std::uint64_t size = 0;
};

/// Says of a package's name whether somebody may see it.
using PackageFilter = std::function<bool(const PackageName&)>;

/// Makes and keeps the documents of one set of packages.
///
/// May be used from any thread. What it holds is bounded: package text, compressed parts and
/// documents together stay within the limit, whatever hosts and releases are asked for; only where
/// the packages' text alone takes more than three quarters of the limit, the rest may still take
/// one quarter. What was used least recently goes first.
class UniverseDocuments {
 public:
    static constexpr std::size_t default_limit = std::size_t{64} << 20;

    /// Runs a job later, on another thread.
    using Background = std::function<void(std::function<void()>)>;

    /// @param background runs jobs that take seconds: the strongest compression of a document.
    /// Where
    ///                   it is empty, documents stay as they were first compressed.
    explicit UniverseDocuments(std::size_t limit = default_limit, Background background = {});
    ~UniverseDocuments();
    UniverseDocuments(const UniverseDocuments&) = delete;
    UniverseDocuments& operator=(const UniverseDocuments&) = delete;

    /// Replaces the set of packages. What was prepared for those that are in both sets is kept, so
    /// hand in the same objects again. At most one of each name and version.
    void set_packages(std::vector<UniversePackage> packages);

    /// What is asked for.
    struct Request {
        RepositoryForm form = {};
        RegistryAddress address = {};
        ContentCoding coding = ContentCoding::identity;
        /// Only the versions of this package (`/package/<name>`).
        std::optional<PackageName> name = {};
        /// Which packages the document may show; empty: all. Asked for each name, on the caller's
        /// thread or a pool's; requests that are shown the same packages share a document.
        PackageFilter visible = {};
    };

    /// The document, made where it is not there yet; compressing a large one takes a while. Throws
    /// `not_found` for a package name that the set does not have, or that is not visible.
    RepositoryDocument get(const Request& request);

    /// As `get`, but gives nothing rather than compress: for threads that must not block.
    std::optional<RepositoryDocument> try_get(const Request& request);

    /// How many bytes are held now.
    std::size_t held() const;

 private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace pkgreg

// Push: end-4 to end-7 and end-11.

#include "pkgreg/hasher.hpp"

#include "protocol/oci/handler.hpp"
#include "protocol/oci/locations.hpp"
#include "protocol/requests.hpp"
#include "protocol/responses.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace pkgreg::oci {
namespace {

/// More tags than this in one request are refused; the specification asks for at least 10.
constexpr std::size_t max_tags = 100;

/// The chunk that a `Content-Range` announces: `<first>-<last>`, both included.
struct Chunk {
    std::uint64_t first = 0;
    std::uint64_t length = 0;
};

/// Reads `Content-Range` of a chunk (specification, "Pushing a blob in chunks"). RFC 9110's form
/// with a unit in front and a length behind is understood as well, since some clients send it.
std::optional<Chunk> chunk_of(const HttpRequest& request) {
    const auto field = request.header("Content-Range");
    if (!field) return std::nullopt;
    std::string_view text = *field;
    for (const std::string_view unit : {"bytes ", "bytes="}) {
        if (text.starts_with(unit)) text.remove_prefix(unit.size());
    }
    text = text.substr(0, text.find('/'));
    const char* const end = text.data() + text.size();
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    const auto a = std::from_chars(text.data(), end, first);
    const bool dash = a.ec == std::errc() && a.ptr != end && *a.ptr == '-';
    const auto b = dash ? std::from_chars(a.ptr + 1, end, last) : a;
    if (!dash || b.ec != std::errc() || b.ptr != end || last < first ||
        last - first == UINT64_MAX) {
        throw Error(ErrorCode::blob_upload_invalid,
                    "Content-Range '" + std::string(*field) +
                        "' cannot be read; a chunk's range is written <first>-<last>");
    }
    const Chunk chunk{first, last - first + 1};
    const auto length = request.body ? request.body->length() : std::uint64_t{0};
    if (length && *length != chunk.length) {
        throw Error(ErrorCode::size_invalid,
                    "Content-Range announces " + std::to_string(chunk.length) +
                        " bytes, Content-Length " + std::to_string(*length));
    }
    return chunk;
}

std::optional<std::uint64_t> offset_of(const std::optional<Chunk>& chunk) {
    return chunk ? std::optional(chunk->first) : std::nullopt;
}

/// A body without a length of its own that must bring exactly what `Content-Range` announced.
class ChunkBody final : public BodySource {
 public:
    ChunkBody(BodySource& body, std::uint64_t length) noexcept : body_(body), left_(length) {}

    std::optional<std::uint64_t> length() const noexcept override { return left_; }
    bool ready() override { return body_.ready(); }
    awaitable<void> wait() override { return body_.wait(); }
    awaitable<std::size_t> read(std::span<std::byte> into) override {
        const std::size_t n = co_await body_.read(into);
        if (n > left_ || (n == 0 && left_ > 0 && !into.empty())) {
            throw Error(ErrorCode::size_invalid,
                        "the chunk does not have the length that Content-Range announced");
        }
        left_ -= n;
        co_return n;
    }

 private:
    BodySource& body_;
    std::uint64_t left_;
};

DigestAlgorithm algorithm_of(const Target& target) {
    const auto name = target.query("digest-algorithm");
    if (!name) return DigestAlgorithm::sha256;
    if (const auto algorithm = parse_digest_algorithm(*name)) return *algorithm;
    throw Error(ErrorCode::digest_invalid, "digest-algorithm '" + std::string(*name) +
                                               "' is not supported; use sha256 or sha512");
}

bool has_body(const HttpRequest& request) {
    return request.body && request.body->length() != std::uint64_t{0};
}

}  // namespace

awaitable<HttpResponse> Handler::begin_upload(const HttpRequest& request, const Target& target,
                                              const RepositoryName& name,
                                              const access::Rights& rights) {
    if (const auto mount = target.query("mount")) {
        const auto digest = Digest::parse(*mount);
        std::optional<RepositoryName> from;
        if (const auto text = target.query("from")) from = RepositoryName::parse(*text);
        // Whom `from` is closed to is answered as if it had no such blob.
        const bool open =
            from ? rights.may(access::Action::pull, access::ResourceKind::repository, from->view())
                 : options_.mount_from_anywhere && !rights.limited();
        if (open) {
            const auto blob = co_await registry_.mount_blob(name, digest, from);
            if (blob) co_return blob_created(name, digest);
        }
    }
    const DigestAlgorithm algorithm = algorithm_of(target);
    if (const auto text = target.query("digest")) {
        const auto digest = Digest::parse(*text);
        // Without a body the client asks for an upload, unless the empty blob is what it means.
        MemoryBody nothing("");
        const bool empty = digest == Hasher::hash(digest.algorithm(), "");
        if (has_body(request) || empty) {
            BodySource& body = request.body ? *request.body : nothing;
            co_await registry_.put_blob(name, digest, body);
            co_return blob_created(name, digest);
        }
    }
    const UploadStatus status = co_await registry_.begin_upload(name, algorithm);
    HttpResponse response(202);
    add_upload_status(response, name, status);
    co_return response;
}

awaitable<HttpResponse> Handler::out_of_order(const RepositoryName& name, const UploadId& id,
                                              const Error& error) {
    HttpResponse response = error_response(error);
    const UploadStatus status = co_await registry_.upload_status(name, id);
    add_upload_status(response, name, status);
    co_return response;
}

awaitable<HttpResponse> Handler::append_upload(const HttpRequest& request,
                                               const RepositoryName& name, const UploadId& id) {
    const auto chunk = chunk_of(request);
    MemoryBody nothing("");
    BodySource& source = request.body ? *request.body : nothing;
    ChunkBody exact(source, chunk ? chunk->length : 0);
    BodySource& body = chunk ? static_cast<BodySource&>(exact) : source;
    std::optional<Error> refused;
    try {
        const UploadStatus status =
            co_await registry_.append_upload(name, id, offset_of(chunk), body);
        HttpResponse response(202);
        add_upload_status(response, name, status);
        co_return response;
    } catch (const Error& error) {
        if (error.code() != ErrorCode::range_invalid) throw;
        refused = error;
    }
    co_return co_await out_of_order(name, id, *refused);
}

awaitable<HttpResponse> Handler::finish_upload(const HttpRequest& request, const Target& target,
                                               const RepositoryName& name, const UploadId& id) {
    const auto text = target.query("digest");
    if (!text) {
        throw Error(ErrorCode::digest_invalid,
                    "the closing PUT needs the parameter 'digest' with the blob's digest");
    }
    const auto digest = Digest::parse(*text);
    const auto chunk = chunk_of(request);
    std::optional<ChunkBody> exact;
    BodySource* body = request.body;
    if (body && chunk) body = &exact.emplace(*body, chunk->length);
    std::optional<Error> refused;
    try {
        co_await registry_.commit_upload(name, id, digest, offset_of(chunk), body);
        co_return blob_created(name, digest);
    } catch (const Error& error) {
        if (error.code() != ErrorCode::range_invalid) throw;
        refused = error;
    }
    co_return co_await out_of_order(name, id, *refused);
}

awaitable<HttpResponse> Handler::put_manifest(const HttpRequest& request, const Target& target,
                                              const RepositoryName& name,
                                              const Reference& reference) {
    std::vector<Tag> tags;
    for (const std::string_view text : target.queries("tag")) tags.push_back(Tag::parse(text));
    if (tags.size() > max_tags) {
        const Error error(ErrorCode::too_large,
                          "more than " + std::to_string(max_tags) +
                              " tags in one request; push the rest in another one");
        HttpResponse response(414);  // the status that the specification gives for this
        response.header("Content-Type", media_types::json)
            .set_body(std::move(error_response(error).body()));
        co_return response;
    }
    std::optional<MediaType> type;
    if (const auto field = request.header("Content-Type")) {
        type = MediaType::try_parse(*field);
        if (!type) {
            throw Error(ErrorCode::manifest_invalid,
                        "Content-Type '" + std::string(*field) + "' is not a media type");
        }
    }
    MemoryBody nothing("");
    BodySource& body = request.body ? *request.body : nothing;
    const std::string bytes =
        co_await read_all(body, registry_.options().max_manifest_size, "manifest");
    const PutManifestResult result =
        co_await registry_.put_manifest(name, reference, type, bytes, tags);
    HttpResponse response(201);
    response.header("Location", manifest_path(name, result.digest))
        .header("Docker-Content-Digest", result.digest.to_string());
    if (result.subject) response.header("OCI-Subject", result.subject->to_string());
    for (const Tag& tag : tags) response.header("OCI-Tag", tag.view());
    co_return response;
}

}  // namespace pkgreg::oci

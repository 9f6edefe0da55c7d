// Pull: end-2 and end-3, with conditions and ranges.

#include "protocol/oci/handler.hpp"
#include "protocol/responses.hpp"

#include <utility>

namespace pkgreg::oci {
namespace {

/// Content that is named by its digest never changes.
constexpr std::string_view cache_forever = "public, max-age=31536000, immutable";
/// What not everybody may pull must not come out of a cache that several share.
constexpr std::string_view cache_alone = "private, max-age=31536000, immutable";

void add_identity(HttpResponse& response, const std::string& digest, const std::string& etag) {
    response.header("Docker-Content-Digest", digest).header("ETag", etag);
}

HttpResponse not_modified(const std::string& digest, const std::string& etag) {
    HttpResponse response(304);
    add_identity(response, digest, etag);
    return response;
}

}  // namespace

/// Sends the client to the storage, where it is one of those and the storage has a URL to offer.
awaitable<std::optional<HttpResponse>> Handler::redirect_blob(const HttpRequest& request,
                                                              const RepositoryName& name,
                                                              const Digest& digest) {
    if (!redirected_.contains(request.client)) co_return std::nullopt;
    const auto url = co_await registry_.blob_url(name, digest, options_.redirect_lifetime);
    if (!url) co_return std::nullopt;
    HttpResponse response(307);
    response.header("Location", *url)
        .header("Docker-Content-Digest", digest.to_string())
        .header("Cache-Control", "no-store");
    co_return response;
}

awaitable<HttpResponse> Handler::get_blob(const HttpRequest& request, const RepositoryName& name,
                                          const Digest& digest, const access::Rights& rights) {
    const bool shared = !rights.limited() || rights.is_anonymous();
    const std::string_view caching = shared ? cache_forever : cache_alone;
    const std::string digest_text = digest.to_string();
    const std::string etag = '"' + digest_text + '"';
    const ContentRequest content(request, etag);
    if (request.method == HttpMethod::head || content.not_modified()) {
        const auto blob = co_await registry_.find_blob(name, digest);
        if (blob) {
            if (content.not_modified()) co_return not_modified(digest_text, etag);
            HttpResponse response =
                content_response(content, blob->size, ByteInterval{0, blob->size});
            add_identity(response, digest_text, etag);
            response.header("Content-Type", media_types::octet_stream)
                .header("Cache-Control", caching)
                .set_head_length(blob->size);
            co_return response;
        }
    } else {
        auto redirect = co_await redirect_blob(request, name, digest);
        if (redirect) co_return std::move(*redirect);
        auto reader = co_await registry_.open_blob(name, digest, content.range());
        if (reader) {
            HttpResponse response =
                content_response(content, reader->object_size(), reader->interval());
            if (response.status() == 416) co_return response;
            add_identity(response, digest_text, etag);
            response.header("Content-Type", media_types::octet_stream)
                .header("Cache-Control", caching)
                .set_body(ResponseBody(std::move(reader)));
            co_return response;
        }
    }
    throw Error(ErrorCode::blob_unknown,
                "repository '" + name.str() + "' has no blob " + digest_text,
                "{\"digest\":\"" + digest_text + "\"}");
}

awaitable<HttpResponse> Handler::get_manifest(const HttpRequest& request,
                                              const RepositoryName& name,
                                              const Reference& reference) {
    const auto manifest = co_await registry_.find_manifest(name, reference);
    if (!manifest) {
        const auto* tag = std::get_if<Tag>(&reference);
        throw Error(ErrorCode::manifest_unknown,
                    "repository '" + name.str() + "' has no " +
                        (tag ? "tag '" + tag->str() + "'"
                             : "manifest " + std::get<Digest>(reference).to_string()));
    }
    const std::string digest = manifest->digest.to_string();
    const std::string etag = '"' + digest + '"';
    const ContentRequest content(request, etag);
    if (content.not_modified()) co_return not_modified(digest, etag);
    const auto selected = content.range().resolve(manifest->bytes.size());
    HttpResponse response = content_response(content, manifest->bytes.size(), selected);
    if (response.status() == 416) co_return response;
    add_identity(response, digest, etag);
    response.header("Content-Type", manifest->media_type.view())
        .set_body(ResponseBody(manifest->owner,
                               manifest->bytes.substr(selected->offset, selected->length)));
    co_return response;
}

}  // namespace pkgreg::oci

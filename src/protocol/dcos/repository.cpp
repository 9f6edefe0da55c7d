// What a cluster reads: the repository document, resources, and what is healthy.

#include "protocol/dcos/handler.hpp"
#include "protocol/requests.hpp"
#include "protocol/responses.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace pkgreg::dcos {
namespace {

/// A repository's text as a body: it is put together while it is sent.
class TextReader final : public ObjectReader {
 public:
    explicit TextReader(const RepositoryText& text)
        : size_(text.size()), text_(text), left_(text.size()) {}

    std::uint64_t object_size() const noexcept override { return size_; }
    std::optional<ByteInterval> interval() const noexcept override {
        return ByteInterval{0, size_};
    }
    awaitable<std::size_t> read(std::span<std::byte> into) override {
        std::size_t filled = 0;
        while (filled < into.size() && left_ != 0) {
            if (piece_.empty()) piece_ = text_.next();
            const std::size_t n = std::min(into.size() - filled, piece_.size());
            std::memcpy(into.data() + filled, piece_.data(), n);
            piece_.remove_prefix(n);
            filled += n;
            left_ -= n;
        }
        co_return filled;
    }

 private:
    std::uint64_t size_;
    RepositoryText::Reader text_;
    std::string_view piece_;
    std::uint64_t left_;
};

/// Whether a cache that several share may hold the answer: what not everybody may see must not come
/// out of it.
bool is_shared(const access::Rights& rights) noexcept {
    return !rights.limited() || rights.is_anonymous();
}

HttpResponse not_acceptable() {
    HttpResponse response(406);
    const Error error(ErrorCode::unsupported,
                      "the Accept header takes none of the repository's forms, " +
                          std::string(content_type(RepositoryFormat::v3)) + " to version=v5");
    response.header("Content-Type", "application/json")
        .set_body(std::move(error_response(error).body()));
    return response;
}

/// The package manager passes a resource on only where it has a type.
std::string_view type_of_file(std::string_view file) noexcept {
    constexpr std::pair<std::string_view, std::string_view> types[] = {
        {".png", "image/png"},       {".jpg", "image/jpeg"},
        {".jpeg", "image/jpeg"},     {".gif", "image/gif"},
        {".svg", "image/svg+xml"},   {".json", "application/json"},
        {".gz", "application/gzip"}, {".tgz", "application/gzip"},
        {".zip", "application/zip"}, {".jar", "application/java-archive"},
        {".txt", "text/plain"},
    };
    for (const auto& [suffix, type] : types) {
        if (file.ends_with(suffix)) return type;
    }
    return "application/octet-stream";
}

}  // namespace

awaitable<HttpResponse> Handler::get_root(const access::Rights& rights) {
    const std::size_t count = co_await packages_.count();
    // How many there are is told to those who may see all of them.
    const bool all = rights.may_everywhere(access::Action::pull, access::ResourceKind::package);
    const std::string found = all ? std::to_string(count) + " package(s)" : "packages";
    co_return json_response(
        200,
        "{\"checks\":{\"/repo\":{\"Healthy\":{\"message\":\"Able to find " + found + ".\"}}}}\n");
}

awaitable<HttpResponse> Handler::get_repository(const HttpRequest& request,
                                                std::optional<PackageName> name,
                                                const access::Rights& rights) {
    const auto form = negotiate_repository(request.header("Accept").value_or(""),
                                           request.header("User-Agent").value_or(""));
    if (!form) co_return not_acceptable();
    UniverseDocuments::Request wanted;
    wanted.form = *form;
    wanted.address = address_.of(request);
    wanted.coding = choose_coding(request.header("Accept-Encoding").value_or(""));
    wanted.name = std::move(name);
    if (!rights.may_everywhere(access::Action::pull, access::ResourceKind::package)) {
        wanted.visible = [&rights](const PackageName& package) {
            return rights.may(access::Action::pull, access::ResourceKind::package, package.str());
        };
    }
    const RepositoryDocument document = co_await packages_.document(wanted);
    const auto condition = request.header("If-None-Match");
    const std::string_view strong = std::string_view(document.etag).substr(2);  // without W/
    HttpResponse response(condition && matches_etag(*condition, strong) ? 304 : 200);
    response.header("ETag", document.etag)
        .header("Cache-Control", is_shared(rights) ? "no-cache" : "private, no-cache")
        .header("Vary", rights.limited() ? "Accept, Accept-Encoding, Authorization, User-Agent"
                                         : "Accept, Accept-Encoding, User-Agent");
    if (response.status() == 304) co_return response;
    response.header("Content-Type", document.content_type);
    if (document.bytes) {
        response.header("Content-Encoding", to_string(document.coding))
            .set_body(ResponseBody(document.bytes, *document.bytes));
    } else {
        response.set_body(ResponseBody(std::make_unique<TextReader>(document.text)));
    }
    co_return response;
}

awaitable<HttpResponse> Handler::get_resource(const HttpRequest& request, const Route& route,
                                              const access::Rights& rights) {
    const auto coordinate = PackageCoordinate::decode(route.package);
    const auto digest = Digest::parse(route.item);
    const std::string etag = '"' + digest.to_string() + '"';
    const ContentRequest content(request, etag);
    auto reader = co_await packages_.open_resource(coordinate, digest, route.file, content.range());
    if (!reader) {
        throw Error(ErrorCode::not_found, "package " + coordinate.name().str() + " " +
                                              coordinate.version().str() + " has no file '" +
                                              std::string(route.file.substr(0, 260)) + "' of " +
                                              digest.to_string());
    }
    if (content.not_modified()) {
        HttpResponse response(304);
        response.header("ETag", etag);
        co_return response;
    }
    HttpResponse response = content_response(content, reader->object_size(), reader->interval());
    if (response.status() == 416) co_return response;
    response.header("ETag", etag)
        .header("Content-Type", type_of_file(route.file))
        .header("Cache-Control", is_shared(rights) ? "public, max-age=31536000, immutable"
                                                   : "private, max-age=31536000, immutable")
        .header("X-Content-Type-Options", "nosniff")
        .set_body(ResponseBody(std::move(reader)));
    co_return response;
}

}  // namespace pkgreg::dcos

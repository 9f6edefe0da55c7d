// Copies between registries: what comes over is the image as a whole, whatever stands in between.
#include "pkgreg/blocking.hpp"
#include "pkgreg/error.hpp"
#include "pkgreg/hasher.hpp"
#include "pkgreg/memory_store.hpp"
#include "pkgreg/protocol.hpp"
#include "pkgreg/remote.hpp"
#include "pkgreg/server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace pkgreg {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::string oci_manifest = "application/vnd.oci.image.manifest.v1+json";
const std::string oci_index = "application/vnd.oci.image.index.v1+json";

std::string text_of(const Digest& digest) {
    return digest.to_string();
}

std::string descriptor(const std::string& type, const std::string& bytes,
                       const std::string& more = "") {
    return R"({"mediaType":")" + type + R"(","digest":")" +
           text_of(Hasher::hash(DigestAlgorithm::sha256, bytes)) + R"(","size":)" +
           std::to_string(bytes.size()) + more + "}";
}

/// A reader that breaks off.
class BrokenReader final : public ObjectReader {
 public:
    BrokenReader(ResponseBody whole, std::uint64_t left)
        : whole_(std::move(whole)), reader_(whole_.reader()), left_(left) {}
    std::uint64_t object_size() const noexcept override { return reader_->object_size(); }
    std::optional<ByteInterval> interval() const noexcept override { return reader_->interval(); }
    awaitable<std::size_t> read(std::span<std::byte> into) override {
        if (left_ == 0) throw Error(ErrorCode::io, "broken on purpose");
        const std::size_t n =
            co_await reader_->read(into.first(std::min<std::uint64_t>(into.size(), left_)));
        left_ -= n;
        co_return n;
    }

 private:
    ResponseBody whole_;
    ObjectReader* reader_;
    std::uint64_t left_;
};

/// Stands in front of a registry, notes what comes, and may answer itself.
class Front final : public HttpHandler {
 public:
    using Behave = std::function<std::optional<HttpResponse>(const HttpRequest&)>;

    explicit Front(std::shared_ptr<HttpHandler> behind) : behind_(std::move(behind)) {}

    awaitable<HttpResponse> handle(const HttpRequest& request) override {
        {
            const std::lock_guard lock(mutex_);
            static constexpr const char* names[] = {"GET",   "HEAD",   "POST",    "PUT",
                                                    "PATCH", "DELETE", "OPTIONS", "?"};
            log_.push_back(std::string(names[static_cast<int>(request.method)]) + " " +
                           std::string(request.target));
        }
        if (behave) {
            if (auto response = behave(request)) co_return *std::move(response);
        }
        HttpResponse response = co_await behind_->handle(request);
        if (change) change(request, response);
        co_return response;
    }

    std::vector<std::string> log() {
        const std::lock_guard lock(mutex_);
        return log_;
    }
    void forget() {
        const std::lock_guard lock(mutex_);
        log_.clear();
    }

    Behave behave = {};
    std::function<void(const HttpRequest&, HttpResponse&)> change = {};

 private:
    std::shared_ptr<HttpHandler> behind_;
    std::mutex mutex_;
    std::vector<std::string> log_;
};

/// A registry in memory behind a server.
struct Served {
    Served() {
        ServerOptions options;
        options.listen = {"127.0.0.1:0"};
        options.threads = 1;
        server = Server::start(front, options);
        host = server->urls().at(0).substr(7);
    }
    std::string reference(const std::string& rest) const { return "http://" + host + "/" + rest; }

    std::shared_ptr<Registry> registry = run_blocking(Registry::open(make_memory_store()));
    std::shared_ptr<Front> front = std::make_shared<Front>(make_protocol(registry));
    std::unique_ptr<Server> server;
    std::string host;
};

Digest put_blob(Registry& registry, const RepositoryName& name, const std::string& bytes) {
    MemoryBody body(bytes);
    return run_blocking(registry.put_blob(name, std::nullopt, body)).digest;
}

/// An image of a config and a layer; gives its manifest.
std::string put_image(Registry& registry, const RepositoryName& name, const Reference& reference,
                      const std::string& config, const std::string& layer) {
    put_blob(registry, name, config);
    put_blob(registry, name, layer);
    const std::string manifest =
        R"({"schemaVersion":2,"mediaType":")" + oci_manifest + R"(","config":)" +
        descriptor("application/vnd.oci.image.config.v1+json", config) + R"(,"layers":[)" +
        descriptor("application/vnd.oci.image.layer.v1.tar", layer) + "]}";
    run_blocking(registry.put_manifest(name, reference, std::nullopt, manifest));
    return manifest;
}

Digest digest_of(const std::string& bytes) {
    return Hasher::hash(DigestAlgorithm::sha256, bytes);
}

/// Images for three platforms under an index, the tag `all`; gives the index.
std::string put_index(Registry& registry, const RepositoryName& name) {
    std::string entries;
    for (const std::string platform : {"amd64", "arm64", "s390x"}) {
        const std::string config = R"({"architecture":")" + platform + R"("})";
        // The digest is not known beforehand: pushed under a tag that is taken away again.
        const std::string manifest =
            put_image(registry, name, Tag::parse(platform), config, "layer of " + platform);
        entries += (entries.empty() ? "" : " , ") +
                   descriptor(oci_manifest, manifest,
                              R"(,"platform":{"architecture":")" + platform + R"(","os":"linux"})");
    }
    const std::string index = R"({"schemaVersion":2, "mediaType":")" + oci_index +
                              R"(", "manifests":[)" + entries + R"(], "annotations":{"a":"1e0"}})";
    run_blocking(registry.put_manifest(name, Tag::parse("all"), std::nullopt, index));
    return index;
}

std::optional<std::string> manifest_of(Registry& registry, const RepositoryName& name,
                                       const std::string& reference) {
    const auto found = run_blocking(registry.find_manifest(name, parse_reference(reference)));
    if (!found) return std::nullopt;
    return std::string(found->bytes);
}

std::string blob_of(Registry& registry, const RepositoryName& name, const Digest& digest) {
    auto reader = run_blocking(registry.open_blob(name, digest));
    if (!reader) return "no blob";
    std::string bytes(reader->object_size(), '\0');
    std::size_t size = 0;
    while (size < bytes.size()) {
        const std::size_t n =
            run_blocking(reader->read(std::as_writable_bytes(std::span(bytes).subspan(size))));
        if (n == 0) break;
        size += n;
    }
    return bytes;
}

struct Failure {
    ErrorCode code = ErrorCode::ok;
    std::string message = "nothing thrown";
};

Failure failure_of(const std::function<void()>& action) {
    try {
        action();
    } catch (const Error& error) {
        return {error.code(), error.message()};
    }
    return {};
}

const RepositoryName app = RepositoryName::parse("team/app");
const RepositoryName mine = RepositoryName::parse("mirror/app");

class Copy : public testing::Test {
 protected:
    Digest pull(const std::string& rest, const std::optional<std::string>& tag = {},
                const RemoteOptions& options = {}) {
        std::optional<Tag> parsed;
        if (tag) parsed = Tag::parse(*tag);
        return pull_image(*local, remote.reference(rest), mine, parsed, options);
    }
    Failure pull_failure(const std::string& rest, const RemoteOptions& options = {}) {
        return failure_of([&] { pull(rest, "x", options); });
    }

    Served remote;
    std::shared_ptr<Registry> local = run_blocking(Registry::open(make_memory_store()));
    std::string large = std::string(5 << 20, 'x') + "end";
};

TEST_F(Copy, a_pulled_image_is_there_byte_by_byte) {
    const std::string manifest = put_image(*remote.registry, app, Tag::parse("v1"), "{}", large);
    EXPECT_EQ(pull("team/app:v1", "one"), digest_of(manifest));
    EXPECT_EQ(manifest_of(*local, mine, "one"), manifest);
    EXPECT_EQ(manifest_of(*local, mine, text_of(digest_of(manifest))), manifest);
    EXPECT_EQ(blob_of(*local, mine, digest_of(large)), large);
    EXPECT_EQ(blob_of(*local, mine, digest_of("{}")), "{}");
}

TEST_F(Copy, without_a_tag_the_image_is_known_by_its_digest) {
    const std::string manifest = put_image(*remote.registry, app, Tag::parse("v1"), "{}", "layer");
    pull("team/app@" + text_of(digest_of(manifest)));
    EXPECT_EQ(manifest_of(*local, mine, text_of(digest_of(manifest))), manifest);
    EXPECT_THAT(run_blocking(local->list_tags(mine, "", 10)).names, IsEmpty());
}

TEST_F(Copy, what_the_registry_has_is_not_fetched) {
    put_image(*remote.registry, app, Tag::parse("v1"), "{}", large);
    put_blob(*local, mine, "{}");
    put_blob(*local, RepositoryName::parse("elsewhere"), large);
    pull("team/app:v1", "one");
    EXPECT_THAT(remote.front->log(), Each(Not(HasSubstr("/blobs/"))));
    EXPECT_EQ(blob_of(*local, mine, digest_of(large)), large);
}

TEST_F(Copy, an_index_comes_with_all_its_images) {
    const std::string index = put_index(*remote.registry, app);
    EXPECT_EQ(pull("team/app:all", "all"), digest_of(index));
    EXPECT_EQ(manifest_of(*local, mine, "all"), index);
    for (const std::string platform : {"amd64", "arm64", "s390x"}) {
        const std::string layer = "layer of " + platform;
        EXPECT_EQ(blob_of(*local, mine, digest_of(layer)), layer);
    }
    remote.front->forget();
    pull("team/app:all", "again");
    EXPECT_EQ(remote.front->log().size(), 1u) << "what is there needs no look at its parts";
}

TEST_F(Copy, of_an_index_one_platform_can_be_chosen) {
    put_index(*remote.registry, app);
    RemoteOptions options;
    options.platforms = {"linux/arm64"};
    pull("team/app:all", "arm", options);
    EXPECT_EQ(manifest_of(*local, mine, "arm"), manifest_of(*remote.registry, app, "arm64"));
    EXPECT_EQ(blob_of(*local, mine, digest_of("layer of amd64")), "no blob");
}

TEST_F(Copy, of_an_index_several_platforms_can_be_chosen) {
    const std::string index = put_index(*remote.registry, app);
    RemoteOptions options;
    options.platforms = {"linux/s390x", "linux/amd64"};
    pull("team/app:all", "two", options);
    const std::string reduced = manifest_of(*local, mine, "two").value();
    EXPECT_THAT(reduced, AllOf(HasSubstr("amd64"), HasSubstr("s390x"), Not(HasSubstr("arm64")),
                               HasSubstr(R"("annotations":{"a":"1e0"})")));
    EXPECT_EQ(blob_of(*local, mine, digest_of("layer of arm64")), "no blob");
    EXPECT_EQ(blob_of(*local, mine, digest_of("layer of s390x")), "layer of s390x");

    options.platforms = {"windows/amd64"};
    const Failure failure = pull_failure("team/app:all", options);
    EXPECT_EQ(failure.code, ErrorCode::manifest_unknown);
    EXPECT_THAT(failure.message, AllOf(HasSubstr("windows/amd64"), HasSubstr("linux/s390x"),
                                       HasSubstr(remote.host + "/team/app")));
    options.platforms = {"LINUX"};
    EXPECT_EQ(pull_failure("team/app:all", options).code, ErrorCode::invalid_argument);
}

TEST_F(Copy, a_blob_that_breaks_off_goes_on_where_it_ended) {
    put_image(*remote.registry, app, Tag::parse("v1"), "{}", large);
    int breaks = 2;
    remote.front->change = [&](const HttpRequest& request, HttpResponse& response) {
        if (response.content_length() < 1000 || breaks == 0) return;
        if (request.method != HttpMethod::get) return;
        --breaks;
        response.set_body(ResponseBody(
            std::make_unique<BrokenReader>(std::move(response.body()), std::uint64_t{2} << 20)));
    };
    pull("team/app:v1", "one");
    EXPECT_EQ(blob_of(*local, mine, digest_of(large)), large);
    EXPECT_EQ(breaks, 0);
}

TEST_F(Copy, content_that_is_not_what_its_name_says_is_refused) {
    put_image(*remote.registry, app, Tag::parse("v1"), "{}", "the layer");
    remote.front->change = [](const HttpRequest& request, HttpResponse& response) {
        if (request.target.find("/blobs/") == std::string_view::npos) return;
        if (response.content_length() == 9) response.set_body(ResponseBody("the lawyer"));
    };
    Failure failure = pull_failure("team/app:v1");
    EXPECT_EQ(failure.code, ErrorCode::size_invalid) << failure.message;
    remote.front->change = [](const HttpRequest& request, HttpResponse& response) {
        if (request.target.find("/blobs/") == std::string_view::npos) return;
        if (response.content_length() == 9) response.set_body(ResponseBody("the mayor"));
    };
    failure = pull_failure("team/app:v1");
    EXPECT_EQ(failure.code, ErrorCode::digest_invalid) << failure.message;
    EXPECT_THAT(failure.message, HasSubstr(remote.host + "/team/app"));
    EXPECT_EQ(manifest_of(*local, mine, "x"), std::nullopt);
}

TEST_F(Copy, what_is_not_there_is_named) {
    Failure failure = pull_failure("team/app:v1");
    EXPECT_EQ(failure.code, ErrorCode::manifest_unknown);
    EXPECT_THAT(failure.message, AllOf(HasSubstr(remote.host + "/team/app"), HasSubstr("v1")));
    EXPECT_EQ(pull_failure("Team/App").code, ErrorCode::invalid_argument);

    RemoteOptions options;
    options.retries = 0;
    failure = failure_of(
        [&] { pull_image(*local, "http://127.0.0.1:1/team/app", mine, std::nullopt, options); });
    EXPECT_EQ(failure.code, ErrorCode::unavailable);
    EXPECT_THAT(failure.message, HasSubstr("127.0.0.1:1/team/app"));
    failure = failure_of(
        [&] { pull_image(*local, remote.host + "/team/app", mine, std::nullopt, options); });
    EXPECT_EQ(failure.code, ErrorCode::unavailable);
    EXPECT_THAT(failure.message, HasSubstr("http:// in front"));
    options.ca_file = "/nowhere/ca.pem";
    EXPECT_EQ(pull_failure("team/app:v1", options).code, ErrorCode::invalid_argument);
}

TEST_F(Copy, passing_disturbances_are_waited_out) {
    put_image(*remote.registry, app, Tag::parse("v1"), "{}", "layer");
    int failures = 2;
    remote.front->behave = [&](const HttpRequest&) -> std::optional<HttpResponse> {
        if (failures == 0) return std::nullopt;
        --failures;
        return HttpResponse(503);
    };
    pull("team/app:v1", "one");
    EXPECT_EQ(failures, 0);
    failures = 100;
    RemoteOptions options;
    options.retries = 1;
    const Failure failure = pull_failure("team/app:v1", options);
    EXPECT_EQ(failure.code, ErrorCode::unavailable);
    EXPECT_THAT(failure.message, HasSubstr("status 503"));
    EXPECT_EQ(failures, 98);
}

TEST_F(Copy, a_callback_sees_each_blob_and_can_stop) {
    put_image(*remote.registry, app, Tag::parse("v1"), "{}", large);
    std::uint64_t most = 0;
    RemoteOptions options;
    options.progress = [&](const CopyProgress& progress) {
        EXPECT_EQ(progress.operation, "pull");
        if (progress.subject == text_of(digest_of(large))) most = std::max(most, progress.done);
        return true;
    };
    pull("team/app:v1", "one", options);
    EXPECT_EQ(most, large.size());

    put_image(*remote.registry, app, Tag::parse("v1"), "{}", large + "more");
    options.progress = [&](const CopyProgress& progress) { return progress.total < 1000; };
    EXPECT_EQ(pull_failure("team/app:v1", options).code, ErrorCode::cancelled);
    EXPECT_EQ(manifest_of(*local, mine, "x"), std::nullopt);
}

TEST_F(Copy, a_pushed_image_is_there_byte_by_byte) {
    const std::string manifest = put_image(*local, mine, Tag::parse("v1"), "{}", large);
    const auto reference = parse_reference("v1");
    EXPECT_EQ(push_image(*local, mine, reference, remote.reference("team/app:v2")),
              digest_of(manifest));
    EXPECT_EQ(manifest_of(*remote.registry, app, "v2"), manifest);
    EXPECT_EQ(blob_of(*remote.registry, app, digest_of(large)), large);
    // What is there is not sent again.
    remote.front->forget();
    push_image(*local, mine, reference, remote.reference("team/app"));
    EXPECT_THAT(remote.front->log(), Each(Not(HasSubstr("POST"))));
    EXPECT_EQ(manifest_of(*remote.registry, app, "latest"), manifest);
}

TEST_F(Copy, a_pushed_index_takes_all_its_images_along) {
    const std::string index = put_index(*local, mine);
    push_image(*local, mine, digest_of(index), remote.reference("team/app:all"));
    EXPECT_EQ(manifest_of(*remote.registry, app, "all"), index);
    EXPECT_EQ(blob_of(*remote.registry, app, digest_of("layer of s390x")), "layer of s390x");
    EXPECT_THAT(run_blocking(remote.registry->list_tags(app, "", 10)).names,
                testing::ElementsAre("all"));
}

TEST_F(Copy, a_push_names_what_is_wrong) {
    const auto push = [&](const std::string& reference, const std::string& target) {
        return failure_of([&] {
            push_image(*local, mine, parse_reference(reference), remote.reference(target));
        });
    };
    EXPECT_EQ(push("v1", "team/app").code, ErrorCode::manifest_unknown);
    put_image(*local, mine, Tag::parse("v1"), "{}", "layer");
    EXPECT_EQ(push("v1", "team/app@" + text_of(digest_of("other"))).code,
              ErrorCode::digest_invalid);
    remote.front->behave = [](const HttpRequest& request) -> std::optional<HttpResponse> {
        if (request.method != HttpMethod::post) return std::nullopt;
        HttpResponse refusal(403);
        refusal.set_body(ResponseBody(
            R"({"errors":[{"code":"DENIED","message":"this project is \u001b[31mclosed"}]})"));
        return refusal;
    };
    const Failure failure = push("v1", "team/app");
    EXPECT_EQ(failure.code, ErrorCode::denied);
    EXPECT_THAT(failure.message, AllOf(HasSubstr(remote.host + "/team/app"),
                                       HasSubstr("this project is \\x1b[31mclosed")));
}

TEST_F(Copy, an_upload_goes_wherever_the_registry_says) {
    put_image(*local, mine, Tag::parse("v1"), "{}", large);
    // A relative place with a query of its own, and a redirect from there.
    remote.front->change = [&](const HttpRequest& request, HttpResponse& response) {
        if (request.method != HttpMethod::post) return;
        const std::string location(response.find("Location").value());
        response = HttpResponse(202);
        response.header("Location", location.substr(location.find("/v2/")) + "?_state=a%2Fb");
    };
    int redirects = 0;
    remote.front->behave = [&](const HttpRequest& request) -> std::optional<HttpResponse> {
        if (request.method != HttpMethod::put || redirects > 0 ||
            request.target.find("/uploads/") == std::string_view::npos) {
            return std::nullopt;
        }
        ++redirects;
        EXPECT_THAT(std::string(request.target), HasSubstr("_state=a%2Fb&digest=sha256:"));
        HttpResponse response(307);
        response.header("Location", std::string(request.target) + "&again=1");
        return response;
    };
    push_image(*local, mine, parse_reference("v1"), remote.reference("team/app:v1"));
    EXPECT_EQ(redirects, 1);
    EXPECT_EQ(blob_of(*remote.registry, app, digest_of(large)), large);
}

/// A registry whose requests need `authorization`, and that says by `challenge` how to get it.
Front::Behave guarded(std::string authorization, std::string challenge) {
    return [=](const HttpRequest& request) -> std::optional<HttpResponse> {
        if (request.header("Authorization") == authorization) return std::nullopt;
        HttpResponse response(401);
        response.header("WWW-Authenticate", challenge);
        return response;
    };
}

TEST_F(Copy, user_and_password_are_given_to_who_asks) {
    put_image(*remote.registry, app, Tag::parse("v1"), "{}", "layer");
    remote.front->behave = guarded("Basic bWU6c2VjcmV0", "Basic realm=\"registry\"");
    Failure failure = pull_failure("team/app:v1");
    EXPECT_EQ(failure.code, ErrorCode::unauthorized);
    EXPECT_THAT(failure.message, HasSubstr("'username' and 'password'"));
    RemoteOptions options;
    options.username = "me";
    options.password = "wrongsecret";
    failure = pull_failure("team/app:v1", options);
    EXPECT_EQ(failure.code, ErrorCode::unauthorized);
    EXPECT_THAT(failure.message, Not(HasSubstr("wrongsecret")));
    options.password = "secret";
    pull("team/app:v1", "one", options);
    push_image(*local, mine, parse_reference("one"), remote.reference("team/other:v1"), options);
    EXPECT_TRUE(manifest_of(*remote.registry, RepositoryName::parse("team/other"), "v1"));
}

TEST_F(Copy, a_token_is_fetched_for_what_is_done) {
    put_image(*remote.registry, app, Tag::parse("v1"), "{}", "layer");
    Served tokens;
    std::vector<std::string> asked;
    tokens.front->behave = [&](const HttpRequest& request) -> std::optional<HttpResponse> {
        asked.emplace_back(request.target);
        if (request.header("Authorization") != "Basic bWU6c2VjcmV0") return HttpResponse(401);
        HttpResponse response(200);
        response.set_body(ResponseBody(R"({"token":"the-token"})"));
        return response;
    };
    remote.front->behave = guarded(
        "Bearer the-token", "Bearer realm=\"http://" + tokens.host + "/token\",service=\"reg\"");
    RemoteOptions options;
    options.username = "me";
    options.password = "secret";
    pull("team/app:v1", "one", options);
    EXPECT_THAT(asked, testing::ElementsAre(HasSubstr("scope=repository%3Ateam%2Fapp%3Apull&")));
    push_image(*local, mine, parse_reference("one"), remote.reference("team/app:v2"), options);
    EXPECT_THAT(asked.back(), HasSubstr("scope=repository%3Ateam%2Fapp%3Apull%2Cpush&"));
    EXPECT_TRUE(manifest_of(*remote.registry, app, "v2"));
    options.password = "wrongsecret";
    const Failure failure = pull_failure("team/app:v1", options);
    EXPECT_EQ(failure.code, ErrorCode::unauthorized);
    EXPECT_THAT(failure.message, AllOf(HasSubstr("a token from"), Not(HasSubstr("wrongsecret"))));
}

TEST_F(Copy, on_a_thread_of_the_library_it_is_refused) {
    ErrorCode code = ErrorCode::ok;
    remote.front->behave = [&](const HttpRequest&) -> std::optional<HttpResponse> {
        code = failure_of([&] { pull_image(*local, "example.com/a", mine, std::nullopt); }).code;
        return HttpResponse(404);
    };
    pull_failure("team/app:v1");
    EXPECT_EQ(code, ErrorCode::would_deadlock);
}

}  // namespace
}  // namespace pkgreg

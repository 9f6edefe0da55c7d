// Limits and the audit log around the protocols: who is counted for what and until when, and which
// requests are recorded as what.
#include "pkgreg/memory_store.hpp"

#include "base/json.hpp"
#include "protocol/access_fixture.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pkgreg {
namespace {

const Identity alice{IdentityKind::basic, "alice"};

/// A registry in memory that answers with limits, an audit log, or both.
class Watched {
 public:
    explicit Watched(AccessOptions options, std::vector<std::string> proxies = {})
        : store_(make_memory_store()),
          registry_(run_blocking(Registry::open(store_, RegistryOptions()))) {
        ProtocolOptions protocol;
        protocol.access = std::move(options);
        protocol.trusted_proxies = std::move(proxies);
        BelievingAuthenticator::Callers callers;
        auto caller = std::make_shared<access::Caller>();
        caller->identity = alice;
        callers["Basic alice"] = caller;
        handler_ =
            make_protocol(registry_, protocol,
                          std::make_unique<BelievingAuthenticator>(std::move(callers), "Basic"));
    }

    HttpResponse send(std::string_view method, std::string_view target, Fields fields = {},
                      std::string_view content = {}, const Identity* identity = nullptr) {
        std::vector<HeaderField> headers = {{"Host", "registry.example.com"}};
        for (const auto& [name, value] : fields) headers.push_back({name, value});
        HttpRequest request;
        request.method = parse_http_method(method);
        request.target = target;
        request.headers = headers;
        MemoryBody body(content);
        if (!content.empty()) request.body = &body;
        request.client = client;
        request.id = "request-7";
        request.identity = identity;
        return run_blocking(handler_->handle(request));
    }
    unsigned status(std::string_view method, std::string_view target, Fields fields = {}) {
        return send(method, target, std::move(fields)).status();
    }
    /// Ends the registry's protocols, and with them the log.
    void close() { handler_.reset(); }

    std::string client = "192.0.2.1:4711";

 private:
    std::shared_ptr<ObjectStore> store_;
    std::shared_ptr<Registry> registry_;
    std::shared_ptr<HttpHandler> handler_;
};

AccessOptions limited(std::size_t per_second, std::size_t at_once = 0) {
    AccessOptions options;
    options.limits = {per_second, at_once};
    return options;
}

TEST(ProtocolLimits, OnRequestsAreKeptByAddressWhereNobodyIsAsked) {
    Watched registry(limited(2));
    EXPECT_EQ(registry.status("GET", "/v2/"), 200u);
    EXPECT_EQ(registry.status("GET", "/v2/_catalog"), 200u);
    const HttpResponse refused = registry.send("GET", "/v2/");
    EXPECT_EQ(refused.status(), 429u);
    EXPECT_EQ(refused.find("Retry-After"), "1");
    EXPECT_NE(refused.body().bytes().find("TOOMANYREQUESTS"), std::string_view::npos);
    registry.client = "192.0.2.2:4711";
    EXPECT_EQ(registry.status("GET", "/v2/"), 200u);
}

TEST(ProtocolLimits, LeaveHealthChecksAlone) {
    Watched registry(limited(1));
    for (int i = 0; i < 10; ++i) EXPECT_EQ(registry.status("GET", "/health"), 200u);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(registry.status("GET", "/"), 200u);
    EXPECT_EQ(registry.status("GET", "/v2/"), 200u);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(registry.status("GET", "/health"), 200u);
}

TEST(ProtocolLimits, AreEachIdentitysOwn) {
    AccessOptions options = limited(2);
    options.htpasswd = "of the test's authenticator";
    Watched registry(options);
    const Fields login = {{"Authorization", "Basic alice"}};
    EXPECT_EQ(registry.status("GET", "/v2/", login), 200u);
    registry.client = "192.0.2.2:4711";
    EXPECT_EQ(registry.status("GET", "/v2/", login), 200u);
    EXPECT_EQ(registry.status("GET", "/v2/", login), 429u);
    // Who vouches for somebody else is not alice.
    const Identity bob{IdentityKind::embedder, "bob"};
    EXPECT_EQ(registry.send("GET", "/v2/", {}, {}, &bob).status(), 200u);
    EXPECT_EQ(registry.status("GET", "/v2/"), 401u);
}

TEST(ProtocolLimits, StopProofThatProvesNothing) {
    AccessOptions options = limited(3);
    options.htpasswd = "of the test's authenticator";
    Watched registry(options);
    const Fields wrong = {{"Authorization", "Basic mallory"}};
    for (int i = 0; i < 3; ++i) EXPECT_EQ(registry.status("GET", "/v2/", wrong), 401u);
    EXPECT_EQ(registry.status("GET", "/v2/", wrong), 429u);
    // Who is known is not held up by who guesses from the same address.
    EXPECT_EQ(registry.status("GET", "/v2/", {{"Authorization", "Basic alice"}}), 200u);
}

TEST(ProtocolLimits, AreKeptByTheAddressThatATrustedProxyTells) {
    Watched registry(limited(1), {"10.0.0.0/8"});
    registry.client = "10.0.0.1:80";
    EXPECT_EQ(registry.status("GET", "/v2/", {{"X-Forwarded-For", "192.0.2.1"}}), 200u);
    EXPECT_EQ(registry.status("GET", "/v2/", {{"X-Forwarded-For", "192.0.2.1"}}), 429u);
    EXPECT_EQ(registry.status("GET", "/v2/", {{"X-Forwarded-For", "9.9.9.9, 192.0.2.1"}}), 429u);
    EXPECT_EQ(registry.status("GET", "/v2/", {{"X-Forwarded-For", "192.0.2.2"}}), 200u);
    registry.client = "198.51.100.1:80";
    EXPECT_EQ(registry.status("GET", "/v2/", {{"X-Forwarded-For", "192.0.2.3"}}), 200u);
    EXPECT_EQ(registry.status("GET", "/v2/", {{"X-Forwarded-For", "192.0.2.4"}}), 429u);
}

TEST(ProtocolLimits, OnRequestsAtOnceLastUntilTheAnswerIsGone) {
    Watched registry(limited(0, 2));
    std::optional<HttpResponse> first = registry.send("GET", "/v2/");
    std::optional<HttpResponse> second = registry.send("HEAD", "/v2/");
    const HttpResponse third = registry.send("GET", "/v2/");
    EXPECT_EQ(third.status(), 429u);
    EXPECT_EQ(third.find("Retry-After"), "1");
    second.reset();
    EXPECT_EQ(registry.status("GET", "/v2/"), 200u);
    EXPECT_EQ(registry.status("GET", "/v2/none/tags/list"), 404u);
    EXPECT_EQ(registry.status("GET", "/v2/"), 200u);
}

using Entry = std::map<std::string, std::string>;

/// What the audit log says of the requests of a test.
class Audited : public testing::Test {
 protected:
    Audited() {
        char name[] = "/tmp/pkgreg-audit-XXXXXX";
        folder_ = ::mkdtemp(name);
    }
    ~Audited() override { std::filesystem::remove_all(folder_); }

    AccessOptions options(bool controls = false) const {
        AccessOptions all;
        all.audit_log = folder_ / "audit.log";
        if (controls) all.htpasswd = "of the test's authenticator";
        return all;
    }
    std::string text() const {
        std::ifstream in(folder_ / "audit.log");
        return {std::istreambuf_iterator<char>(in), {}};
    }
    /// All entries, once the registry is closed.
    std::vector<Entry> entries(Watched& registry) const {
        registry.close();
        std::ifstream in(folder_ / "audit.log");
        std::vector<Entry> all;
        for (std::string line; std::getline(in, line);) {
            Entry& entry = all.emplace_back();
            for (const JsonMember& member : parse_json(line, "a line").members) {
                std::string value = member.value.text;
                for (const JsonValue& item : member.value.items) value += item.text + " ";
                entry[member.name] = value;
            }
        }
        return all;
    }

    std::filesystem::path folder_;
};

const std::string content = "content";
const std::string digest = Hasher::hash(DigestAlgorithm::sha256, content).to_string();
const std::string index_text =
    R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]})";
const std::string index_digest = Hasher::hash(DigestAlgorithm::sha256, index_text).to_string();
const Fields index_type = {{"Content-Type", "application/vnd.oci.image.index.v1+json"}};

TEST_F(Audited, ChangesOfImagesAreEntriesEach) {
    Watched registry(options());
    const HttpResponse begun = registry.send("POST", "/v2/team/app/blobs/uploads/");
    const std::string location(begun.find("Location").value());
    const HttpResponse patched = registry.send("PATCH", location, {}, content);
    const std::string next(patched.find("Location").value());
    const char separator = next.find('?') == next.npos ? '?' : '&';
    EXPECT_EQ(registry.status("PUT", next + separator + "digest=" + digest), 201u);
    EXPECT_EQ(
        registry.status("POST", "/v2/team/two/blobs/uploads/?mount=" + digest + "&from=team/app"),
        201u);
    EXPECT_EQ(
        registry.send("PUT", "/v2/team/app/manifests/v1?tag=v2&tag=v3", index_type, index_text)
            .status(),
        201u);
    EXPECT_EQ(registry.status("DELETE", "/v2/team/app/manifests/v1"), 202u);
    EXPECT_EQ(registry.status("DELETE", "/v2/team/app/manifests/" + index_digest), 202u);
    EXPECT_EQ(registry.status("DELETE", "/v2/team/app/blobs/" + digest), 202u);
    EXPECT_EQ(registry.status("DELETE", "/v2/team/two"), 202u);
    const auto all = entries(registry);
    ASSERT_EQ(all.size(), 7u) << text();
    const char* const actions[] = {"push-blob",        "mount-blob",      "push-manifest",
                                   "delete-tag",       "delete-manifest", "delete-blob",
                                   "delete-repository"};
    for (std::size_t i = 0; i < all.size(); ++i) {
        EXPECT_EQ(all[i].at("action"), actions[i]);
        EXPECT_EQ(all[i].at("result"), "done");
        EXPECT_EQ(all[i].at("client"), "192.0.2.1:4711");
        EXPECT_EQ(all[i].at("request"), "request-7");
        EXPECT_EQ(all[i].at("kind"), "anonymous");
    }
    EXPECT_EQ(all[0].at("repository"), "team/app");
    EXPECT_EQ(all[0].at("digest"), digest);
    EXPECT_EQ(all[1].at("repository"), "team/two");
    EXPECT_EQ(all[2].at("reference"), "v1");
    EXPECT_EQ(all[2].at("tags"), "v2 v3 ");
    EXPECT_EQ(all[2].at("digest"), index_digest);
    EXPECT_EQ(all[3].at("reference"), "v1");
    EXPECT_EQ(all[4].at("reference"), index_digest);
    EXPECT_EQ(all[5].at("reference"), digest);
}

TEST_F(Audited, WhatFailsIsAnEntryToo) {
    Watched registry(options());
    EXPECT_EQ(registry.send("PUT", "/v2/team/app/manifests/v1", index_type, "{").status(), 400u);
    EXPECT_EQ(registry.status("DELETE", "/v2/team/app/manifests/none"), 404u);
    const auto all = entries(registry);
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].at("action"), "push-manifest");
    EXPECT_EQ(all[0].at("result"), "failed");
    EXPECT_EQ(all[0].at("error"), "MANIFEST_INVALID");
    EXPECT_EQ(all[1].at("action"), "delete-tag");
    EXPECT_EQ(all[1].at("result"), "failed");
}

TEST_F(Audited, ReadingIsNone) {
    Watched registry(options());
    for (const char* target : {"/v2/", "/v2/_catalog", "/v2/a/tags/list", "/v2/a/manifests/v1",
                               "/repo", "/", "/health", "/none", "/api/v1/packages"}) {
        registry.send("GET", target);
        registry.send("HEAD", target);
        registry.send("OPTIONS", target);
    }
    registry.send("POST", "/v2/");
    registry.send("DELETE", "/v2/%");
    EXPECT_TRUE(entries(registry).empty()) << text();
}

TEST_F(Audited, WhoAsksIsTold) {
    Watched registry(options(true), {"10.0.0.0/8"});
    registry.client = "10.0.0.1:80";
    const Identity job{IdentityKind::embedder, "job"};
    registry.send("PUT", "/v2/a/manifests/v1", index_type, index_text, &job);
    registry.send("DELETE", "/v2/a/manifests/v1",
                  {{"Authorization", "Basic alice"}, {"X-Forwarded-For", "192.0.2.9"}});
    const auto all = entries(registry);
    ASSERT_EQ(all.size(), 2u) << text();
    EXPECT_EQ(all[0].at("kind"), "embedder");
    EXPECT_EQ(all[0].at("name"), "job");
    EXPECT_EQ(all[0].at("client"), "10.0.0.1:80");
    EXPECT_EQ(all[1].at("kind"), "basic");
    EXPECT_EQ(all[1].at("name"), "alice");
    EXPECT_EQ(all[1].at("client"), "192.0.2.9");
}

TEST_F(Audited, RefusedLogInsAreEntriesAndFirstAnswersAreNot) {
    Watched registry(options(true));
    EXPECT_EQ(registry.status("GET", "/v2/"), 401u);
    EXPECT_EQ(registry.status("DELETE", "/v2/a/manifests/v1"), 401u);
    EXPECT_EQ(registry.status("GET", "/v2/", {{"Authorization", "Basic s3cret"}}), 401u);
    EXPECT_EQ(registry.status("DELETE", "/v2/a/manifests/v1", {{"Authorization", "Basic s3cret"}}),
              401u);
    const auto all = entries(registry);
    ASSERT_EQ(all.size(), 2u) << text();
    for (const Entry& entry : all) {
        EXPECT_EQ(entry.at("action"), "log-in");
        EXPECT_EQ(entry.at("result"), "refused");
        EXPECT_EQ(entry.at("kind"), "anonymous");
        EXPECT_EQ(entry.at("reason"), "wrong password");
    }
    EXPECT_EQ(all[1].at("repository"), "a");
    EXPECT_EQ(text().find("s3cret"), std::string::npos);
}

TEST_F(Audited, RefusedActionsAreEntriesAlsoWhereTheyRead) {
    const TemporaryFile policy(
        R"({"rules":[{"who":["bob"],"repositories":["**"],"actions":["pull"]}]})");
    AccessOptions all_options = options(true);
    all_options.policy = policy.path();
    Watched registry(all_options);
    const Fields login = {{"Authorization", "Basic alice"}};
    EXPECT_EQ(registry.status("GET", "/v2/a/tags/list", login), 403u);
    EXPECT_EQ(registry.status("POST", "/v2/a/blobs/uploads/", login), 403u);
    EXPECT_EQ(registry.status("DELETE", "/v2/a", login), 403u);
    EXPECT_EQ(registry.status("POST", "/api/v1/packages", login), 403u);
    const auto all = entries(registry);
    ASSERT_EQ(all.size(), 4u) << text();
    const char* const actions[] = {"pull", "push-blob", "delete-repository", "add-package"};
    for (std::size_t i = 0; i < all.size(); ++i) {
        EXPECT_EQ(all[i].at("action"), actions[i]);
        EXPECT_EQ(all[i].at("result"), "refused");
        EXPECT_EQ(all[i].at("name"), "alice");
        EXPECT_EQ(all[i].at("error"), "DENIED");
    }
}

TEST_F(Audited, PackagesAreNamedAlsoWhereOnlyTheContentNamesThem) {
    Watched registry(options());
    const std::string document = R"({"packages":[)"
                                 R"({"packagingVersion":"3.0","name":"hello","version":"1.0",)"
                                 R"("releaseVersion":1,"maintainer":"a@example.com",)"
                                 R"("description":"d","tags":[]},)"
                                 R"({"packagingVersion":"3.0","name":"world","version":"2.0",)"
                                 R"("releaseVersion":1,"maintainer":"a@example.com",)"
                                 R"("description":"d","tags":[]}]})";
    const HttpResponse imported = registry.send("POST", "/api/v1/universe", {}, document);
    ASSERT_EQ(imported.status(), 200u) << imported.body().bytes();
    EXPECT_EQ(registry.status("DELETE", "/api/v1/packages/hello/1.0"), 200u);
    EXPECT_EQ(registry.send("POST", "/api/v1/packages", {}, "no bundle").status(), 400u);
    const auto all = entries(registry);
    ASSERT_EQ(all.size(), 4u) << text() << imported.body().bytes();
    EXPECT_EQ(all[0].at("action"), "import-packages");
    EXPECT_EQ(all[0].at("package"), "hello");
    EXPECT_EQ(all[0].at("reference"), "1.0");
    EXPECT_EQ(all[1].at("package"), "world");
    EXPECT_EQ(all[2].at("action"), "remove-package");
    EXPECT_EQ(all[2].at("package"), "hello");
    EXPECT_EQ(all[2].at("reference"), "1.0");
    EXPECT_EQ(all[3].at("action"), "add-package");
    EXPECT_EQ(all[3].at("result"), "failed");
}

TEST_F(Audited, ALogThatCannotBeOpenedIsAnError) {
    AccessOptions bad;
    bad.audit_log = folder_ / "none" / "audit.log";
    EXPECT_THROW(Watched{bad}, Error);
}

}  // namespace
}  // namespace pkgreg

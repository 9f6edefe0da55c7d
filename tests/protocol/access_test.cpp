// Access control beyond the matrix: what lists and documents show, mounts, tokens, /v2/, tricks
// with names, uploads of others, and a policy that changes.

#include "protocol/access_fixture.hpp"
#include "registry/layout.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <thread>

namespace pkgreg {
namespace {

using access::Action;
using access::Caller;
using access::Grant;
using access::ResourceKind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::string bytes = "a blob";

std::string upload_path(const std::string& repository) {
    return "/v2/" + repository + "/blobs/uploads/";
}

class AccessTest : public testing::Test {
 protected:
    AccessTest() : policy_(R"({"rules": []})") {}

    void know(const std::string& name) { callers_["Basic " + name] = caller(name); }
    void know_token(const std::string& name, std::vector<Grant> grants, bool outside = false,
                    IdentityKind kind = IdentityKind::token) {
        callers_["Bearer " + name] =
            std::make_shared<const Caller>(Caller{{kind, name}, std::move(grants), outside});
    }
    /// @param rules null: no policy
    GuardedRegistry& open(const char* rules, bool anonymous_pull = false,
                          const std::string& scheme = "Bearer") {
        AccessOptions options;
        options.anonymous_pull = anonymous_pull;
        return open(rules, options, scheme);
    }
    GuardedRegistry& open(const char* rules, AccessOptions options,
                          const std::string& scheme = "Bearer") {
        options.certificates = true;  // switches access control on where there is no policy
        if (rules) {
            policy_.write(std::string("{\"rules\": [") + rules + "]}");
            options.policy = policy_.path();
        }
        guarded_.reset();
        guarded_ = std::make_unique<GuardedRegistry>(options, callers_, scheme);
        return *guarded_;
    }
    GuardedRegistry& registry() { return *guarded_; }

    TemporaryFile policy_;
    BelievingAuthenticator::Callers callers_;
    std::unique_ptr<GuardedRegistry> guarded_;
};

// Without a policy.

TEST_F(AccessTest, WithoutAPolicyWhoeverIsKnownMayDoEverything) {
    know("alice");
    GuardedRegistry& r = open(nullptr);
    EXPECT_EQ(r.send("POST", upload_path("a/b"), "Basic alice").status, 202u);
    EXPECT_EQ(r.get("/v2/_catalog", "Basic alice").status, 200u);
    EXPECT_EQ(r.get("/repo", "Basic alice").status, 200u);
    for (const char* path : {"/v2/", "/v2/_catalog", "/v2/a/b/tags/list", "/repo"}) {
        EXPECT_EQ(r.get(path).status, 401u) << path;
    }
    EXPECT_EQ(r.get("/health").status, 200u);
    EXPECT_EQ(r.get("/").status, 200u);
}

TEST_F(AccessTest, WrongCredentialsAreRefusedEverywhereButForHealth) {
    GuardedRegistry& r = open(nullptr, true);
    for (const char* path : {"/v2/", "/v2/a/b/tags/list", "/repo", "/"}) {
        const Answer answer = r.get(path, "Basic nobody");
        EXPECT_EQ(answer.status, 401u) << path;
        EXPECT_EQ(answer.code(), "UNAUTHORIZED");
        EXPECT_THAT(answer.message(), HasSubstr("wrong password"));
        EXPECT_THAT(answer.field("WWW-Authenticate"), Not(HasSubstr("error=")));
    }
    EXPECT_THAT(r.get("/v2/a/b/tags/list", "Bearer x").field("WWW-Authenticate"),
                HasSubstr("scope=\"repository:a/b:pull\",error=\"invalid_token\""));
    EXPECT_EQ(r.get("/health", "Basic nobody").status, 200u);
}

TEST_F(AccessTest, WhoIsNotRememberedIsIdentified) {
    callers_["Later Basic slow"] = caller("slow");
    EXPECT_EQ(open(nullptr).get("/v2/", "Basic slow").status, 200u);
}

TEST_F(AccessTest, WhoGuessesIsToldWhenToComeBack) {
    const Answer answer = open(nullptr).get("/v2/", "Basic guesser");
    EXPECT_EQ(answer.status, 429u);
    EXPECT_EQ(answer.code(), "TOOMANYREQUESTS");
    EXPECT_EQ(answer.field("Retry-After"), "7");
}

TEST_F(AccessTest, AnEmbeddersIdentityWins) {
    know("alice");
    GuardedRegistry& r =
        open(R"({"who": ["embedder:app"], "repositories": ["**"], "actions": ["pull", "push"]},
                                 {"who": ["group:ops"], "repositories": ["ops/**"], "actions": ["push"]})");
    const Identity app{IdentityKind::embedder, "app"};
    const Identity op{IdentityKind::embedder, "x", {"ops"}};
    EXPECT_EQ(r.send({"POST", upload_path("a/b"), {}, std::nullopt, &app}).status, 202u);
    EXPECT_EQ(r.send({"POST", upload_path("a/b"), {}, std::nullopt, &op}).status, 403u);
    EXPECT_EQ(r.send({"POST", upload_path("ops/b"), {}, std::nullopt, &op}).status, 202u);
    const Fields wrong = {{"Authorization", "Basic nobody"}};
    EXPECT_EQ(r.send({"POST", upload_path("a/b"), wrong, std::nullopt, &app}).status, 202u);
    const Fields alice = {{"Authorization", "Basic alice"}};
    const Identity nobody;
    EXPECT_EQ(r.send({"GET", "/v2/", alice, std::nullopt, &nobody}).status, 401u);
}

TEST_F(AccessTest, WithNothingToChallengeWithIsA403) {
    const Answer answer = open(nullptr, false, "").get("/v2/a/b/tags/list");
    EXPECT_EQ(answer.status, 403u);
    EXPECT_EQ(answer.code(), "DENIED");
    EXPECT_FALSE(answer.has("WWW-Authenticate"));
}

// /v2/

TEST_F(AccessTest, V2SendsStrangersToWhereTokensAre) {
    GuardedRegistry& r = open(nullptr, true, "Bearer");
    EXPECT_EQ(r.get("/v2/").status, 401u);
    know_token("stranger", {}, false, IdentityKind::anonymous);
    EXPECT_EQ(open(nullptr, true, "Bearer").get("/v2/", "Bearer stranger").status, 200u);
}

TEST_F(AccessTest, V2LetsStrangersInWhereTheyMayPullAndOnlyPasswordsAreAsked) {
    know("alice");
    const Answer answer = open(nullptr, true, "Basic").get("/v2/");
    EXPECT_EQ(answer.status, 200u);
    EXPECT_THAT(answer.field("WWW-Authenticate"), HasSubstr("Basic"));
    EXPECT_FALSE(registry().get("/v2/", "Basic alice").has("WWW-Authenticate"));
    EXPECT_EQ(open(nullptr, false, "Basic").get("/v2/").status, 401u);
    EXPECT_EQ(open(R"({"who": ["everyone"], "repositories": ["a/**"], "actions": ["pull"]})", false,
                   "Basic")
                  .get("/v2/")
                  .status,
              200u);
}

// Tokens.

TEST_F(AccessTest, ATokenAllowsWhatItGrants) {
    know_token("t", {{ResourceKind::repository, "a/b", Action::pull | Action::push}});
    GuardedRegistry& r = open(nullptr);
    r.registry.push("a/b", bytes);
    const std::string blob = "/v2/a/b/blobs/" + sha256(bytes).to_string();
    EXPECT_EQ(r.get(blob, "Bearer t").status, 200u);
    EXPECT_EQ(r.send("POST", upload_path("a/b"), "Bearer t").status, 202u);
    const Answer removal = r.send("DELETE", blob, "Bearer t");
    EXPECT_EQ(removal.status, 401u);
    EXPECT_THAT(removal.field("WWW-Authenticate"),
                HasSubstr("scope=\"repository:a/b:delete\",error=\"insufficient_scope\""));
    EXPECT_EQ(r.get("/v2/a/bc/tags/list", "Bearer t").status, 401u);
    EXPECT_EQ(r.get("/v2/_catalog", "Bearer t").status, 401u);
    EXPECT_EQ(r.get("/v2/", "Bearer t").status, 200u);
    EXPECT_THAT(r.send("POST", upload_path("c"), "Bearer t").field("WWW-Authenticate"),
                HasSubstr("scope=\"repository:c:pull,push\""));
    EXPECT_THAT(r.send("POST", upload_path("c") + "?mount=" + sha256(bytes).to_string() + "&from=d",
                       "Bearer t")
                    .field("WWW-Authenticate"),
                HasSubstr("scope=\"repository:c:pull,push repository:d:pull\""));
}

TEST_F(AccessTest, APolicyHoldsForTokensToo) {
    know_token("t", {{ResourceKind::repository, "a/b", Action::pull | Action::push}});
    GuardedRegistry& r =
        open(R"({"who": ["t"], "repositories": ["**"], "actions": ["pull", "delete"]})");
    EXPECT_EQ(r.get("/v2/a/b/tags/list", "Bearer t").status, 404u);
    // A better token would not help: 403. One would: 401.
    EXPECT_EQ(r.send("POST", upload_path("a/b"), "Bearer t").status, 403u);
    EXPECT_EQ(r.send("DELETE", "/v2/a/b", "Bearer t").status, 401u);
}

TEST_F(AccessTest, GrantsOfAnOutsideIssuerDecideAloneWithoutAPolicy) {
    know_token("", {{ResourceKind::repository, "a/b", Action::pull}}, true,
               IdentityKind::anonymous);
    GuardedRegistry& r = open(nullptr);
    EXPECT_EQ(r.get("/v2/a/b/tags/list", "Bearer ").status, 404u);
    EXPECT_EQ(r.get("/v2/a/c/tags/list", "Bearer ").status, 401u);
}

TEST_F(AccessTest, AnonymousPullNeedsNoGrant) {
    know_token("t", {});
    GuardedRegistry& r = open(nullptr, true);
    EXPECT_EQ(r.get("/v2/a/b/tags/list", "Bearer t").status, 404u);
    EXPECT_EQ(r.send("POST", upload_path("a/b"), "Bearer t").status, 401u);
}

TEST_F(AccessTest, GrantsOfPackagesAndOfTheCatalog) {
    know_token("p", {{ResourceKind::package, "hello", Action::pull | Action::administer}});
    know_token("all", {{ResourceKind::package, "*", Action::pull}});
    know_token("c", {{ResourceKind::catalog, "catalog", Action::list}});
    GuardedRegistry& r = open(nullptr);
    TestPackage hello("hello");
    r.packages.add(hello);
    r.packages.add(TestPackage("kafka"));
    const std::string mine = r.get("/repo", "Bearer p").body;
    EXPECT_THAT(mine, HasSubstr("\"hello\""));
    EXPECT_THAT(mine, Not(HasSubstr("\"kafka\"")));
    EXPECT_THAT(r.get("/repo", "Bearer all").body, HasSubstr("\"kafka\""));
    EXPECT_EQ(r.get("/package/kafka", "Bearer p").status, 401u);
    EXPECT_EQ(r.send("DELETE", "/api/v1/packages/kafka/1.0", "Bearer p").status, 401u);
    EXPECT_EQ(r.send("DELETE", "/api/v1/packages/hello/1.0", "Bearer p").status, 200u);
    const Answer other =
        r.send("POST", "/api/v1/packages", "Bearer p", TestPackage("other").bundle());
    EXPECT_EQ(other.status, 401u);
    EXPECT_THAT(other.field("WWW-Authenticate"), HasSubstr("scope=\"package:other:administer\""));
    EXPECT_EQ(r.get("/api/v1/packages", "Bearer p").status, 401u);
    EXPECT_THAT(r.get("/api/v1/packages", "Bearer c").body, HasSubstr("kafka"));
    EXPECT_EQ(r.get("/v2/_catalog", "Bearer c").status, 200u);
    EXPECT_EQ(r.get("/repo", "Bearer c").status, 401u);
}

// Lists.

class CatalogTest : public AccessTest {
 protected:
    void fill(const std::vector<std::string>& names) {
        const TestImage image("catalog");
        for (const std::string& name : names) image.push(registry().registry, name, "latest");
    }
    /// All pages of that size; none may be short but the last one.
    std::vector<std::string> read(std::size_t n, const std::string& who) {
        std::vector<std::string> names;
        std::string path = "/v2/_catalog?n=" + std::to_string(n);
        while (!path.empty()) {
            const Answer page = registry().get(path, who);
            EXPECT_EQ(page.status, 200u);
            const auto found = page.texts("repositories");
            names.insert(names.end(), found.begin(), found.end());
            path = page.next();
            if (!path.empty()) {
                EXPECT_EQ(found.size(), n);
            }
            if (found.empty()) break;
        }
        return names;
    }
};

TEST_F(CatalogTest, ShowsWhatMayBeListedInFullPages) {
    know("alice");
    know("all");
    know("some");
    open(R"({"who": ["alice"], "repositories": ["team/**", "exact", "x/*/y"], "actions": ["list"]},
            {"who": ["alice"], "repositories": ["team/secret/**"], "actions": []},
            {"who": ["some"], "repositories": ["**"], "actions": ["list"]},
            {"who": ["some"], "repositories": ["team/**"], "actions": ["pull"]},
            {"who": ["all"], "repositories": ["**"], "actions": ["list"]})");
    const std::vector<std::string> names = {
        "a",        "exact",         "exact/not", "exactly", "team",  "team-x", "team.y", "team/a",
        "team/b/c", "team/secret/s", "team/z",    "teams/a", "x/1/y", "x/1/z",  "x/2/y",  "zz"};
    fill(names);
    for (const std::size_t n : {1u, 2u, 3u, 5u, 100u}) {
        EXPECT_EQ(read(n, "Basic all"), names) << n;
        EXPECT_THAT(read(n, "Basic alice"),
                    ElementsAre("exact", "team/a", "team/b/c", "team/z", "x/1/y", "x/2/y"))
            << n;
        EXPECT_THAT(read(n, "Basic some"),
                    ElementsAre("a", "exact", "exact/not", "exactly", "team", "team-x", "team.y",
                                "teams/a", "x/1/y", "x/1/z", "x/2/y", "zz"))
            << n;
    }
    EXPECT_THAT(registry().get("/v2/_catalog?n=0", "Basic alice").texts("repositories"), IsEmpty());
    EXPECT_THAT(registry().get("/v2/_catalog?last=team/b/c", "Basic alice").texts("repositories"),
                ElementsAre("team/z", "x/1/y", "x/2/y"));
    EXPECT_THAT(registry().get("/v2/_catalog?last=zzz", "Basic alice").texts("repositories"),
                IsEmpty());
}

TEST_F(CatalogTest, FindsFewAmongMany) {
    know("alice");
    open(R"({"who": ["alice"], "repositories": ["m/x", "**/rare"], "actions": ["list"]})");
    std::vector<std::string> names;
    for (int i = 0; i < 2500; ++i) names.push_back("r" + std::to_string(i));
    names.insert(names.end(), {"m/x", "r1/rare", "z/rare"});
    fill(names);
    for (const std::size_t n : {1u, 2u, 10u}) {
        EXPECT_THAT(read(n, "Basic alice"), ElementsAre("m/x", "r1/rare", "z/rare"));
    }
}

/// Puts many repositories into the catalog, without their manifests: it knows nothing of these.
class LargeCatalogTest : public AccessTest {
 protected:
    void fill(std::size_t hidden, const std::vector<std::string>& shown) {
        for (std::size_t i = 0; i < hidden; ++i) add("hidden/" + std::to_string(1'000'000 + i));
        for (const std::string& name : shown) add(name);
    }
    Answer ask(const std::string& path) { return registry().get(path, "Basic alice"); }

 private:
    void add(const std::string& repository) {
        const ObjectKey key = layout::new_key(layout::catalog_prefix(repository));
        run_blocking(registry().store().put(key, ""));
    }
};

TEST_F(LargeCatalogTest, APageEndsEarlyAtANameThatMayBeSeen) {
    know("alice");
    open(R"({"who": ["alice"], "repositories": ["**/rare", "zz"], "actions": ["list"]})");
    fill(25'000, {"a/rare", "hidden/1020000/rare", "zz"});
    // Behind the first name come more hidden ones than are looked at for one request.
    const Answer first = ask("/v2/_catalog?n=100");
    EXPECT_THAT(first.texts("repositories"), ElementsAre("a/rare"));
    EXPECT_EQ(first.next(), "/v2/_catalog?n=100&last=a%2Frare");
    const Answer second = ask(first.next());
    EXPECT_THAT(second.texts("repositories"), ElementsAre("hidden/1020000/rare", "zz"));
    EXPECT_EQ(second.next(), "");
}

TEST_F(LargeCatalogTest, NoPageIsEmptyAsLongAsThereIsMore) {
    know("alice");
    open(R"({"who": ["alice"], "repositories": ["**/rare"], "actions": ["list"]})");
    fill(25'000, {"z/rare"});
    const Answer all = ask("/v2/_catalog");
    EXPECT_THAT(all.texts("repositories"), ElementsAre("z/rare"));
    EXPECT_FALSE(all.has("Link"));
}

TEST_F(LargeCatalogTest, ALongSearchLetsOthersRun) {
    know("alice");
    open(R"({"who": ["alice"], "repositories": ["**/rare"], "actions": ["list"]})");
    fill(5'000, {"z/rare"});
    const HeaderField fields[] = {{"Authorization", "Basic alice"}};
    HttpRequest request;
    request.target = "/v2/_catalog";
    request.headers = fields;
    bool over = false;
    std::size_t turns = 0;
    boost::asio::io_context loop;
    const auto search = [&]() -> awaitable<void> {
        const HttpResponse response = co_await registry().handler().handle(request);
        EXPECT_EQ(response.body().bytes(), R"({"repositories":["z/rare"]})");
        over = true;
    };
    const auto others = [&]() -> awaitable<void> {
        for (; !over; ++turns) co_await boost::asio::post(boost::asio::use_awaitable);
    };
    boost::asio::co_spawn(loop, search(), boost::asio::detached);
    boost::asio::co_spawn(loop, others(), boost::asio::detached);
    loop.run();
    EXPECT_GE(turns, 5u);
}

TEST_F(LargeCatalogTest, ALongSearchCountsAsSeveralRequests) {
    know("alice");
    AccessOptions options;
    options.limits.requests_per_second = 4;
    open(R"({"who": ["alice"], "repositories": ["**/rare"], "actions": ["list"]})", options);
    fill(45'000, {"z/rare"});
    EXPECT_THAT(ask("/v2/_catalog").texts("repositories"), ElementsAre("z/rare"));
    const Answer next = ask("/v2/");
    EXPECT_EQ(next.status, 429u);
}

TEST_F(AccessTest, PackagesAreListedInFullPages) {
    know("alice");
    GuardedRegistry& r = open(R"({"who": ["alice"], "packages": ["b*"], "actions": ["list"]})");
    for (const char* name : {"aa", "ba", "bb", "ca", "bc", "da"}) {
        for (const char* version : {"1.0", "2.0"}) r.packages.add(TestPackage(name, version));
    }
    std::string all;
    std::string path = "/api/v1/packages?n=4";
    int pages = 0;
    for (; !path.empty(); ++pages) {
        const Answer page = r.get(path, "Basic alice");
        all += page.body;
        path = page.next();
    }
    EXPECT_EQ(pages, 2);
    for (const char* name : {"\"ba\"", "\"bb\"", "\"bc\""}) EXPECT_THAT(all, HasSubstr(name));
    for (const char* name : {"\"aa\"", "\"ca\"", "\"da\""}) EXPECT_THAT(all, Not(HasSubstr(name)));
    EXPECT_EQ(r.get("/api/v1/packages?name=aa", "Basic alice").body, "{\"packages\":[]}\n");
    EXPECT_FALSE(r.get("/api/v1/packages?n=6", "Basic alice").has("Link"));
}

TEST_F(AccessTest, RepositoryDocumentsShowWhatMayBePulled) {
    know("alice");
    know("bob");
    know("all");
    GuardedRegistry& r =
        open(R"({"who": ["alice", "all"], "packages": ["hello"], "actions": ["pull"]},
                                 {"who": ["bob", "all"], "packages": ["kafka"], "actions": ["pull"]},
                                 {"who": ["anonymous"], "packages": ["none"], "actions": ["pull"]})");
    r.packages.add(TestPackage("hello"));
    r.packages.add(TestPackage("kafka"));
    for (int round = 0; round < 2; ++round) {  // the second one from the cache
        const Answer alice = r.get("/repo", "Basic alice");
        const Answer bob = r.get("/repo", "Basic bob");
        const Answer all = r.get("/repo", "Basic all");
        EXPECT_THAT(alice.body, HasSubstr("\"hello\""));
        EXPECT_THAT(alice.body, Not(HasSubstr("\"kafka\"")));
        EXPECT_THAT(bob.body, HasSubstr("\"kafka\""));
        EXPECT_THAT(bob.body, Not(HasSubstr("\"hello\"")));
        EXPECT_THAT(all.body, HasSubstr("\"hello\""));
        EXPECT_THAT(all.body, HasSubstr("\"kafka\""));
        EXPECT_NE(alice.field("ETag"), bob.field("ETag"));
        EXPECT_NE(alice.field("ETag"), all.field("ETag"));
        EXPECT_EQ(r.get("/repo").body, "{\"packages\":[]}");
        EXPECT_THAT(alice.field("Cache-Control"), HasSubstr("private"));
        EXPECT_THAT(alice.field("Vary"), HasSubstr("Authorization"));
    }
    EXPECT_EQ(r.get("/package/hello", "Basic alice").status, 200u);
    EXPECT_EQ(r.get("/package/kafka", "Basic alice").status, 403u);
    r.packages.remove(coordinate_of("hello"));
    EXPECT_EQ(r.get("/repo", "Basic alice").body, "{\"packages\":[]}");
    EXPECT_THAT(r.get("/", "Basic alice").body, Not(HasSubstr("1 package")));
}

TEST_F(AccessTest, WhatIsNotForAllStaysOutOfSharedCaches) {
    know("alice");
    GuardedRegistry& r =
        open(R"({"who": ["everyone"], "repositories": ["open/**"], "actions": ["pull"]},
                {"who": ["alice"], "repositories": ["closed/**"], "actions": ["pull"]})");
    for (const char* name : {"open/a", "closed/a"}) r.registry.push(name, bytes);
    const std::string rest = "/blobs/" + sha256(bytes).to_string();
    EXPECT_THAT(r.get("/v2/closed/a" + rest, "Basic alice").field("Cache-Control"),
                HasSubstr("private"));
    EXPECT_THAT(r.get("/v2/open/a" + rest).field("Cache-Control"), HasSubstr("public"));
}

// Packages whose name comes in a body.

TEST_F(AccessTest, ABundleOfAnotherNameIsRefusedBeforeAnythingIsStored) {
    know("alice");
    GuardedRegistry& r =
        open(R"({"who": ["alice"], "packages": ["hello"], "actions": ["administer"]})");
    const auto before = all_keys(r.store());
    const Answer refused =
        r.send("POST", "/api/v1/packages", "Basic alice", TestPackage("kafka").bundle());
    EXPECT_EQ(refused.status, 403u);
    EXPECT_EQ(refused.code(), "DENIED");
    EXPECT_EQ(all_keys(r.store()), before);
    EXPECT_EQ(
        r.send("POST", "/api/v1/packages", "Basic alice", TestPackage("hello").bundle()).status,
        201u);
}

TEST_F(AccessTest, AnImportTakesOnlyWhatItsCallerAdministers) {
    know("alice");
    GuardedRegistry& r =
        open(R"({"who": ["alice"], "packages": ["hello"], "actions": ["administer", "list"]})");
    TestPackage hello("hello");
    TestPackage kafka("kafka");
    for (TestPackage* each : {&hello, &kafka}) {
        each->file.clear();
        each->reference.clear();
    }
    const Answer answer =
        r.send("POST", "/api/v1/universe", "Basic alice",
               "{\"packages\":[" + imported(kafka) + "," + imported(hello) + "]}");
    EXPECT_EQ(answer.status, 200u);
    EXPECT_THAT(answer.body, HasSubstr("\"kafka 1.0\",\"reason\":\"you may not administer"));
    EXPECT_THAT(r.packages.list(), ElementsAre("hello 1.0"));
}

// Mounts.

TEST_F(AccessTest, AMountNeedsBothRepositories) {
    know("alice");
    GuardedRegistry& r =
        open(R"({"who": ["alice"], "repositories": ["mine/**"], "actions": ["pull", "push"]},
                {"who": ["alice"], "repositories": ["open/**"], "actions": ["pull"]})");
    for (const char* name : {"mine/a", "open/a", "closed/a"}) r.registry.push(name, bytes);
    const std::string mount = "?mount=" + sha256(bytes).to_string();
    const auto status = [&](const std::string& to, const std::string& from) {
        return r.send("POST", upload_path(to) + mount + from, "Basic alice").status;
    };
    EXPECT_EQ(status("mine/b", "&from=open/a"), 201u);
    EXPECT_EQ(status("mine/c", "&from=mine/a"), 201u);
    EXPECT_EQ(status("open/b", "&from=mine/a"), 403u);
    EXPECT_EQ(status("mine/d", "&from=closed/a"), 202u);
    EXPECT_EQ(status("mine/d", "&from=closed/none"), 202u);
    EXPECT_EQ(status("mine/d", ""), 202u) << "a digest is no permission";
    EXPECT_EQ(status("mine/d", "&from=open/../closed/a"), 400u);
    EXPECT_EQ(r.get("/v2/mine/d/blobs/" + sha256(bytes).to_string(), "Basic alice").status, 404u);
}

TEST_F(AccessTest, ABlobIsServedThroughItsRepositoryAlone) {
    know("alice");
    GuardedRegistry& r =
        open(R"({"who": ["alice"], "repositories": ["mine/**"], "actions": ["pull", "push"]})");
    r.registry.push("closed/a", bytes);
    const std::string rest = "/blobs/" + sha256(bytes).to_string();
    EXPECT_EQ(r.get("/v2/mine/a" + rest, "Basic alice").status, 404u);
    EXPECT_EQ(r.get("/v2/closed/a" + rest, "Basic alice").status, 403u);
}

// Uploads.

TEST_F(AccessTest, AnUploadIsNoPermission) {
    know("alice");
    know("bob");
    know("carol");
    GuardedRegistry& r =
        open(R"({"who": ["alice", "carol"], "repositories": ["a/**"], "actions": ["pull", "push"]},
                {"who": ["bob"], "repositories": ["b/**"], "actions": ["push"]},
                {"who": ["bob"], "repositories": ["a/**"], "actions": ["pull"]})");
    const std::string location =
        r.send("POST", upload_path("a/x"), "Basic alice").field("Location");
    const std::string other = "/v2/b/x" + location.substr(std::string("/v2/a/x").size());
    for (const char* method : {"GET", "HEAD", "PATCH", "PUT", "DELETE"}) {
        EXPECT_EQ(r.send(method, location, "Basic bob", "x").status, 403u) << method;
        EXPECT_EQ(r.send(method, location).status, 401u) << method;
    }
    EXPECT_EQ(r.send("PATCH", other, "Basic bob", "x").status, 404u) << "of another repository";
    const Answer patched = r.send("PATCH", location, "Basic carol", "x");
    EXPECT_EQ(patched.status, 202u) << "whoever may push there may go on";
    EXPECT_EQ(r.send("PUT", patched.field("Location") + "?digest=" + sha256("x").to_string(),
                     "Basic alice")
                  .status,
              201u);
}

TEST_F(AccessTest, TagsByParameterNeedNoMoreThanPush) {
    know("alice");
    GuardedRegistry& r =
        open(R"({"who": ["alice"], "repositories": ["a/**"], "actions": ["push"]})");
    const TestImage image("tags");
    image.push_blobs(r.registry, "a/x");
    image.push_blobs(r.registry, "b/x");
    const std::string rest = "/manifests/" + image.digest.to_string() + "?tag=one&tag=two";
    EXPECT_EQ(r.send("PUT", "/v2/a/x" + rest, "Basic alice", image.manifest).status, 201u);
    EXPECT_EQ(r.send("PUT", "/v2/b/x" + rest, "Basic alice", image.manifest).status, 403u);
    EXPECT_EQ(r.get("/v2/a/x/tags/list", "Basic alice").status, 403u);
}

// Names that try to look like others.

TEST_F(AccessTest, NoSpellingGetsAroundAPattern) {
    know("alice");
    GuardedRegistry& r = open(
        R"({"who": ["alice"], "repositories": ["open/**"], "actions": ["pull", "push", "delete"]})");
    const TestImage image("tricks");
    for (const char* name : {"open/a", "closed/a", "open"}) {
        image.push(r.registry, name, "latest");
    }
    const std::string names[] = {"closed/a",
                                 "open/../closed/a",
                                 "open/%2e%2e/closed/a",
                                 "open%2f..%2fclosed/a",
                                 "open/..%2fclosed/a",
                                 "./closed/a",
                                 "/closed/a",
                                 "closed//a",
                                 "closed/a/",
                                 "CLOSED/a",
                                 "closed%2fa",
                                 "closed%2Fa",
                                 "%63losed/a",
                                 "open%00/closed/a",
                                 "open",
                                 "open/",
                                 "open%2f",
                                 "closed/a%20",
                                 "closed/a%0a",
                                 "open\\..\\closed/a",
                                 "open%5c../closed/a",
                                 "o\xcc\x88pen/a",
                                 "\xd0\xbepen/a",
                                 "closed/a;open/a",
                                 "closed/a%23open/a",
                                 "closed/a%3fopen/a",
                                 "closed%252fa",
                                 "open/a/../../closed/a",
                                 "closed/\xe2\x80\x8b"
                                 "a",
                                 "closed/a/blobs/../../open/a",
                                 "open/" + std::string(300, 'a'),
                                 std::string(5000, '/') + "closed/a",
                                 std::string(300, 'o') + "/../closed/a"};
    const auto before = all_keys(r.store());
    for (const std::string& name : names) {
        for (const std::string& rest :
             {std::string("/manifests/latest"), "/blobs/" + sha256(image.layer).to_string(),
              std::string("/tags/list"), "/referrers/" + image.digest.to_string()}) {
            const Answer answer = r.get("/v2/" + name + rest, "Basic alice");
            EXPECT_GE(answer.status, 400u) << name << rest;
            EXPECT_LT(answer.status, 500u) << name << rest;
            EXPECT_THAT(answer.body, Not(HasSubstr(image.digest.to_string()))) << name << rest;
        }
        for (const char* method : {"DELETE", "PUT"}) {
            EXPECT_GE(
                r.send(method, "/v2/" + name + "/manifests/latest", "Basic alice", image.manifest)
                    .status,
                400u)
                << name;
        }
        EXPECT_GE(r.send("DELETE", "/v2/" + name, "Basic alice").status, 400u) << name;
        EXPECT_GE(r.send("POST", "/v2/" + name + "/blobs/uploads/", "Basic alice").status, 400u)
            << name;
    }
    EXPECT_EQ(all_keys(r.store()), before);
    EXPECT_EQ(r.get("/v2/open%2Fa/manifests/%6catest", "Basic alice").status, 200u);
}

TEST_F(AccessTest, NoSpellingOfAPackageGetsAroundAPattern) {
    know("alice");
    GuardedRegistry& r =
        open(R"({"who": ["alice"], "packages": ["hello"], "actions": ["pull", "administer"]})");
    r.packages.add(TestPackage("kafka"));
    r.packages.add(TestPackage("hello"));
    const auto before = all_keys(r.store());
    const std::string digest = sha256("jar").to_string();
    const std::string coordinate = coordinate_of("kafka").encoded();
    std::string upper = coordinate;
    for (char& c : upper) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    for (const std::string& path :
         {std::string("/package/kafka"), std::string("/package/KAFKA"),
          std::string("/package/hello%2f..%2fkafka"), std::string("/package/%6bafka"),
          std::string("/api/v1/packages/kafka/1.0"),
          std::string("/api/v1/packages/hello/..%2fkafka"),
          std::string("/api/v1/packages/hello/../kafka/1.0"),
          "/resource/" + coordinate + "/" + digest + "/app.jar",
          "/resource/" + upper + "/" + digest + "/app.jar",
          "/resource/" + coordinate + "======/" + digest + "/app.jar",
          "/resource/" + coordinate_of("hello").encoded() + "/../" + coordinate + "/" + digest +
              "/app.jar"}) {
        for (const char* method : {"GET", "DELETE"}) {
            const Answer answer = r.send(method, path, "Basic alice");
            EXPECT_GE(answer.status, 400u) << method << " " << path;
            EXPECT_LT(answer.status, 500u) << method << " " << path;
        }
    }
    EXPECT_EQ(all_keys(r.store()), before);
}

// A policy that changes.

TEST_F(AccessTest, APolicyIsReadAgainAndABadOneIsNot) {
    know("alice");
    GuardedRegistry& r =
        open(R"({"who": ["alice"], "repositories": ["a/**"], "actions": ["pull"]})");
    const auto becomes = [&](unsigned status) {
        for (int i = 0; i < 60; ++i) {
            if (r.get("/v2/a/x/tags/list", "Basic alice").status == status) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
        return false;
    };
    EXPECT_TRUE(becomes(404));
    policy_.write(R"({"rules": []})");
    EXPECT_TRUE(becomes(403));
    policy_.write("{ broken");
    std::this_thread::sleep_for(std::chrono::milliseconds(2100));
    EXPECT_EQ(r.get("/v2/a/x/tags/list", "Basic alice").status, 403u);
    policy_.write(R"({"rules": [{"who": ["*"], "repositories": ["**"], "actions": ["pull"]}]})");
    EXPECT_TRUE(becomes(404));
}

TEST_F(AccessTest, ABadPolicyAtTheStartIsRefusedWithItsPlace) {
    const Error error = error_of([&] { open("{\"who\": 1}"); });
    EXPECT_EQ(error.code(), ErrorCode::invalid_options);
    EXPECT_THAT(error.message(), HasSubstr(policy_.path().string() + ":1: rules[0].who"));
    AccessOptions options;
    options.policy = "/nowhere/policy.json";
    EXPECT_EQ(code_of([&] { GuardedRegistry(options, {}, ""); }), ErrorCode::invalid_options);
}

TEST_F(AccessTest, ADeniedNameStaysOnItsLine) {
    know("al\nice\"");
    callers_["Basic odd"] = caller("al\nice\"\x1b[31m");
    GuardedRegistry& r = open("");
    const Answer answer = r.get("/v2/a/b/tags/list", "Basic odd");
    EXPECT_EQ(answer.status, 403u);
    EXPECT_THAT(answer.message(), Not(HasSubstr("\n")));
    EXPECT_THAT(answer.message(), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace pkgreg

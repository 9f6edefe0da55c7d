// The matrix of access control: every endpoint with every method, for callers of every kind, on
// what is there and what is not. What each cell should be is said here once more, apart from the
// sources. An endpoint that is new has no path here, and does not compile.

#include "protocol/access_fixture.hpp"
#include "protocol/dcos/route.hpp"
#include "protocol/oci/route.hpp"

#include <algorithm>

namespace pkgreg {
namespace {

using access::Action;
using access::ActionSet;

// Who there is, and what he may do. The policy below says the same in its own words.

struct Person {
    std::string name;    // empty: anonymous
    ActionSet in_team;   // team/**
    ActionSet in_other;  // other/**
    ActionSet hello;     // the package of that name
    ActionSet kafka;
};

const ActionSet everything_there = Action::pull | Action::push | Action::delete_ | Action::list;
const ActionSet everything_packed = Action::pull | Action::list | Action::administer;

const Person persons[] = {
    {"", {}, Action::pull, {}, Action::pull},
    {"nobody", {}, {}, {}, {}},
    {"reader", Action::pull, Action::pull, Action::pull, Action::pull},
    {"lister", Action::list, Action::list, Action::list, Action::list},
    {"pusher", Action::pull | Action::push, {}, {}, {}},
    {"writer", Action::push, {}, {}, {}},
    {"deleter", Action::delete_, {}, {}, {}},
    {"packer", {}, {}, Action::pull | Action::administer, Action::pull},
    {"maker", {}, {}, Action::administer, {}},
    {"admin", everything_there, everything_there, everything_packed, everything_packed},
};

constexpr std::string_view policy_text = R"({"rules": [
    {"who": ["anonymous"], "repositories": ["other/**"], "actions": ["pull"]},
    {"who": ["anonymous"], "packages": ["kafka", "absent-kafka"], "actions": ["pull"]},
    {"who": ["reader"], "repositories": ["**"], "actions": ["pull"]},
    {"who": ["reader"], "packages": ["*"], "actions": ["pull"]},
    {"who": ["lister"], "repositories": ["**"], "actions": ["list"]},
    {"who": ["lister"], "packages": ["*"], "actions": ["list"]},
    {"who": ["pusher"], "repositories": ["team/**"], "actions": ["pull", "push"]},
    {"who": ["writer"], "repositories": ["team/**"], "actions": ["push"]},
    {"who": ["deleter"], "repositories": ["team/**"], "actions": ["delete"]},
    {"who": ["packer"], "packages": ["hello", "absent-hello"], "actions": ["pull", "administer"]},
    {"who": ["packer"], "packages": ["kafka", "absent-kafka"], "actions": ["pull"]},
    {"who": ["maker"], "packages": ["hello", "absent-hello"], "actions": ["administer"]},
    {"who": ["admin"], "repositories": ["**"], "actions": ["pull", "push", "delete", "list"]},
    {"who": ["admin"], "packages": ["*"], "actions": ["pull", "list", "administer"]}
]})";

// What there is.

const std::string blob_bytes = "a blob";
const TestImage image("matrix");

struct Place {
    std::string repository;
    std::string package;
    bool there;
};
const Place places[] = {{"team/app", "hello", true},
                        {"team/none", "absent-hello", false},
                        {"other/app", "kafka", true},
                        {"other/none", "absent-kafka", false}};

std::string document_of(const std::string& package) {
    TestPackage one(package);
    one.file.clear();
    one.reference.clear();
    return "{\"packages\":[" + imported(one) + "]}";
}

TestPackage bundle_of(const std::string& package) {
    TestPackage one(package, "2.0");
    one.reference = "example.com/team/app:1.0";
    return one;
}

// What an endpoint's path is, and what a request to it needs.

struct Need {
    enum class Of { nothing, visit, repository, package, any_package, packages_body } of;
    Action action = Action::pull;
};

std::string path_of(oci::Endpoint endpoint, const Place& place) {
    const std::string root = "/v2/" + place.repository;
    switch (endpoint) {
        case oci::Endpoint::none: return "/nothing";
        case oci::Endpoint::base: return "/v2/";
        case oci::Endpoint::catalog: return "/v2/_catalog";
        case oci::Endpoint::repository: return root;
        case oci::Endpoint::blob: return root + "/blobs/" + sha256(blob_bytes).to_string();
        case oci::Endpoint::uploads: return root + "/blobs/uploads/";
        case oci::Endpoint::upload:
            return root + "/blobs/uploads/11111111-2222-4333-8444-555555555555";
        case oci::Endpoint::manifest: return root + "/manifests/latest";
        case oci::Endpoint::tags: return root + "/tags/list";
        case oci::Endpoint::referrers: return root + "/referrers/" + image.digest.to_string();
    }
    return {};
}

Need need_of(oci::Endpoint endpoint, HttpMethod method) {
    using Of = Need::Of;
    const bool removal = method == HttpMethod::delete_;
    switch (endpoint) {
        case oci::Endpoint::none: return {Of::nothing};
        case oci::Endpoint::base: return {Of::visit};
        case oci::Endpoint::catalog: return {Of::repository, Action::list};
        case oci::Endpoint::repository:
        case oci::Endpoint::blob: return {Of::repository, removal ? Action::delete_ : Action::pull};
        case oci::Endpoint::uploads:
        case oci::Endpoint::upload: return {Of::repository, Action::push};
        case oci::Endpoint::manifest:
            return {Of::repository, removal                     ? Action::delete_
                                    : method == HttpMethod::put ? Action::push
                                                                : Action::pull};
        case oci::Endpoint::tags:
        case oci::Endpoint::referrers: return {Of::repository, Action::pull};
    }
    ADD_FAILURE();
    return {Of::nothing};
}

std::string path_of(dcos::Endpoint endpoint, const Place& place) {
    switch (endpoint) {
        case dcos::Endpoint::none: return "/nothing/else";
        case dcos::Endpoint::root: return "/";
        case dcos::Endpoint::repository: return "/repo";
        case dcos::Endpoint::package: return "/package/" + place.package;
        case dcos::Endpoint::resource:
            return "/resource/" + coordinate_of(place.package).encoded() + "/" +
                   sha256("jar").to_string() + "/app.jar";
        case dcos::Endpoint::packages: return "/api/v1/packages";
        case dcos::Endpoint::version: return "/api/v1/packages/" + place.package + "/1.0";
        case dcos::Endpoint::universe: return "/api/v1/universe";
    }
    return {};
}

Need need_of(dcos::Endpoint endpoint, HttpMethod method) {
    using Of = Need::Of;
    switch (endpoint) {
        case dcos::Endpoint::none:
        case dcos::Endpoint::root: return {Of::nothing};
        case dcos::Endpoint::repository: return {Of::any_package, Action::pull};
        case dcos::Endpoint::package:
        case dcos::Endpoint::resource: return {Of::package, Action::pull};
        case dcos::Endpoint::packages:
            if (method == HttpMethod::post) return {Of::packages_body, Action::administer};
            return {Of::any_package, Action::list};
        case dcos::Endpoint::version:
            return {Of::package, method == HttpMethod::delete_ ? Action::administer : Action::pull};
        case dcos::Endpoint::universe: return {Of::any_package, Action::administer};
    }
    ADD_FAILURE();
    return {Of::nothing};
}

bool in_team(const Place& place) {
    return place.repository.starts_with("team/");
}

bool allowed(const Person& person, const Need& need, const Place& place, bool anonymous_pull,
             bool is_catalog) {
    using Of = Need::Of;
    const bool pulls = anonymous_pull && need.action == Action::pull;
    switch (need.of) {
        case Of::nothing: return true;
        case Of::visit: return !person.name.empty();  // with a place that hands out tokens
        case Of::repository:
            if (is_catalog) return (person.in_team | person.in_other).has(need.action);
            return pulls || (in_team(place) ? person.in_team : person.in_other).has(need.action);
        case Of::package:
        case Of::packages_body:
            return pulls || (in_team(place) ? person.hello : person.kafka).has(need.action);
        case Of::any_package: return pulls || (person.hello | person.kafka).has(need.action);
    }
    return false;
}

class Matrix : public testing::TestWithParam<bool> {  // whether everybody may pull
 protected:
    Matrix() : policy_(policy_text) { renew(); }

    void renew() {
        AccessOptions options;
        options.policy = policy_.path();
        options.anonymous_pull = GetParam();
        BelievingAuthenticator::Callers callers;
        for (const Person& person : persons) callers.emplace(person.name, caller(person.name));
        guarded_.reset();
        guarded_ = std::make_unique<GuardedRegistry>(options, callers, "Bearer");
        for (const Place& place : places) {
            if (!place.there) continue;
            guarded_->registry.push(place.repository, blob_bytes);
            image.push(guarded_->registry, place.repository, "latest");
            TestPackage package(place.package);
            package.reference.clear();
            guarded_->packages.add(package);
        }
        keys_ = all_keys(guarded_->store());
    }

    template <class Endpoint>
    void check(Endpoint endpoint, const std::string& method, const Person& person,
               const Place& place, bool is_catalog) {
        const std::string path = path_of(endpoint, place);
        const Need need = need_of(endpoint, parse_http_method(method));
        const bool expected = allowed(person, need, place, GetParam(), is_catalog);
        const Answer answer =
            guarded_->send(method, path, person.name, body_for(path, method, place));
        const bool refused = answer.status == 401 || answer.status == 403;
        ++cells_;
        SCOPED_TRACE(method + " " + path + " by '" + person.name +
                     "': " + std::to_string(answer.status) + " " + answer.body);
        ASSERT_EQ(!refused, expected);
        ASSERT_LT(answer.status, 500u);
        if (expected) {
            ++open_;
            if (all_keys(guarded_->store()) != keys_) renew();
            return;
        }
        ASSERT_EQ(answer.status, person.name.empty() ? 401u : 403u);
        ASSERT_EQ(answer.has("WWW-Authenticate"), person.name.empty());
        ASSERT_EQ(all_keys(guarded_->store()), keys_) << "something was changed";
        expect_the_same_elsewhere(endpoint, method, person, place, answer);
    }

    /// A refusal is the same whether there is something or not.
    template <class Endpoint>
    void expect_the_same_elsewhere(Endpoint endpoint, const std::string& method,
                                   const Person& person, const Place& place,
                                   const Answer& refusal) {
        if (!place.there) return;
        const Place& missing = *(&place + 1);
        ASSERT_FALSE(missing.there);
        const std::string path = path_of(endpoint, missing);
        Answer other = guarded_->send(method, path, person.name, body_for(path, method, missing));
        const auto rename = [&](std::string& text, const std::string& from, const std::string& to) {
            for (std::size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size()) {
                text.replace(at, from.size(), to);
            }
        };
        for (std::string* text : {&other.fields, &other.body}) {
            rename(*text, missing.repository, place.repository);
            rename(*text, missing.package, place.package);
        }
        ASSERT_EQ(other.status, refusal.status);
        ASSERT_EQ(other.body, refusal.body);
        ASSERT_EQ(other.fields, refusal.fields);
    }

    static std::optional<std::string> body_for(const std::string& path, const std::string& method,
                                               const Place& place) {
        if (method != "POST" && method != "PUT" && method != "PATCH") return std::nullopt;
        if (path == "/api/v1/packages") return bundle_of(place.package).bundle();
        if (path == "/api/v1/universe") return document_of(place.package);
        if (path.find("/manifests/") != path.npos) return image.manifest;
        return "bytes";
    }

    std::size_t cells_ = 0;
    std::size_t open_ = 0;

 private:
    TemporaryFile policy_;
    std::unique_ptr<GuardedRegistry> guarded_;
    std::vector<std::string> keys_;
};

INSTANTIATE_TEST_SUITE_P(Access, Matrix, testing::Bool(), [](const auto& each) {
    return each.param ? "AnonymousPull" : "ByPolicyAlone";
});

constexpr const char* methods[] = {"GET",   "HEAD",   "POST",    "PUT",
                                   "PATCH", "DELETE", "OPTIONS", "BREW"};

/// Calls `f` with each enumerator that `path_of` knows, and so with each there is.
template <class Endpoint, class F>
void for_each_endpoint(const F& f) {
    for (unsigned value = 0; value < 256; ++value) {
        const auto endpoint = static_cast<Endpoint>(value);
        if (path_of(endpoint, places[0]).empty()) continue;
        f(endpoint);
    }
}

TEST_P(Matrix, EveryEndpointWithEveryMethodForEverybody) {
    std::size_t endpoints = 0;
    const auto all = [&](auto endpoint, bool is_catalog) {
        ++endpoints;
        for (const char* method : methods) {
            for (const Person& person : persons) {
                for (const Place& place : places) {
                    ASSERT_NO_FATAL_FAILURE(check(endpoint, method, person, place, is_catalog));
                }
            }
        }
    };
    for_each_endpoint<oci::Endpoint>([&](oci::Endpoint endpoint) {
        const oci::Route route = oci::find_route(path_of(endpoint, places[0]));
        ASSERT_EQ(route.endpoint, endpoint);
        all(endpoint, endpoint == oci::Endpoint::catalog);
    });
    for_each_endpoint<dcos::Endpoint>([&](dcos::Endpoint endpoint) {
        const dcos::Route route = dcos::find_route(path_of(endpoint, places[0]));
        ASSERT_EQ(route.endpoint, endpoint);
        all(endpoint, false);
    });
    EXPECT_EQ(endpoints, 18u);
    EXPECT_EQ(cells_, endpoints * std::size(methods) * std::size(persons) * std::size(places));
    EXPECT_GT(open_, 1000u);
    EXPECT_LT(open_, cells_ * 3 / 4);
}

}  // namespace
}  // namespace pkgreg

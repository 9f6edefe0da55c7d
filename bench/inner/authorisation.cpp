// What it costs to find out that a known caller may make a request: what the request needs, who
// asks, and what policies of several sizes say.
#include "pkgreg/blocking.hpp"
#include "pkgreg/http.hpp"

#include "access/authenticator.hpp"
#include "access/policy.hpp"
#include "protocol/gate.hpp"
#include "protocol/oci/route.hpp"
#include "protocol/requirements.hpp"
#include "protocol/target.hpp"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

namespace pkgreg {
namespace {

/// Whoever asks is one and the same, as one whose proof is remembered.
class OneCaller final : public access::Authenticator {
 public:
    access::CallerPtr known(const HttpRequest&) override { return caller_; }
    awaitable<access::CallerPtr> identify(const HttpRequest&) override { co_return caller_; }
    std::vector<std::string> challenges(const HttpRequest&, std::string_view,
                                        std::string_view) const override {
        return {};
    }
    const access::TokenIssuer* issuer() const noexcept override { return nullptr; }

 private:
    const access::CallerPtr caller_ = std::make_shared<const access::Caller>(
        access::Caller{{IdentityKind::token, "service-account-7"}, {}});
};

/// Rules of many teams, each with a repository tree of its own; the caller is in the last one.
/// @param wildcards the trees are told by patterns that have to be tried one after the other
std::string policy_of(std::int64_t rules, bool wildcards) {
    std::string text = "{\"rules\": [";
    for (std::int64_t i = 1; i <= rules; ++i) {
        const std::string team = std::to_string(i);
        const std::string who = i == rules || wildcards ? "service-account-*" : "user-" + team;
        text.append("{\"who\": [\"").append(who).append("\"], \"repositories\": [\"");
        text.append("team-").append(team).append(wildcards ? "*/app" : "/**");
        text.append("\"], \"actions\": [\"pull\", \"push\"]}").append(i == rules ? "]}" : ",");
    }
    return text;
}

std::string repository_of(std::int64_t rules) {
    return "team-" + std::to_string(rules) + "/app";
}

void ask_policy(benchmark::State& state, bool wildcards) {
    const auto policy = access::Policy::parse(policy_of(state.range(0), wildcards), "bench");
    const Identity who{IdentityKind::token, "service-account-7"};
    // Of the wildcards the one that fits is among the last that are tried.
    const std::string name = repository_of(wildcards ? 1 : state.range(0));
    for (auto _ : state) {
        const auto allowed = policy->allowed(who, access::ResourceKind::repository, name);
        if (!allowed.has(access::Action::pull)) throw std::runtime_error("refused");
        benchmark::DoNotOptimize(allowed);
    }
}
BENCHMARK_CAPTURE(ask_policy, trees, false)->Arg(1)->Arg(100)->Arg(1000);
BENCHMARK_CAPTURE(ask_policy, wildcards, true)->Arg(1)->Arg(100)->Arg(1000);

awaitable<void> enter(benchmark::State& state, Gate& gate, const HttpRequest& request) {
    const Target target = Target::parse(request.target);
    for (auto _ : state) {
        const oci::Route route = oci::find_route(target.path());
        const Requirement need = requirement_of(route, request.method, target);
        Visit visit;
        const access::Rights rights = co_await gate.enter(request, need, visit);
        benchmark::DoNotOptimize(&rights);
    }
}

void authorise(benchmark::State& state) {
    const std::filesystem::path file =
        "/tmp/pkgreg-bench-policy-" + std::to_string(::getpid()) + ".json";
    std::ofstream(file) << policy_of(state.range(0), false);
    AccessOptions options;
    options.policy = file;
    Gate gate(options, {}, std::make_unique<OneCaller>(), {});
    const std::string target =
        "/v2/" + repository_of(state.range(0)) + "/blobs/sha256:" + std::string(64, 'a');
    HttpRequest request;
    request.target = target;
    run_blocking(enter(state, gate, request));
    std::filesystem::remove(file);
}
BENCHMARK(authorise)->Arg(1)->Arg(100)->Arg(1000);

}  // namespace
}  // namespace pkgreg

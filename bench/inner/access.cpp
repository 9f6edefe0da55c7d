// What access control costs per request.
#include "access/request_limiter.hpp"

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

namespace pkgreg::access {
namespace {

/// Requests of as many identities as the argument says, one after the other.
void admit_identity(benchmark::State& state) {
    static RequestLimiter limiter(RequestLimits{1'000'000'000, 1000});
    std::vector<Identity> identities;
    for (std::int64_t i = 0; i < state.range(0); ++i) {
        identities.push_back({IdentityKind::token, "service-account-" + std::to_string(i)});
    }
    std::size_t next = 0;
    for (auto _ : state) {
        auto admission = limiter.admit(limiter.who(identities[next], "192.0.2.1:4711"));
        if (++next == identities.size()) next = 0;
        benchmark::DoNotOptimize(admission);
    }
}
BENCHMARK(admit_identity)->Arg(1)->Arg(10'000)->Threads(1)->Threads(2);

void admit_address(benchmark::State& state, const char* client) {
    static RequestLimiter limiter(RequestLimits{1'000'000'000, 1000});
    const Identity nobody;
    for (auto _ : state) {
        auto admission = limiter.admit(limiter.who(nobody, client));
        benchmark::DoNotOptimize(admission);
    }
}
BENCHMARK_CAPTURE(admit_address, ipv4, "192.0.2.1:4711");
BENCHMARK_CAPTURE(admit_address, ipv6, "[2001:db8:1:2:3:4:5:6]:4711");

}  // namespace
}  // namespace pkgreg::access

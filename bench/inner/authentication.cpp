// What it costs to find out who asks: known credentials, as with all but the first request of a
// client, and tokens that are verified for the first time.
#include "pkgreg/blocking.hpp"

#include "access/authenticator.hpp"
#include "access/token_issuer.hpp"
#include "base/random_id.hpp"

#include <benchmark/benchmark.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>

namespace pkgreg {
namespace {

/// Passwords, whose only name is `alice` with `secret`, and the token endpoint.
std::unique_ptr<access::Authenticator> make_authenticator() {
    const std::filesystem::path file =
        std::filesystem::temp_directory_path() / ("bench-htpasswd-" + random_id());
    std::ofstream(file) << "alice:$2y$05$0CxPVVrVIaP8OS.3b3HqNuPcwcepNIWGJ/tHCvBqhpt71ZpZbAwYm\n";
    AccessOptions options;
    options.htpasswd = file;
    options.token.endpoint = true;
    return access::Authenticator::make(options, nullptr, nullptr);
}

std::string token_of(access::Authenticator& authenticator) {
    const std::vector<access::Grant> grants = {{access::ResourceKind::repository, "team/app",
                                                access::Action::pull | access::Action::push}};
    const Identity identity{IdentityKind::basic, "alice", {}};
    return "Bearer " +
           run_blocking(authenticator.issuer()->issue(identity, grants, std::time(nullptr)));
}

struct Request {
    explicit Request(std::string value) : authorization(std::move(value)) {
        request.headers = fields;
        request.client = "192.0.2.1:40000";
    }
    std::string authorization;
    HeaderField fields[4] = {{"Host", "registry.example.com"},
                             {"User-Agent", "bench"},
                             {"Accept", "*/*"},
                             {"Authorization", authorization}};
    HttpRequest request;
};

void known(benchmark::State& state, bool token) {
    const auto authenticator = make_authenticator();
    const Request asked(token ? token_of(*authenticator) : "Basic YWxpY2U6c2VjcmV0");
    run_blocking(authenticator->identify(asked.request));
    for (auto _ : state) {
        const access::CallerPtr caller = authenticator->known(asked.request);
        if (!caller) throw std::runtime_error("the caller is not known");
        benchmark::DoNotOptimize(caller.get());
    }
}
BENCHMARK_CAPTURE(known, token, true);
BENCHMARK_CAPTURE(known, password, false);

/// With a signature that is verified each time, since each token is new.
void verify_new_token(benchmark::State& state) {
    const auto authenticator = make_authenticator();
    for (auto _ : state) {
        state.PauseTiming();
        const Request asked(token_of(*authenticator));
        state.ResumeTiming();
        run_blocking(authenticator->identify(asked.request));
    }
}
BENCHMARK(verify_new_token);

}  // namespace
}  // namespace pkgreg

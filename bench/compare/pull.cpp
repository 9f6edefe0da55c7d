// Pulls one URL again and again over some connections, a thread for each, and lets the kernel
// discard the bodies, so that what is measured is the server and the loopback, not the reader.
#include "client.hpp"

#include <barrier>
#include <cstdio>
#include <exception>
#include <string>
#include <thread>
#include <vector>

namespace pkgreg::bench {
namespace {

struct Result {
    std::uint64_t bytes = 0;
    std::exception_ptr error;
};

void pull(const Url& url, const std::string& fields, std::uint64_t times, std::barrier<>& start,
          Result& result) {
    try {
        Connection connection(url);
        start.arrive_and_wait();
        for (std::uint64_t i = 0; i < times; ++i) {
            connection.send_head("GET", url.target, fields, false);
            result.bytes += connection.receive(200).body_bytes();
        }
    } catch (...) {
        result.error = std::current_exception();
        start.arrive_and_drop();
    }
}

int program(int argc, char** argv) {
    const Options options(
        argc, argv, {{"url", ""}, {"connections", "1"}, {"times", "1"}, {"coding", "identity"}});
    const Url url = Url::parse(options.text("url"));
    const std::uint64_t connections = options.number("connections");
    const std::uint64_t times = options.number("times");
    const std::string fields = "Accept-Encoding: " + options.text("coding") + "\r\n";

    std::barrier<> start(static_cast<std::ptrdiff_t>(connections + 1));
    std::vector<Result> results(connections);
    std::vector<std::jthread> threads;
    for (Result& result : results) {
        threads.emplace_back([&] { pull(url, fields, times, start, result); });
    }
    start.arrive_and_wait();
    const double begin = now();
    threads.clear();
    const double seconds = now() - begin;

    std::uint64_t bytes = 0;
    for (const Result& result : results) {
        if (result.error) std::rethrow_exception(result.error);
        bytes += result.bytes;
    }
    std::printf("{\"bytes\": %llu, \"seconds\": %.6f, \"client_cpu\": %.6f}\n",
                static_cast<unsigned long long>(bytes), seconds, cpu_seconds());
    return 0;
}

}  // namespace
}  // namespace pkgreg::bench

int main(int argc, char** argv) {
    return pkgreg::bench::run(pkgreg::bench::program, argc, argv);
}

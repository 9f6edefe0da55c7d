// Pushes a file as a blob, with the OCI distribution protocol in one of its three ways or with a
// plain PUT (nginx), or a bundle to the packages' API, and says how long that took from the first
// byte to the last answer. The bytes go out by sendfile, so that the client takes little of the
// processor that the server needs.
#include "client.hpp"

#include <algorithm>
#include <barrier>
#include <cstdio>
#include <exception>
#include <fcntl.h>
#include <stdexcept>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace pkgreg::bench {
namespace {

struct Job {
    Url url;
    std::string way;
    std::string repository;
    std::string digest;
    std::uint64_t chunk = 0;
    int file = -1;
    std::uint64_t size = 0;
};

std::string length_field(std::uint64_t length) {
    return "Content-Type: application/octet-stream\r\nContent-Length: " + std::to_string(length) +
           "\r\n";
}

void put_file(Connection& connection, const Job& job, const std::string& target) {
    connection.send_head("PUT", target, length_field(job.size), true);
    connection.socket().send_file(job.file, 0, job.size);
    connection.receive(201);
}

std::string begin_upload(Connection& connection, const std::string& repository) {
    connection.send_head("POST", "/v2/" + repository + "/blobs/uploads/", "Content-Length: 0\r\n",
                         false);
    return target_of_location(connection.receive(202).field("location"));
}

void commit_upload(Connection& connection, const Job& job, const std::string& location) {
    const std::string target = with_query(location, "digest=" + job.digest);
    connection.send_head("PUT", target, "Content-Length: 0\r\n", false);
    connection.receive(201);
}

/// One PATCH in the chunked transfer coding, as clients do that compress while they send.
std::string patch_streamed(Connection& connection, const Job& job, const std::string& location) {
    connection.send_head("PATCH", location,
                         "Content-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n",
                         true);
    char line[32];
    for (std::uint64_t offset = 0; offset < job.size; offset += job.chunk) {
        const std::uint64_t n = std::min(job.chunk, job.size - offset);
        std::snprintf(line, sizeof line, "%s%llx\r\n", offset == 0 ? "" : "\r\n",
                      static_cast<unsigned long long>(n));
        connection.socket().send(line, true);
        connection.socket().send_file(job.file, offset, n);
    }
    connection.socket().send(job.size == 0 ? "0\r\n\r\n" : "\r\n0\r\n\r\n");
    return target_of_location(connection.receive(202).field("location"));
}

std::string patch_in_chunks(Connection& connection, const Job& job, std::string location) {
    for (std::uint64_t offset = 0; offset < job.size; offset += job.chunk) {
        const std::uint64_t n = std::min(job.chunk, job.size - offset);
        const std::string range = "Content-Range: " + std::to_string(offset) + "-" +
                                  std::to_string(offset + n - 1) + "\r\n";
        connection.send_head("PATCH", location, length_field(n) + range, true);
        connection.socket().send_file(job.file, offset, n);
        location = target_of_location(connection.receive(202).field("location"));
    }
    return location;
}

void push(Connection& connection, const Job& job, const std::string& repository) {
    if (job.way == "plain") return put_file(connection, job, "/" + repository);
    if (job.way == "bundle") {
        connection.send_head("POST", "/api/v1/packages", length_field(job.size), true);
        connection.socket().send_file(job.file, 0, job.size);
        connection.receive(201);
        return;
    }
    const std::string location = begin_upload(connection, repository);
    if (job.way == "monolithic") {
        put_file(connection, job, with_query(location, "digest=" + job.digest));
    } else if (job.way == "streamed") {
        commit_upload(connection, job, patch_streamed(connection, job, location));
    } else if (job.way == "chunks") {
        commit_upload(connection, job, patch_in_chunks(connection, job, location));
    } else {
        throw std::runtime_error("--way is plain, bundle, monolithic, streamed or chunks");
    }
}

/// Opens the file and reads it once: its pages are in memory before the clock runs.
void open_file(Job& job, const std::string& path) {
    job.file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status {};
    if (job.file < 0 || ::fstat(job.file, &status) != 0) {
        throw std::runtime_error("cannot open '" + path + "'");
    }
    job.size = static_cast<std::uint64_t>(status.st_size);
    std::vector<char> buffer(1 << 20);
    while (::read(job.file, buffer.data(), buffer.size()) > 0) {
    }
}

void push_all(const Job& job, std::uint64_t connections) {
    std::barrier<> start(static_cast<std::ptrdiff_t>(connections + 1));
    std::vector<std::exception_ptr> errors(connections);
    std::vector<std::jthread> threads;
    for (std::uint64_t i = 0; i < connections; ++i) {
        threads.emplace_back([&, i] {
            try {
                Connection connection(job.url);
                start.arrive_and_wait();
                push(connection, job,
                     connections == 1 ? job.repository : job.repository + std::to_string(i));
            } catch (...) {
                errors[i] = std::current_exception();
                start.arrive_and_drop();
            }
        });
    }
    start.arrive_and_wait();
    const double begin = now();
    const double cpu = cpu_seconds();
    threads.clear();
    const double seconds = now() - begin;
    for (const std::exception_ptr& error : errors) {
        if (error) std::rethrow_exception(error);
    }
    std::printf("{\"bytes\": %llu, \"seconds\": %.6f, \"client_cpu\": %.6f}\n",
                static_cast<unsigned long long>(job.size * connections), seconds,
                cpu_seconds() - cpu);
}

int program(int argc, char** argv) {
    const Options options(argc, argv,
                          {{"url", ""},
                           {"file", ""},
                           {"way", "monolithic"},
                           {"repository", "bench/blob"},
                           {"digest", ""},
                           {"chunk", ""},
                           {"connections", "1"}});
    Job job;
    job.url = Url::parse(options.text("url"));
    job.way = options.text("way");
    job.repository = options.text("repository");
    if (job.way != "plain" && job.way != "bundle") job.digest = options.text("digest");
    // 32 KiB is what Go's HTTP client, and so most real ones, writes per chunk of the coding.
    if (options.given("chunk")) {
        job.chunk = options.number("chunk");
    } else {
        job.chunk = job.way == "chunks" ? 64U << 20 : 32U << 10;
    }
    open_file(job, options.text("file"));
    push_all(job, options.number("connections"));
    return 0;
}

}  // namespace
}  // namespace pkgreg::bench

int main(int argc, char** argv) {
    return pkgreg::bench::run(pkgreg::bench::program, argc, argv);
}

// Fills a registry through its protocol: many tiny blobs, each with its own content, or many tags
// of one manifest. For scenarios that ask what a large registry costs.
#include "client.hpp"

#include <openssl/sha.h>

#include <atomic>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace pkgreg::bench {
namespace {

std::string sha256(const std::string& bytes) {
    unsigned char hash[SHA256_DIGEST_LENGTH];
    SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), hash);
    std::string text = "sha256:";
    for (const unsigned char byte : hash) {
        char hex[3];
        std::snprintf(hex, sizeof hex, "%02x", byte);
        text += hex;
    }
    return text;
}

void put(Connection& connection, const std::string& target, const std::string& media_type,
         const std::string& body) {
    connection.send_head("PUT", target,
                         "Content-Type: " + media_type +
                             "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n",
                         true);
    connection.socket().send(body);
    connection.receive(201);
}

void push_blob(Connection& connection, const std::string& repository, std::uint64_t i) {
    const std::string body = "blob " + std::to_string(i) + " of " + repository + "\n";
    connection.send_head("POST", "/v2/" + repository + "/blobs/uploads/", "Content-Length: 0\r\n",
                         false);
    const std::string location = target_of_location(connection.receive(202).field("location"));
    put(connection, with_query(location, "digest=" + sha256(body)), "application/octet-stream",
        body);
}

/// `t00042`: names of one length, so that their order is that of their numbers.
void push_tag(Connection& connection, const std::string& repository, std::uint64_t i,
              const std::string& media_type, const std::string& manifest) {
    char tag[32];
    std::snprintf(tag, sizeof tag, "t%05llu", static_cast<unsigned long long>(i));
    put(connection, "/v2/" + repository + "/manifests/" + tag, media_type, manifest);
}

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot open '" + path + "'");
    return {std::istreambuf_iterator<char>(file), {}};
}

int program(int argc, char** argv) {
    const Options options(argc, argv,
                          {{"url", ""},
                           {"repository", ""},
                           {"blobs", "0"},
                           {"tags", "0"},
                           {"manifest", ""},
                           {"media-type", "application/vnd.oci.image.manifest.v1+json"},
                           {"connections", "16"}});
    const Url url = Url::parse(options.text("url"));
    const std::string& repository = options.text("repository");
    const std::string& media_type = options.text("media-type");
    const std::uint64_t blobs = options.number("blobs");
    const std::uint64_t tags = options.number("tags");
    const std::string manifest = tags == 0 ? "" : read_file(options.text("manifest"));

    std::atomic<std::uint64_t> next = 0;
    std::vector<std::exception_ptr> errors(options.number("connections"));
    std::vector<std::jthread> threads;
    const double begin = now();
    for (std::exception_ptr& error : errors) {
        threads.emplace_back([&] {
            try {
                Connection connection(url);
                for (std::uint64_t i = next++; i < blobs + tags; i = next++) {
                    if (i < blobs) {
                        push_blob(connection, repository, i);
                    } else {
                        push_tag(connection, repository, i - blobs, media_type, manifest);
                    }
                }
            } catch (...) {
                error = std::current_exception();
            }
        });
    }
    threads.clear();
    for (const std::exception_ptr& error : errors) {
        if (error) std::rethrow_exception(error);
    }
    std::printf("{\"pushed\": %llu, \"seconds\": %.3f}\n",
                static_cast<unsigned long long>(blobs + tags), now() - begin);
    return 0;
}

}  // namespace
}  // namespace pkgreg::bench

int main(int argc, char** argv) {
    return pkgreg::bench::run(pkgreg::bench::program, argc, argv);
}

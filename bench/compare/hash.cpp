// Hashes a cached file with OpenSSL and says what that costs: what no registry that verifies a push
// can do without. Reading and hashing are told apart, so that either can be the limit.
#include "client.hpp"

#include <openssl/evp.h>

#include <cstdio>
#include <fcntl.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <vector>

namespace pkgreg::bench {
namespace {

int program(int argc, char** argv) {
    const Options options(argc, argv, {{"file", ""}, {"algorithm", "sha256"}});
    const std::string& path = options.text("file");
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) throw std::runtime_error("cannot open '" + path + "'");
    const EVP_MD* const algorithm = EVP_get_digestbyname(options.text("algorithm").c_str());
    const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                     EVP_MD_CTX_free);
    if (algorithm == nullptr || EVP_DigestInit_ex(context.get(), algorithm, nullptr) != 1) {
        throw std::runtime_error("OpenSSL does not know --algorithm");
    }

    std::vector<char> buffer(1 << 20);
    std::uint64_t bytes = 0;
    double hash_cpu = 0;
    const double begin = now();
    while (true) {
        const ssize_t n = ::read(file, buffer.data(), buffer.size());
        if (n < 0) throw std::runtime_error("cannot read '" + path + "'");
        if (n == 0) break;
        const double before = cpu_seconds();
        EVP_DigestUpdate(context.get(), buffer.data(), static_cast<std::size_t>(n));
        hash_cpu += cpu_seconds() - before;
        bytes += static_cast<std::uint64_t>(n);
    }
    const double seconds = now() - begin;

    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    EVP_DigestFinal_ex(context.get(), digest, &length);
    std::string text;
    for (unsigned i = 0; i < length; ++i) {
        char hex[3];
        std::snprintf(hex, sizeof hex, "%02x", digest[i]);
        text += hex;
    }
    std::printf("{\"bytes\": %llu, \"seconds\": %.6f, \"hash_cpu\": %.6f, \"digest\": \"%s:%s\"}\n",
                static_cast<unsigned long long>(bytes), seconds, hash_cpu,
                options.text("algorithm").c_str(), text.c_str());
    return 0;
}

}  // namespace
}  // namespace pkgreg::bench

int main(int argc, char** argv) {
    return pkgreg::bench::run(pkgreg::bench::program, argc, argv);
}

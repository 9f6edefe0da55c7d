#include "cli/version.hpp"

#include <CLI/Version.hpp>
#include <boost/version.hpp>
#include <curl/curl.h>
#include <openssl/crypto.h>
#include <simdjson.h>
#include <spdlog/version.h>

#include <fmt/core.h>

namespace pkgreg::cli {
namespace {

/// `major.minor.patch` of a number that keeps them in decimal fields.
std::string dotted(unsigned major, unsigned minor, unsigned patch) {
    return fmt::format("{}.{}.{}", major, minor, patch);
}

}  // namespace

std::string version_text() {
    std::string out = "pkgreg " PKGREG_VERSION;
    const auto line = [&](const char* name, const std::string& version) {
        out += fmt::format("\n  {:<10} {}", name, version);
    };
    line("Boost", dotted(BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100));
    line("OpenSSL", OpenSSL_version(OPENSSL_VERSION_STRING));
    line("simdjson", dotted(simdjson::SIMDJSON_VERSION_MAJOR, simdjson::SIMDJSON_VERSION_MINOR,
                            simdjson::SIMDJSON_VERSION_REVISION));
    line("libcurl", curl_version_info(CURLVERSION_NOW)->version);
    line("spdlog", dotted(SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR, SPDLOG_VER_PATCH));
    line("fmt", dotted(FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100));
    line("CLI11", CLI11_VERSION);
    return out;
}

}  // namespace pkgreg::cli

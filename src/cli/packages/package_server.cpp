#include "cli/packages/package_server.hpp"

#include "base/printable.hpp"

#include <algorithm>
#include <ostream>

namespace pkgreg::cli {
namespace {

/// The code of the error in an answer, or an empty text where no registry made the answer.
std::string error_code(const HttpAnswer& answer) {
    simdjson::dom::parser parser;
    simdjson::dom::element document;
    std::string_view code;
    if (parser.parse(answer.body).get(document) != simdjson::SUCCESS ||
        document["errors"].at(0)["code"].get(code) != simdjson::SUCCESS) {
        return {};
    }
    return std::string(code);
}

}  // namespace

std::string server_url(const PackageRequestOptions& options) {
    if (!options.server.empty()) return options.server;
    if (options.service.empty()) return "http://127.0.0.1:5000";
    // The cluster's name for the service: folders in front of it are part of the host's first
    // label.
    std::string host = options.service;
    std::erase(host, '/');
    return "https://" + host + ".marathon.l4lb.thisdcos.directory:443";
}

PackageServer::PackageServer(const PackageRequestOptions& options)
    : client_(server_url(options), client_options(options.access)) {}

HttpAnswer PackageServer::ask(const ServerRequest& request, std::string_view what) {
    HttpAnswer answer = client_.send(request);
    if (answer.status < 200 || answer.status > 299) throw refusal(answer, what);
    return answer;
}

HttpAnswer PackageServer::ask_for(const ServerRequest& request, std::string_view name,
                                  std::string_view version) {
    HttpAnswer answer = client_.send(request);
    if (answer.status == 404 && error_code(answer) == "PACKAGE_UNKNOWN") {
        throw ProgramError(ExitCode::failed, "Version [" + std::string(version) + "] of package [" +
                                                 std::string(name) + "] not found");
    }
    if (answer.status != 200) throw refusal(answer, "the request");
    return answer;
}

void PackageServer::read(const HttpAnswer& answer,
                         const std::function<void(simdjson::dom::element)>& read) const {
    simdjson::dom::parser parser;
    try {
        read(parser.parse(answer.body));
    } catch (const simdjson::simdjson_error& error) {
        throw ProgramError(
            ExitCode::server,
            client_.name() + " does not answer as a package registry does: " + error.what());
    }
}

/// The registry's own refusal of what was asked is a failure of the command; all else means that
/// there is no registry, or that it does not work.
ProgramError PackageServer::refusal(const HttpAnswer& answer, std::string_view what) const {
    const bool decided = answer.status >= 400 && answer.status < 500 && !error_code(answer).empty();
    // A refusal can cut off its own text, see HttpClient.
    const bool cut = answer.status == 409 || answer.status == 413;
    return ProgramError(
        decided || cut ? ExitCode::failed : ExitCode::server,
        client_.name() + " refuses " + std::string(what) + ": " + error_text(answer));
}

std::string printable(simdjson::dom::element object, std::string_view key) {
    std::string out;
    append_printable(out, object[key].get_string().value());
    return out;
}

void write_output(std::ostream& out, std::string_view text) {
    out << text << std::flush;
    if (!out) throw ProgramError(ExitCode::failed, "standard output cannot be written");
}

}  // namespace pkgreg::cli

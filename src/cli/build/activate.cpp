#include "cli/build/activate.hpp"

#include "pkgreg/error.hpp"
#include "pkgreg/options.hpp"

#include "base/json_text.hpp"
#include "base/mask_secrets.hpp"
#include "base/printable.hpp"
#include "cli/build/fetcher.hpp"
#include "cli/build/interruption.hpp"
#include "cli/build/marathon_app.hpp"
#include "cli/build/text_file.hpp"
#include "cli/exit_code.hpp"

#include <simdjson.h>

#include <cstddef>
#include <ostream>
#include <string_view>

namespace pkgreg::cli {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t max_answer = std::size_t{4} << 20;

/// What a file that an option names has; that it cannot be read is a wrong command line.
std::string read_argument(const std::filesystem::path& file) {
    try {
        return read_text_file(file);
    } catch (const Error& error) {
        throw ProgramError(ExitCode::usage, file.string() + " " + error.message());
    }
}

std::string token_of(const std::filesystem::path& file) {
    std::string token = read_argument(file);
    token.erase(token.find_last_not_of(" \t\r\n") + 1);
    const bool visible = token.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos;
    if (token.empty() || !visible) {
        throw ProgramError(ExitCode::usage, file.string() + " must have a token, on one line");
    }
    return token;
}

/// What Marathon says of an app that it does not take: a sentence, and for each field what is
/// wrong.
std::string refusal_text(const std::string& body) {
    dom::parser parser;
    dom::element document;
    std::string text;
    if (parser.parse(body).get(document) != simdjson::SUCCESS) return text;
    std::string_view part;
    if (document["message"].get(part) == simdjson::SUCCESS) append_printable(text, part);
    dom::array details;
    if (document["details"].get(details) != simdjson::SUCCESS) return text;
    for (const dom::element detail : details) {
        text += "\n  ";
        if (detail["path"].get(part) == simdjson::SUCCESS) append_printable(text, part);
        dom::array errors;
        if (detail["errors"].get(errors) != simdjson::SUCCESS) continue;
        for (const dom::element error : errors) {
            text += ": ";
            if (error.get(part) == simdjson::SUCCESS) append_printable(text, part);
        }
    }
    return text;
}

/// What to do about an answer that is no success.
std::string advice(long status) {
    switch (status) {
        case 401: return "it does not know who asks; give a valid token with --token FILE";
        case 403: return "the token's owner may not create this app";
        case 409:
            return "there is an app of this name, or a deployment of it is under way; remove it, "
                   "or "
                   "choose another name with service.name in the options";
        case 422: return "it does not take the app's definition";
        default: return "it does not take the app";
    }
}

std::string deployment_of(const std::string& body) {
    dom::parser parser;
    dom::element document;
    std::string_view id;
    const bool readable = parser.parse(body).get(document) == simdjson::SUCCESS;
    const bool found = readable && document["deployments"].at(0)["id"].get(id) == simdjson::SUCCESS;
    return found ? std::string(id) : std::string();
}

HttpAnswer post(const TransferRequest& request, const ActivateOptions& options,
                const Interruption& interruption) {
    FetchSettings settings{&interruption, options.ca_file};
    // Told twice to make an app, Marathon would refuse the second time.
    settings.retries = 0;
    try {
        return Fetcher(settings).get(request, max_answer);
    } catch (const Error& error) {
        throw ProgramError(ExitCode::server,
                           error.message() + "; name Marathon with --marathon URL");
    }
}

void create_app(const std::string& app, const std::string& id, const ActivateOptions& options,
                std::ostream& out) {
    TransferRequest request{options.marathon};
    while (request.url.ends_with('/')) request.url.pop_back();
    request.url += "/v2/apps";
    request.fields = {"Content-Type: application/json"};
    if (!options.token_file.empty()) {
        request.fields.push_back("Authorization: token=" + token_of(options.token_file));
    }
    request.body = app;
    HttpAnswer answer;
    run_interruptible(
        [&](const Interruption& interruption) { answer = post(request, options, interruption); });
    if (answer.status != 200 && answer.status != 201) {
        const std::string text = refusal_text(answer.body);
        throw ProgramError(ExitCode::failed, "Marathon at " + masked_url(options.marathon) +
                                                 " answers " + std::to_string(answer.status) +
                                                 " for " + id + ": " + advice(answer.status) +
                                                 (text.empty() ? "" : "\n" + text));
    }
    const std::string deployment = deployment_of(answer.body);
    if (options.json) {
        out << "{\"id\":" << json_string(id) << ",\"deployment\":" << json_string(deployment) << "}"
            << std::endl;
    } else {
        out << "Created Marathon app " << id;
        if (!deployment.empty()) {
            std::string shown;
            append_printable(shown, deployment);
            out << ", deployment " << shown;
        }
        out << std::endl;
    }
}

}  // namespace

void activate(const ActivateOptions& options, std::ostream& out) {
    const bool given = !options.options_file.empty();
    const std::string text = given ? read_argument(options.options_file) : "{}";
    const Options registry = parse_options(text, given ? options.options_file.string() : "options");
    const std::string app = marathon_app(registry, text, {options.program_url});
    if (options.marathon.empty()) {
        out << app << std::flush;
    } else {
        create_app(app, marathon_app_id(registry), options, out);
    }
    if (!out) throw ProgramError(ExitCode::failed, "standard output cannot be written");
}

}  // namespace pkgreg::cli

#include "cli/packages/universe_import.hpp"

#include "base/json_text.hpp"
#include "base/printable.hpp"
#include "cli/exit_code.hpp"
#include "cli/packages/package_server.hpp"
#include "cli/packages/universe_source.hpp"

#include <exception>
#include <map>
#include <ostream>
#include <string_view>

namespace pkgreg::cli {
namespace {

using simdjson::dom::element;

/// Small enough to be held by any server in any number of requests, and large enough that a request
/// costs little.
constexpr std::size_t batch_size = std::size_t{8} << 20;

struct Refusal {
    std::string package;
    std::string reason;
};

/// What the server said of all batches.
struct ImportResult {
    std::string lines;     ///< `added hello 1.0`
    std::string packages;  ///< the members of the JSON array
    std::map<std::string, std::size_t> counts = {{"added", 0}, {"unchanged", 0}, {"replaced", 0}};
    std::vector<Refusal> refused;
};

/// The place in a batch says nothing to whoever gave the whole Universe.
std::string without_place(std::string_view package) {
    const std::size_t end = package.find("] ");
    const bool has_place = package.starts_with("packages[") && end != std::string_view::npos;
    return std::string(has_place ? package.substr(end + 2) : package);
}

void take_answer(element document, ImportResult& result) {
    for (const element package : document["packages"].get_array()) {
        const std::string outcome = printable(package, "outcome");
        result.lines +=
            outcome + ' ' + printable(package, "name") + ' ' + printable(package, "version") + '\n';
        result.packages += result.packages.empty() ? "\n" : ",\n";
        result.packages += simdjson::minify(package);
        ++result.counts[outcome];
    }
    for (const element refusal : document["refused"].get_array()) {
        result.refused.push_back({without_place(refusal["package"].get_string()),
                                  std::string(refusal["reason"].get_string().value())});
    }
}

std::string release_text(const UniverseRevision& revision) {
    return std::to_string(revision.release_version.value_or(0));
}

/// `[a,b]`, each on a line of its own.
template <class List, class Print>
std::string json_array(const List& list, const Print& print) {
    std::string text = "[";
    for (const auto& item : list) text.append(text.size() == 1 ? "\n" : ",\n").append(print(item));
    return text + "]";
}

std::string json_report(const ImportResult& result, const UniverseSource& source) {
    return "{\"packages\":[" + result.packages + "],\"refused\":" +
           json_array(result.refused,
                      [](const Refusal& refusal) {
                          return "{\"package\":" + json_string(refusal.package) +
                                 ",\"reason\":" + json_string(refusal.reason) + "}";
                      }) +
           ",\"superseded\":" +
           json_array(source.superseded,
                      [](const UniverseRevision& revision) {
                          return "{\"name\":" + json_string(revision.metadata.name().str()) +
                                 ",\"version\":" + json_string(revision.metadata.version().str()) +
                                 ",\"releaseVersion\":" + release_text(revision) + "}";
                      }) +
           ",\"outdated\":" +
           json_array(source.outdated, [](const std::string& text) { return json_string(text); }) +
           ",\"problems\":" +
           json_array(source.problems,
                      [](const Problem& problem) {
                          return "{\"file\":" + json_string(problem.file) +
                                 ",\"path\":" + json_string(problem.path) +
                                 ",\"message\":" + json_string(problem.message) + "}";
                      }) +
           "}\n";
}

std::string text_report(const ImportResult& result, const UniverseSource& source) {
    std::string text = result.lines;
    for (const UniverseRevision& revision : source.superseded) {
        text += "superseded " + revision.metadata.name().str() + ' ' +
                revision.metadata.version().str() + " of releaseVersion " + release_text(revision) +
                '\n';
    }
    for (const std::string& package : source.outdated) {
        append_printable(text += "skipped ", package);
        text += ": packaging 2.0\n";
    }
    for (const auto& [outcome, count] : result.counts) {
        text += std::to_string(count) + ' ' + outcome + ", ";
    }
    return text + std::to_string(result.refused.size()) + " refused, " +
           std::to_string(source.superseded.size()) + " superseded, " +
           std::to_string(source.outdated.size()) + " of packaging 2.0, " +
           std::to_string(source.problems.size()) + " problems\n";
}

/// Everything that makes the import fail, a line each.
std::string failures(const ImportResult& result, const UniverseSource& source) {
    std::string text;
    for (const Refusal& refusal : result.refused) {
        append_printable(text += "refused ", refusal.package);
        append_printable(text += ": ", refusal.reason);
        text += '\n';
    }
    for (const Problem& problem : source.problems) {
        append_printable(text, problem.str());
        text += '\n';
    }
    return text;
}

}  // namespace

std::vector<std::string> repository_documents(const std::vector<UniverseRevision>& revisions,
                                              std::size_t size) {
    std::vector<std::string> documents;
    for (const UniverseRevision& revision : revisions) {
        const std::string_view text = revision.metadata.text();
        const bool fits = !documents.empty() && documents.back().size() + text.size() < size;
        if (!fits) documents.emplace_back("{\"packages\":[");
        std::string& document = documents.back();
        if (fits) document += ',';
        // Metadata has neither of the two, and other members behind them.
        const std::size_t head = text.find('{') + 1;
        document.append("\n").append(text.substr(0, head));
        document.append("\"releaseVersion\":").append(release_text(revision)).append(",");
        if (revision.selected) {
            document.append("\"selected\":").append(*revision.selected ? "true," : "false,");
        }
        document.append(text.substr(head));
    }
    for (std::string& document : documents) document += "]}\n";
    return documents;
}

void import_universe(const std::string& source, bool replace, const PackageRequestOptions& options,
                     std::ostream& out) {
    PackageServer server(options);
    const UniverseSource universe = read_universe(source, options.access.ca);
    ImportResult result;
    ServerRequest request;
    request.method = "POST";
    request.target = std::string("/api/v1/universe") + (replace ? "?replace=true" : "");
    request.fields = {"Content-Type: application/json"};
    std::exception_ptr broken_off;
    try {
        for (const std::string& document : repository_documents(universe.revisions, batch_size)) {
            request.body = document;
            const HttpAnswer answer = server.ask(request, "the packages");
            server.read(answer, [&](element parsed) { take_answer(parsed, result); });
        }
    } catch (const ProgramError&) {
        // What was added before stays there, and is told.
        broken_off = std::current_exception();
    }
    write_output(out, options.json ? json_report(result, universe) : text_report(result, universe));
    if (broken_off) std::rethrow_exception(broken_off);
    const std::string problems = failures(result, universe);
    if (!problems.empty()) throw ProgramError(ExitCode::failed, problems);
}

}  // namespace pkgreg::cli

#include "cli/packages/universe_source.hpp"

#include "pkgreg/error.hpp"

#include "cli/exit_code.hpp"
#include "cli/http_client.hpp"
#include "dcos/package_rules.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

namespace pkgreg::cli {
namespace {

namespace fs = std::filesystem;

/// The largest document that is read: several times the whole Universe.
constexpr std::size_t max_document = std::size_t{256} << 20;
/// What the package manager sends, newest form first.
constexpr const char* accept =
    "Accept: application/vnd.dcos.universe.repo+json;charset=utf-8;version=v5, "
    "application/vnd.dcos.universe.repo+json;charset=utf-8;version=v4, "
    "application/vnd.dcos.universe.repo+json;charset=utf-8;version=v3";

bool is_outdated(const Problem& problem) {
    return problem.path == "packagingVersion" && problem.message == packaging_2_problem;
}

/// Sorts the problems of one package: with packaging 2.0 everything else is wrong, too.
void take_problems(UniverseSource& source, const std::string& package,
                   std::vector<Problem> problems) {
    if (std::any_of(problems.begin(), problems.end(), is_outdated)) {
        source.outdated.push_back(package);
    } else {
        std::move(problems.begin(), problems.end(), std::back_inserter(source.problems));
    }
}

void read_folder(const fs::path& folder, UniverseSource& source) {
    std::vector<Problem> problems;
    auto revision = read_package_folder(folder, problems);
    if (revision && !revision->release_version) {
        problems.push_back({"", "", "the folder must be named by its releaseVersion, a number"});
    }
    for (Problem& problem : problems) problem.file = (folder / problem.file).string();
    if (problems.empty()) {
        source.revisions.push_back(*std::move(revision));
    } else {
        take_problems(source, folder.string(), std::move(problems));
    }
}

void read_folders(const std::string& root, UniverseSource& source) {
    const std::vector<fs::path> folders = find_package_folders(root);
    if (folders.empty()) {
        throw ProgramError(ExitCode::failed, "there is no package.json below " + root);
    }
    for (const fs::path& folder : folders) read_folder(folder, source);
}

void read_document(std::string text, const std::string& name, UniverseSource& source) {
    std::vector<Problem> problems;
    source.revisions = read_repository(std::move(text), problems);
    // The problems of one package follow each other, and have its place for their file.
    for (auto begin = problems.begin(); begin != problems.end();) {
        const auto end = std::find_if(begin, problems.end(), [&](const Problem& problem) {
            return problem.file != begin->file;
        });
        const std::string package = begin->file;
        if (package.empty()) begin->file = name;
        take_problems(source, package,
                      {std::make_move_iterator(begin), std::make_move_iterator(end)});
        begin = end;
    }
}

std::string read_file(const std::string& name) {
    std::ifstream stream(name, std::ios::binary);
    std::string text;
    std::string piece(std::size_t{1} << 20, '\0');
    while (stream) {
        stream.read(piece.data(), static_cast<std::streamsize>(piece.size()));
        text.append(piece, 0, static_cast<std::size_t>(stream.gcount()));
        if (text.size() > max_document) {
            throw ProgramError(ExitCode::failed, name + " has more than 256 MiB");
        }
    }
    if (!stream.eof()) {
        throw ProgramError(ExitCode::failed, "cannot read " + name + ": " + std::strerror(errno));
    }
    return text;
}

std::string fetch(const std::string& url, const std::string& ca) {
    HttpClientOptions options;
    options.ca = ca;
    options.advice = "check the URL";
    HttpClient client(url, std::move(options));
    ServerRequest request;
    request.target = url;
    request.fields = {accept};
    request.max_answer = max_document;
    HttpAnswer answer = client.send(request);
    if (answer.status != 200) {
        std::string message = client.name() + " gives no repository: " + error_text(answer);
        if (const auto location = answer.field("Location")) {
            message.append("; it refers to ").append(*location);
        }
        throw ProgramError(ExitCode::server, message);
    }
    return std::move(answer.body);
}

}  // namespace

UniverseSource read_universe(const std::string& source, const std::string& ca) {
    UniverseSource universe;
    std::error_code error;
    if (source.starts_with("http://") || source.starts_with("https://")) {
        read_document(fetch(source, ca), source, universe);
    } else if (fs::is_directory(source, error)) {
        read_folders(source, universe);
    } else {
        read_document(read_file(source), source, universe);
    }
    universe.superseded = take_superseded(universe.revisions);
    return universe;
}

}  // namespace pkgreg::cli

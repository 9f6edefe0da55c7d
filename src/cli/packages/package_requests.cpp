#include "cli/packages/package_requests.hpp"

#include "pkgreg/dcos/coordinate.hpp"
#include "pkgreg/error.hpp"

#include "base/printable.hpp"
#include "cli/exit_code.hpp"
#include "cli/listing.hpp"
#include "cli/packages/package_server.hpp"
#include "cli/progress.hpp"

#include <filesystem>
#include <optional>
#include <ostream>
#include <set>
#include <system_error>
#include <utility>

namespace pkgreg::cli {
namespace {

using simdjson::dom::element;

constexpr std::string_view packages_path = "/api/v1/packages";

/// A name or version as it can stand in a URL. Throws `ProgramError` where there is none like it.
template <class T>
std::string checked(std::string_view text) {
    try {
        return T::parse(text).str();
    } catch (const Error& error) {
        throw ProgramError(ExitCode::usage, error.message());
    }
}

std::string path_of(std::string_view name, std::string_view version) {
    return std::string(packages_path) + "/" + checked<PackageName>(name) + "/" +
           checked<PackageVersion>(version);
}

/// An answer as it came, on lines of its own.
std::string verbatim(const HttpAnswer& answer) {
    return answer.body.ends_with('\n') ? answer.body : answer.body + '\n';
}

/// Shows how much of a file was sent, and what follows when all of it is.
class UploadProgress {
 public:
    UploadProgress(const std::string& file, bool json, std::ostream& out)
        : progress_(json && progress_style_of(STDERR_FILENO) == ProgressStyle::lines
                        ? ProgressStyle::none
                        : progress_style_of(STDERR_FILENO)),
          json_(json),
          out_(out) {
        std::error_code error;
        size_ = std::filesystem::file_size(file, error);
        // The request will say what is wrong with the file.
        if (!error) transfer_.emplace(progress_.start("File Upload progress", size_));
    }

    void operator()(std::uint64_t sent) {
        if (transfer_) transfer_->set(sent);
        if (sent >= size_) finish();
    }

    /// All of it was sent.
    void finish() {
        if (!transfer_) return;
        transfer_->set(size_);
        transfer_->complete();
        transfer_.reset();
        if (json_) return;
        progress_.print(out_,
                        "Package uploaded successfully. Please wait while it is being validated..");
    }

 private:
    Progress progress_;
    const bool json_;
    std::ostream& out_;
    std::uint64_t size_ = 0;
    std::optional<Progress::Transfer> transfer_;
};

void append_files(std::string& text, element description) {
    text += "Resources:\n";
    for (const element file : description["resources"].get_array()) {
        text += "  " + printable(file, "asset") + "  " + size_text(file["size"].get_uint64()) +
                "\n    " + printable(file, "path") + '\n';
    }
    text += "Images:\n";
    for (const element image : description["images"].get_array()) {
        text += "  " + printable(image, "asset") + "\n    " + printable(image, "repository") + '@' +
                printable(image, "digest") + '\n';
    }
}

/// What a person wants to know of a package.
std::string description_text(element description) {
    std::string text = "Name:             " + printable(description, "name") +
                       "\nVersion:          " + printable(description, "version") +
                       "\nStatus:           " + printable(description, "status") +
                       "\nRelease version:  " +
                       std::to_string(description["releaseVersion"].get_uint64().value()) + '\n';
    const element package = description["package"];
    const auto append = [&](std::string_view head, std::string_view key) {
        std::string_view value;
        if (package[key].get(value) != simdjson::SUCCESS) return;
        append_printable(text.append(head), value);
        text += '\n';
    };
    append("Packaging:        ", "packagingVersion");
    append("DC/OS release:    ", "minDcosReleaseVersion");
    append("Maintainer:       ", "maintainer");
    append("Description:      ", "description");
    append_files(text, description);
    return text;
}

}  // namespace

void add_package(const std::string& file, bool replace, const PackageRequestOptions& options,
                 std::ostream& out) {
    PackageServer server(options);
    UploadProgress progress(file, options.json, out);
    ServerRequest request;
    request.method = "POST";
    request.target = std::string(packages_path) + (replace ? "?replace=true" : "");
    request.fields = {"Content-Type: application/zip"};
    request.file = file;
    request.progress = [&](std::uint64_t sent) { progress(sent); };
    const HttpAnswer answer = server.ask(request, "the package");
    progress.finish();
    std::string text = "Added packages:\n";
    server.read(answer, [&](element document) {
        for (const element package : document["packages"].get_array()) {
            text += "\t " + printable(package, "name") + ' ' + printable(package, "version") + '\n';
        }
    });
    write_output(out, options.json ? verbatim(answer) : text);
}

void describe_package(std::string_view name, std::string_view version,
                      const PackageRequestOptions& options, std::ostream& out) {
    PackageServer server(options);
    const HttpAnswer answer = server.ask_for({.target = path_of(name, version)}, name, version);
    std::string text;
    server.read(answer, [&](element document) { text = description_text(document); });
    write_output(out, options.json ? verbatim(answer) : text);
}

void list_packages(std::string_view name, const PackageRequestOptions& options, std::ostream& out) {
    PackageServer server(options);
    std::string target = std::string(packages_path) + "?n=1000";
    if (!name.empty()) target += "&name=" + checked<PackageName>(name);
    std::string text = options.json ? "{\"packages\":[" : "";
    bool first = true;
    std::set<std::string> seen;
    while (!target.empty()) {
        if (!seen.insert(target).second) {
            throw ProgramError(ExitCode::server, "the server sends the same page again and again");
        }
        const HttpAnswer answer = server.ask({.target = target}, "the list");
        server.read(answer, [&](element document) {
            for (const element package : document["packages"].get_array()) {
                if (options.json) {
                    text += std::exchange(first, false) ? "\n" : ",\n";
                    text += simdjson::minify(package);
                } else {
                    text += printable(package, "name") + ' ' + printable(package, "version") + '\n';
                }
            }
        });
        target = next_link(answer.field("Link").value_or(""));
    }
    write_output(out, options.json ? text + "]}\n" : text);
}

void remove_package(std::string_view name, std::string_view version,
                    const PackageRequestOptions& options, std::ostream& out) {
    PackageServer server(options);
    ServerRequest request;
    request.method = "DELETE";
    request.target = path_of(name, version);
    const HttpAnswer answer = server.ask_for(request, name, version);
    std::string text = "Removed ";
    server.read(answer, [&](element document) {
        text += printable(document, "name") + ' ' + printable(document, "version") + '\n';
    });
    write_output(out, options.json ? verbatim(answer) : text);
}

}  // namespace pkgreg::cli

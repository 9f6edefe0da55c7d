// DC/OS packages: added, listed, described, removed, and shown as a Universe repository.

#include "pkgreg/blocking.hpp"
#include "pkgreg/error.hpp"
#include "pkgreg/packages.hpp"

#include "arguments.hpp"
#include "bodies.hpp"
#include "callbacks.hpp"
#include "core.hpp"
#include "error.hpp"
#include "json_object.hpp"
#include "list.hpp"
#include "pkgreg.h"
#include "protocol/dcos/address.hpp"
#include "protocol/dcos/package_json.hpp"
#include "registry_table.hpp"
#include "text.hpp"

#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

using namespace pkgreg::capi;
using pkgreg::ErrorCode;
using pkgreg::PackageCoordinate;
using pkgreg::PackageInfo;
using pkgreg::PackageName;
using pkgreg::PackageVersion;
using pkgreg::run_blocking;

namespace {

/// A file that is read, closed at the end.
class OpenFile {
 public:
    explicit OpenFile(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
        struct stat status {};
        if (fd_ >= 0 && fstat(fd_, &status) == 0) {
            if (S_ISREG(status.st_mode)) size_ = static_cast<std::uint64_t>(status.st_size);
            return;
        }
        const int error = errno;
        if (fd_ >= 0) close(fd_);
        throw pkgreg::Error(error == ENOENT ? ErrorCode::not_found : ErrorCode::io,
                            "cannot open " + path + ": " + std::generic_category().message(error));
    }
    ~OpenFile() { close(fd_); }
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;

    int fd() const noexcept { return fd_; }
    /// In bytes; UINT64_MAX where it is no regular file.
    std::uint64_t size() const noexcept { return size_; }

 private:
    int fd_;
    std::uint64_t size_ = UINT64_MAX;
};

std::string head_json(const PackageCoordinate& coordinate, std::uint64_t release_version) {
    return "{" + pkgreg::dcos::coordinate_members(coordinate) +
           ",\"releaseVersion\":" + std::to_string(release_version);
}

std::string package_json(const PackageInfo& package) {
    return head_json(package.coordinate, package.release_version) + "," +
           pkgreg::dcos::content_members(package) + "}";
}

void add(Core& core, pkgreg::BodySource& bundle, Progress& progress, bool replace,
         pkgreg_text** result) {
    const auto addition = run_blocking(core.registry->packages().add(bundle, replace));
    std::string json = head_json(addition.coordinate, addition.release_version) +
                       ",\"outcome\":\"" + std::string(to_string(addition.outcome)) + "\"}";
    if (result) *result = new pkgreg_text{std::move(json)};
    // It is there: that the caller wants no more is too late to matter.
    try {
        progress.finish();
    } catch (const pkgreg::Error&) {
    }
}

PackageCoordinate coordinate_of(const char* name, std::size_t name_length, const char* version,
                                std::size_t version_length) {
    return {PackageName::parse(required_text(name, name_length, "name")),
            PackageVersion::parse(required_text(version, version_length, "version"))};
}

/// What a page goes on behind: `name/version`.
std::string next_of(const PackageCoordinate& coordinate) {
    return coordinate.name().str() + "/" + coordinate.version().str();
}

std::optional<PackageCoordinate> parse_last(std::optional<std::string_view> text) {
    if (!text || text->empty()) return std::nullopt;
    const std::size_t slash = text->find('/');
    if (slash == text->npos) {
        throw_invalid_argument("'last' must be what pkgreg_list_next gave, such as name/version");
    }
    return PackageCoordinate(PackageName::parse(text->substr(0, slash)),
                             PackageVersion::parse(text->substr(slash + 1)));
}

/// Where references in the document lead.
pkgreg::RegistryAddress address_of(const Core& core, const std::optional<std::string>& url) {
    const std::string& address = url ? *url : core.options.program.external_url;
    if (address.empty()) {
        throw pkgreg::Error(ErrorCode::invalid_options,
                            "options: url: must say where clients reach the registry, such as "
                            "https://registry.example.com, since the registry's own options have "
                            "no external-url");
    }
    return pkgreg::dcos::RequestAddress(address, {}).of(pkgreg::HttpRequest());
}

pkgreg::UniverseDocuments::Request read_request(const Core& core,
                                                std::optional<std::string_view> json) {
    JsonObject options(json);
    const auto url = options.take_text("url");
    const auto release = options.take_text("dcosRelease");
    const auto name = options.take_text("name");
    options.require_all_taken();
    pkgreg::UniverseDocuments::Request wanted;
    wanted.address = address_of(core, url);
    if (release) wanted.form.release = pkgreg::ReleaseVersion::parse(*release);
    wanted.form.format = pkgreg::highest_readable(wanted.form.release);
    if (name) wanted.name = PackageName::parse(*name);
    return wanted;
}

}  // namespace

int32_t pkgreg_package_add_file(pkgreg_registry* registry, const char* path, size_t path_length,
                                int32_t replace, pkgreg_text** result, pkgreg_error** error) {
    clear(result);
    return guard(error, [&] {
        const Call call(registry);
        const std::string name(required_text(path, path_length, "path"));
        const OpenFile file(name);
        Progress progress(call->progress, "add package", name, file.size());
        FileBody body(file.fd(), 0, file.size(), &progress);
        add(call.core(), body, progress, replace != 0, result);
    });
}

int32_t pkgreg_package_add_stream(pkgreg_registry* registry, pkgreg_read_fn read, void* user,
                                  int32_t replace, pkgreg_text** result, pkgreg_error** error) {
    clear(result);
    return guard(error, [&] {
        const Call call(registry);
        Progress progress(call->progress, "add package", "stream", UINT64_MAX);
        FunctionBody body(&required(read, "read"), user, UINT64_MAX, &progress);
        add(call.core(), body, progress, replace != 0, result);
    });
}

int32_t pkgreg_packages(pkgreg_registry* registry, const char* name, size_t name_length,
                        const char* last, size_t last_length, size_t limit, pkgreg_list** list,
                        pkgreg_error** error) {
    clear(list);
    return guard(error, [&] {
        const Call call(registry);
        pkgreg_list*& listed = result(list, "list");
        std::optional<PackageName> only;
        if (const auto text = optional_text(name, name_length)) only = PackageName::parse(*text);
        const auto behind = parse_last(optional_text(last, last_length));
        const auto page =
            run_blocking(call->registry->packages().list(only, behind, page_limit(limit)));
        std::vector<std::string> items;
        for (const PackageInfo& package : page.packages) items.push_back(package_json(package));
        std::optional<std::string> next;
        if (page.more) next = next_of(page.packages.back().coordinate);
        listed = new pkgreg_list{std::move(items), std::move(next)};
    });
}

int32_t pkgreg_package_describe(pkgreg_registry* registry, const char* name, size_t name_length,
                                const char* version, size_t version_length, pkgreg_text** metadata,
                                pkgreg_error** error) {
    clear(metadata);
    return guard(error, [&] {
        const Call call(registry);
        pkgreg_text*& described = result(metadata, "metadata");
        const auto coordinate = coordinate_of(name, name_length, version, version_length);
        const auto package = run_blocking(call->registry->packages().find(coordinate));
        if (!package) {
            throw pkgreg::Error(ErrorCode::package_unknown,
                                "the registry has no version " + coordinate.version().str() +
                                    " of package " + coordinate.name().str());
        }
        described = new pkgreg_text{std::string(package->metadata)};
    });
}

int32_t pkgreg_package_remove(pkgreg_registry* registry, const char* name, size_t name_length,
                              const char* version, size_t version_length, pkgreg_error** error) {
    return guard(error, [&] {
        const Call call(registry);
        const auto coordinate = coordinate_of(name, name_length, version, version_length);
        run_blocking(call->registry->packages().remove(coordinate));
    });
}

int32_t pkgreg_package_repository(pkgreg_registry* registry, const char* options,
                                  size_t options_length, pkgreg_text** document,
                                  pkgreg_error** error) {
    clear(document);
    return guard(error, [&] {
        const Call call(registry);
        pkgreg_text*& made = result(document, "document");
        const auto wanted = read_request(call.core(), optional_text(options, options_length));
        made =
            new pkgreg_text{run_blocking(call->registry->packages().document(wanted)).text.str()};
    });
}

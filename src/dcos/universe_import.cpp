#include "pkgreg/dcos/universe_import.hpp"

#include "pkgreg/error.hpp"

#include "base/json_text.hpp"
#include "dcos/base64.hpp"
#include "dcos/text_edit.hpp"
#include "dcos/verbatim_json.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <map>
#include <string_view>
#include <system_error>
#include <utility>

namespace pkgreg {
namespace {

namespace fs = std::filesystem;

/// The largest file of a package folder that is read; real ones stay under 1 MiB.
constexpr std::uintmax_t max_file_size = std::uintmax_t{64} << 20;

/// A file of a package folder and the field of the definition that it becomes.
struct Part {
    std::string_view file;
    std::string_view field;
};
constexpr Part config_part{"config.json", "config"};
constexpr Part resource_part{"resource.json", "resource"};
constexpr Part command_part{"command.json", "command"};
constexpr Part template_part{"marathon.json.mustache", "marathon"};
constexpr Part parts[] = {config_part, resource_part, command_part, template_part};

/// The content of a file, or nothing when there is none. Throws `io` or `too_large`.
std::optional<std::string> read_file(const fs::path& path) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (status.type() == fs::file_type::not_found) return std::nullopt;
    if (error) throw Error(ErrorCode::io, "cannot be read: " + error.message());
    if (!fs::is_regular_file(status)) throw Error(ErrorCode::io, "is not a file");
    const std::uintmax_t size = fs::file_size(path, error);
    if (error) throw Error(ErrorCode::io, "cannot be read: " + error.message());
    if (size > max_file_size) throw Error(ErrorCode::too_large, "is larger than 64 MiB");
    std::ifstream stream(path, std::ios::binary);
    std::string content(static_cast<std::size_t>(size), '\0');
    if (!stream.read(content.data(), static_cast<std::streamsize>(size))) {
        throw Error(ErrorCode::io,
                    "cannot be read: " + std::error_code(errno, std::generic_category()).message());
    }
    return content;
}

/// Reads one package folder; each member function does one file's part.
class FolderReader {
 public:
    FolderReader(const fs::path& folder, std::vector<Problem>& problems)
        : folder_(folder), problems_(problems), before_(problems.size()) {}

    std::optional<UniverseRevision> read() {
        std::optional<JsonText> package;
        read_json("package.json", package);
        if (!package && problems_.size() == before_) report("package.json", "", "is missing");
        for (const Part& part : parts) read_part(part);
        if (!package) return std::nullopt;

        std::optional<bool> selected = take_selected(package->root());
        refuse_parts_in_package(package->root());
        auto metadata =
            PackageMetadata::check(assemble(*package), MetadataForm::metadata, checked_);
        for (Problem& problem : checked_) report_checked(std::move(problem));
        if (problems_.size() != before_) return std::nullopt;
        return UniverseRevision{*std::move(metadata), whole_number(folder_name()), selected};
    }

 private:
    std::string folder_name() const {
        const fs::path path = fs::absolute(folder_).lexically_normal();
        return (path.has_filename() ? path : path.parent_path()).filename().string();
    }

    void report(std::string_view file, std::string_view path, std::string message) {
        problems_.push_back({std::string(file), std::string(path), std::move(message)});
    }

    std::optional<std::string> content_of(std::string_view file) {
        try {
            return read_file(folder_ / file);
        } catch (const Error& error) {
            report(file, "", error.message());
            return std::nullopt;
        }
    }

    void read_json(std::string_view file, std::optional<JsonText>& into) {
        auto content = content_of(file);
        if (!content) return;
        try {
            into.emplace(*std::move(content));
        } catch (const Error& error) {
            report(file, "", error.message());
        }
    }

    void read_part(const Part& part) {
        if (part.field == template_part.field) {
            if (const auto content = content_of(part.file)) {
                add_field(part.field,
                          R"({"v2AppMustacheTemplate":")" + to_base64(*content) + "\"}");
            }
            return;
        }
        std::optional<JsonText> document;
        read_json(part.file, document);
        if (document) add_field(part.field, document->root().raw());
    }

    void add_field(std::string_view name, std::string_view value) {
        fields_.append(",\n  ").append(json_string(name)).append(": ").append(value);
    }

    std::optional<bool> take_selected(JsonNode package) {
        const auto selected = package.find("selected");
        if (!selected) return std::nullopt;
        if (!selected->is(JsonKind::boolean)) {
            report("package.json", "selected",
                   "must be true or false, not " + std::string(with_article(selected->type())));
        }
        return selected->raw() == "true";
    }

    void refuse_parts_in_package(JsonNode package) {
        for (const Part& part : parts) {
            if (package.find(part.field)) {
                report("package.json", part.field,
                       "belongs into the file " + std::string(part.file));
            }
        }
    }

    /// `package.json` with the other files as its fields.
    std::string assemble(const JsonText& package) const {
        const JsonNode root = package.root();
        std::map<std::string_view, std::size_t> last;
        for (const JsonNode member : root.children()) last[member.key()] = member.begin();
        std::size_t end = root.end() - 1;
        bool any = false;
        const auto removed = [&](JsonNode member) {
            const std::string_view key = member.key();
            const bool is_part = std::any_of(std::begin(parts), std::end(parts),
                                             [&](const Part& part) { return part.field == key; });
            if (key == "selected" || is_part || last[key] != member.begin()) return true;
            end = member.end();
            any = true;
            return false;
        };
        std::vector<TextEdit> edits = remove_members(root, removed);
        const auto at = std::find_if(edits.begin(), edits.end(),
                                     [&](const TextEdit& edit) { return edit.begin >= end; });
        edits.insert(at, {end, end, any || fields_.empty() ? fields_ : fields_.substr(1)});
        return apply_edits(package.text(), edits);
    }

    /// Tells a problem of the assembled definition by the file that it came from.
    void report_checked(Problem problem) {
        for (const Part& part : parts) {
            const std::string_view path = problem.path;
            if (!path.starts_with(part.field)) continue;
            const std::string_view rest = path.substr(part.field.size());
            if (!rest.empty() && rest.front() != '.' && rest.front() != '[') continue;
            // A template has no fields: what is wrong with it is wrong with the file.
            const bool has_fields = part.field != template_part.field;
            report(part.file, has_fields && rest.starts_with('.') ? rest.substr(1) : "",
                   std::move(problem.message));
            return;
        }
        report("package.json", problem.path, std::move(problem.message));
    }

    const fs::path& folder_;
    std::vector<Problem>& problems_;
    std::size_t before_;
    std::vector<Problem> checked_;
    std::string fields_;
};

/// How a package of a repository document is called in messages: `packages[3] (kafka 1.0)`.
std::string name_of(JsonNode package, std::size_t index) {
    std::string text = "packages[" + std::to_string(index) + "]";
    const auto name = package.find("name", JsonKind::string);
    const auto version = package.find("version", JsonKind::string);
    if (name && version) {
        text.append(" (").append(name->string().substr(0, 80)).append(" ");
        text.append(version->string().substr(0, 80)).append(")");
    }
    return text;
}

std::optional<UniverseRevision> read_repository_package(JsonNode package,
                                                        std::vector<Problem>& problems) {
    if (!package.is(JsonKind::object)) {
        problems.push_back(
            {"", "", "must be an object, not " + std::string(with_article(package.type()))});
        return std::nullopt;
    }
    const std::size_t before = problems.size();
    const auto release = package.find("releaseVersion");
    const auto number = release ? whole_number(release->raw()) : std::nullopt;
    if (!number) problems.push_back({"", "releaseVersion", "must be a whole number, 0 or more"});
    const auto selected = package.find("selected");
    if (selected && !selected->is(JsonKind::boolean)) {
        problems.push_back({"", "selected", "must be true or false"});
    }
    const std::size_t offset = package.begin();
    std::vector<TextEdit> edits = remove_members(package, [](JsonNode member) {
        return member.key() == "releaseVersion" || member.key() == "selected";
    });
    for (TextEdit& edit : edits) {
        edit.begin -= offset;
        edit.end -= offset;
    }
    auto metadata =
        PackageMetadata::check(apply_edits(package.raw(), edits), MetadataForm::metadata, problems);
    if (problems.size() != before) return std::nullopt;
    return UniverseRevision{
        *std::move(metadata), number,
        selected ? std::optional<bool>(selected->raw() == "true") : std::nullopt};
}

}  // namespace

std::optional<UniverseRevision> read_package_folder(const fs::path& folder,
                                                    std::vector<Problem>& problems) {
    return FolderReader(folder, problems).read();
}

std::vector<fs::path> find_package_folders(const fs::path& root) {
    std::vector<fs::path> folders;
    std::error_code error;
    if (fs::exists(root / "package.json", error)) folders.push_back(root);
    fs::recursive_directory_iterator entry(root, error);
    while (!error && entry != fs::recursive_directory_iterator()) {
        if (entry->is_directory(error) && fs::exists(entry->path() / "package.json", error)) {
            folders.push_back(entry->path());
        }
        entry.increment(error);
    }
    if (error) {
        throw Error(ErrorCode::io,
                    "cannot read the folder " + root.string() + ": " + error.message());
    }
    std::sort(folders.begin(), folders.end());
    return folders;
}

std::vector<UniverseRevision> read_repository(std::string text, std::vector<Problem>& problems) {
    std::vector<UniverseRevision> revisions;
    std::optional<JsonText> document;
    try {
        document.emplace(std::move(text));
    } catch (const Error& error) {
        problems.push_back({"", "", error.message()});
        return revisions;
    }
    const auto packages = document->root().find("packages", JsonKind::array);
    if (!packages) {
        problems.push_back({"", "packages",
                            "is missing, or not a list; a repository is an object "
                            "whose 'packages' is the list of its packages"});
        return revisions;
    }
    std::size_t index = 0;
    for (const JsonNode package : packages->children()) {
        const std::size_t before = problems.size();
        if (auto revision = read_repository_package(package, problems)) {
            revisions.push_back(*std::move(revision));
        }
        for (std::size_t i = before; i < problems.size(); ++i) {
            problems[i].file = name_of(package, index);
        }
        ++index;
    }
    return revisions;
}

std::vector<UniverseRevision> take_superseded(std::vector<UniverseRevision>& revisions) {
    std::map<PackageCoordinate, std::size_t> newest;
    for (std::size_t i = 0; i < revisions.size(); ++i) {
        const auto [known, added] = newest.emplace(revisions[i].metadata.coordinate(), i);
        if (!added && revisions[known->second].release_version < revisions[i].release_version) {
            known->second = i;
        }
    }
    std::vector<UniverseRevision> kept;
    std::vector<UniverseRevision> superseded;
    for (std::size_t i = 0; i < revisions.size(); ++i) {
        const bool is_newest = newest.at(revisions[i].metadata.coordinate()) == i;
        (is_newest ? kept : superseded).push_back(std::move(revisions[i]));
    }
    revisions = std::move(kept);
    return superseded;
}

}  // namespace pkgreg

// One function per kind of value, one table per kind of object. The tables follow the package
// registry's JSON schemas (draft 4) field by field; a schema library would say where a document
// fails, but not what is wanted there.
#include "dcos/package_rules.hpp"

#include "pkgreg/error.hpp"

#include "dcos/base64.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace pkgreg {

void append_key(std::string& path, std::string_view key) {
    const bool plain = !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-';
    });
    if (!plain) {
        path.append("[\"").append(key.substr(0, 80)).append("\"]");
        return;
    }
    if (!path.empty()) path.push_back('.');
    path.append(key.substr(0, 80));
}

namespace {

/// A hostile document could have a million problems; nobody reads more than this many.
constexpr std::size_t max_problems = 100;

std::string quoted(std::string_view text) {
    return "'" + std::string(text.substr(0, 80)) + (text.size() > 80 ? "…'" : "'");
}

/// White space as JSON schemas mean it: `\s` of ECMA-262.
bool has_white_space(std::string_view text) noexcept {
    if (text.find_first_of(" \t\n\v\f\r") != std::string_view::npos) return true;
    for (const std::string_view space :
         {"\u00a0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006",
          "\u2007", "\u2008", "\u2009", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000",
          "\ufeff"}) {
        if (text.find(space) != std::string_view::npos) return true;
    }
    return false;
}

/// A set of packaging versions, a bit for each.
using Versions = std::uint8_t;
constexpr Versions v3 = 1;
constexpr Versions v4 = 2;
constexpr Versions v5 = 4;
constexpr Versions every_version = v3 | v4 | v5;

class Checker {
 public:
    Checker(MetadataForm form, std::vector<Problem>& problems) noexcept
        : form_(form), problems_(problems) {}

    void check_document(JsonNode root);

 private:
    using Check = void (Checker::*)(JsonNode);
    struct Field {
        std::string_view name;
        Check check;
        bool required = false;
        Versions versions = every_version;
    };
    /// Extends the path while one member or element is looked at.
    class Step {
     public:
        Step(Checker& checker, std::string_view key) : path_(checker.path_), size_(path_.size()) {
            append_key(path_, key);
        }
        Step(Checker& checker, std::size_t index) : path_(checker.path_), size_(path_.size()) {
            path_.append("[").append(std::to_string(index)).append("]");
        }
        ~Step() { path_.resize(size_); }
        Step(const Step&) = delete;
        Step& operator=(const Step&) = delete;

     private:
        std::string& path_;
        std::size_t size_;
    };

    void report(std::string message) {
        if (count_ < max_problems) {
            problems_.push_back({"", path_, std::move(message)});
        } else if (count_ == max_problems) {
            problems_.push_back({"", "", "there are more problems than are listed here"});
        }
        ++count_;
    }

    bool require(JsonNode value, JsonKind type) {
        if (value.is(type)) return true;
        report("must be " + std::string(with_article(type)) + ", not " +
               std::string(with_article(value.type())));
        return false;
    }

    void require_match(JsonNode value, bool (*matches)(std::string_view), std::string_view wanted) {
        if (require(value, JsonKind::string) && !matches(value.string())) {
            report(quoted(value.string()) + " must be " + std::string(wanted));
        }
    }

    void one_of(JsonNode value, std::initializer_list<std::string_view> choices);
    void fields(JsonNode value, std::span<const Field> known, bool open_ended = false);
    void unknown_field(std::string_view key, std::span<const Field> known);
    void members(JsonNode value, Check check);
    void elements(JsonNode value, Check check);
    void duplicates(JsonNode value);

    bool local_reference(JsonNode value) {
        if (form_ != MetadataForm::build_definition || !value.is(JsonKind::string)) return false;
        if (!value.string().starts_with('@') || value.string().size() == 1) {
            report("must be its content, or '@' and the name of a file that has it");
        }
        return true;
    }

    // Values, by the names that the schemas give them.
    void any_string(JsonNode value) { require(value, JsonKind::string); }
    void boolean(JsonNode value) { require(value, JsonKind::boolean); }
    void number(JsonNode value) { require(value, JsonKind::number); }
    void object(JsonNode value) { require(value, JsonKind::object); }
    void string_list(JsonNode value) { elements(value, &Checker::any_string); }
    void package_name(JsonNode value) {
        require_match(value, &PackageName::is_valid,
                      "a package name: " + std::string(PackageName::rule));
    }
    void package_version(JsonNode value) {
        require_match(value, &PackageVersion::is_valid,
                      "a package version: " + std::string(PackageVersion::rule));
    }
    void release_version(JsonNode value) {
        require_match(value, &ReleaseVersion::is_valid,
                      "a DC/OS release: numbers without leading zeros, separated by dots");
    }
    void url(JsonNode value) {
        const auto is_url = [](std::string_view text) {
            return text.find_first_not_of("\r\n") != std::string_view::npos;
        };
        require_match(value, is_url, "a URL, not empty");
    }
    void tag(JsonNode value) {
        const auto is_tag = [](std::string_view text) {
            return !text.empty() && !has_white_space(text);
        };
        require_match(value, is_tag, "a word: not empty, no white space");
    }
    void tag_list(JsonNode value) { elements(value, &Checker::tag); }
    void packaging_version(JsonNode value);
    void template_text(JsonNode value);
    void license(JsonNode value);
    void license_list(JsonNode value) { elements(value, &Checker::license); }
    void manager(JsonNode value);
    void marathon(JsonNode value);
    void command(JsonNode value);
    void config(JsonNode value) {
        if (!local_reference(value)) object(value);
    }
    void resource(JsonNode value);
    void assets(JsonNode value);
    void container(JsonNode value);
    void string_map(JsonNode value) { members(value, &Checker::any_string); }
    void images(JsonNode value);
    void cli(JsonNode value);
    void binaries(JsonNode value);
    void platform(JsonNode value);
    void binary(JsonNode value);
    void binary_kind(JsonNode value) { one_of(value, {"executable", "zip"}); }
    void content_hash(JsonNode value);
    void hash(JsonNode value);
    void hash_algorithm(JsonNode value) { one_of(value, {"sha256"}); }

    MetadataForm form_;
    std::vector<Problem>& problems_;
    std::size_t count_ = 0;
    std::string path_;
    /// The version that the document declares; all of them while that is not known.
    Versions version_ = every_version;
};

Versions versions_of(std::string_view text) noexcept {
    if (text == "3.0") return v3;
    if (text == "4.0") return v4;
    if (text == "5.0") return v5;
    return 0;
}

void Checker::one_of(JsonNode value, std::initializer_list<std::string_view> choices) {
    if (!require(value, JsonKind::string)) return;
    if (std::find(choices.begin(), choices.end(), value.string()) != choices.end()) return;
    std::string wanted;
    for (const std::string_view choice : choices) {
        wanted.append(wanted.empty() ? "" : " or ").append(quoted(choice));
    }
    report("must be " + wanted + ", not " + quoted(value.string()));
}

void Checker::fields(JsonNode value, std::span<const Field> known, bool open_ended) {
    if (!require(value, JsonKind::object)) return;
    for (const JsonNode member : value.children()) {
        const Step step(*this, member.key());
        const auto field = std::find_if(known.begin(), known.end(), [&](const Field& candidate) {
            return candidate.name == member.key();
        });
        if (field == known.end()) {
            if (!open_ended) unknown_field(member.key(), known);
        } else if ((field->versions & version_) == 0) {
            report(field->versions == v3   ? "belongs to packaging version 3.0 only; remove it"
                   : field->versions == v5 ? "needs packaging version 5.0"
                                           : "needs packaging version 4.0 or later");
        } else {
            (this->*field->check)(member);
        }
    }
    for (const Field& field : known) {
        if (field.required && !value.find(field.name)) {
            const Step step(*this, field.name);
            report("is missing");
        }
    }
}

void Checker::unknown_field(std::string_view key, std::span<const Field> known) {
    if (path_ == "selected" || path_ == "releaseVersion") {
        report(
            "belongs to a repository, not to the definition of a package; remove it ('migrate' "
            "does)");
        return;
    }
    std::string names;
    for (const Field& field : known) {
        if ((field.versions & version_) != 0) {
            names.append(names.empty() ? "" : ", ").append(field.name);
        }
    }
    report("there is no field " + quoted(key) + " here; the fields are: " + names);
}

void Checker::members(JsonNode value, Check check) {
    if (!require(value, JsonKind::object)) return;
    for (const JsonNode member : value.children()) {
        const Step step(*this, member.key());
        (this->*check)(member);
    }
}

void Checker::elements(JsonNode value, Check check) {
    if (!require(value, JsonKind::array)) return;
    std::size_t i = 0;
    for (const JsonNode element : value.children()) {
        const Step step(*this, i++);
        (this->*check)(element);
    }
}

/// Reports keys that an object has twice, everywhere below `value`.
void Checker::duplicates(JsonNode value) {
    if (value.is(JsonKind::object)) {
        std::vector<std::string_view> keys;
        for (const JsonNode member : value.children()) keys.push_back(member.key());
        std::sort(keys.begin(), keys.end());
        for (auto twice = std::adjacent_find(keys.begin(), keys.end()); twice != keys.end();
             twice = std::adjacent_find(twice + 1, keys.end())) {
            const Step step(*this, *twice);
            report("is there more than once; programs would disagree on which counts");
        }
    }
    if (!value.is(JsonKind::object) && !value.is(JsonKind::array)) return;
    std::size_t i = 0;
    for (const JsonNode child : value.children()) {
        if (!child.has_children()) {
            ++i;
        } else if (value.is(JsonKind::object)) {
            const Step step(*this, child.key());
            duplicates(child);
        } else {
            const Step step(*this, i++);
            duplicates(child);
        }
    }
}

void Checker::packaging_version(JsonNode value) {
    if (value.is(JsonKind::string) && value.string() == "2.0") {
        report(std::string(packaging_2_problem));
        return;
    }
    one_of(value, {"3.0", "4.0", "5.0"});
}

void Checker::template_text(JsonNode value) {
    if (!require(value, JsonKind::string)) return;
    if (value.string().starts_with('@') && local_reference(value)) return;
    if (!is_base64(value.string())) {
        report(form_ == MetadataForm::build_definition
                   ? "must be a Mustache template in base64 on one line, not empty, or '@' and the "
                     "name of a file that has the template"
                   : "must be a Mustache template in base64 on one line, not empty");
    }
}

void Checker::license(JsonNode value) {
    static constexpr std::array table{Field{"name", &Checker::any_string, true},
                                      Field{"url", &Checker::url, true}};
    fields(value, table);
}

void Checker::manager(JsonNode value) {
    static constexpr std::array metadata{Field{"packageName", &Checker::package_name},
                                         Field{"minPackageVersion", &Checker::package_version}};
    static constexpr std::array build{Field{"packageName", &Checker::package_name, true},
                                      Field{"minPackageVersion", &Checker::package_version}};
    fields(value, form_ == MetadataForm::build_definition ? build : metadata, true);
}

void Checker::marathon(JsonNode value) {
    static constexpr std::array table{
        Field{"v2AppMustacheTemplate", &Checker::template_text, true}};
    fields(value, table);
}

void Checker::command(JsonNode value) {
    static constexpr std::array table{Field{"pip", &Checker::string_list, true}};
    fields(value, table);
}

void Checker::resource(JsonNode value) {
    static constexpr std::array table{Field{"assets", &Checker::assets},
                                      Field{"images", &Checker::images},
                                      Field{"cli", &Checker::cli}};
    if (!local_reference(value)) fields(value, table);
}

void Checker::assets(JsonNode value) {
    static constexpr std::array table{Field{"uris", &Checker::string_map},
                                      Field{"container", &Checker::container}};
    fields(value, table);
}

void Checker::container(JsonNode value) {
    static constexpr std::array table{Field{"docker", &Checker::string_map}};
    fields(value, table);
}

void Checker::images(JsonNode value) {
    static constexpr std::array table{
        Field{"icon-small", &Checker::any_string}, Field{"icon-medium", &Checker::any_string},
        Field{"icon-large", &Checker::any_string}, Field{"screenshots", &Checker::string_list}};
    fields(value, table);
}

void Checker::cli(JsonNode value) {
    static constexpr std::array table{Field{"binaries", &Checker::binaries, true}};
    fields(value, table);
}

void Checker::binaries(JsonNode value) {
    static constexpr std::array table{Field{"darwin", &Checker::platform},
                                      Field{"linux", &Checker::platform},
                                      Field{"windows", &Checker::platform}};
    fields(value, table);
    if (value.is(JsonKind::object) && !value.has_children()) {
        report("must have at least one of darwin, linux and windows");
    }
}

void Checker::platform(JsonNode value) {
    static constexpr std::array table{Field{"x86-64", &Checker::binary, true}};
    fields(value, table);
}

void Checker::binary(JsonNode value) {
    static constexpr std::array table{Field{"url", &Checker::url, true},
                                      Field{"kind", &Checker::binary_kind, true},
                                      Field{"contentHash", &Checker::content_hash, true}};
    fields(value, table);
}

void Checker::content_hash(JsonNode value) {
    elements(value, &Checker::hash);
    if (value.is(JsonKind::array) && !value.has_children()) report("must have at least one hash");
}

void Checker::hash(JsonNode value) {
    static constexpr std::array table{Field{"algo", &Checker::hash_algorithm, true},
                                      Field{"value", &Checker::any_string, true}};
    fields(value, table);
}

void Checker::check_document(JsonNode root) {
    static constexpr std::array table{
        Field{"packagingVersion", &Checker::packaging_version, true},
        Field{"name", &Checker::package_name, true},
        Field{"version", &Checker::package_version, true},
        Field{"maintainer", &Checker::any_string, true},
        Field{"description", &Checker::any_string, true},
        Field{"tags", &Checker::tag_list, true},
        Field{"scm", &Checker::any_string},
        Field{"website", &Checker::any_string},
        Field{"framework", &Checker::boolean},
        Field{"upgradesFrom", &Checker::string_list, false, v4 | v5},
        Field{"downgradesTo", &Checker::string_list, false, v4 | v5},
        Field{"preInstallNotes", &Checker::any_string},
        Field{"postInstallNotes", &Checker::any_string},
        Field{"postUninstallNotes", &Checker::any_string},
        Field{"licenses", &Checker::license_list},
        Field{"minDcosReleaseVersion", &Checker::release_version},
        Field{"manager", &Checker::manager, false, v5},
        Field{"marathon", &Checker::marathon},
        Field{"resource", &Checker::resource},
        Field{"config", &Checker::config},
        Field{"command", &Checker::command, false, v3},
        Field{"hasKnownIssues", &Checker::boolean},
        Field{"lastUpdated", &Checker::number},
    };
    if (const auto declared = root.find("packagingVersion", JsonKind::string)) {
        const Versions version = versions_of(declared->string());
        version_ = version != 0 ? version : every_version;
    }
    fields(root, table);
    duplicates(root);
}

}  // namespace

void check_package(const JsonText& document, MetadataForm form, std::vector<Problem>& problems) {
    Checker(form, problems).check_document(document.root());
}

}  // namespace pkgreg

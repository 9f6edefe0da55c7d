#include "pkgreg/options.hpp"

#include "pkgreg/error.hpp"

#include "base/json.hpp"
#include "base/json_text.hpp"
#include "base/mask_secrets.hpp"
#include "base/options_fields.hpp"
#include "base/options_rules.hpp"
#include "base/problems.hpp"
#include "base/s3_url.hpp"

#include <algorithm>
#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <type_traits>
#include <utility>

namespace pkgreg {
namespace {

using options_fields::visit_fields;
using namespace options_rules;

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

std::string join(std::string_view path, std::string_view key) {
    return path.empty() ? std::string(key) : std::string(path).append(".").append(key);
}

/// A key of the document in a message: as it is when it is plain, else quoted and escaped.
std::string shown_key(std::string_view key) {
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
    };
    if (!key.empty() && key.size() <= 64 && std::ranges::all_of(key, plain)) {
        return std::string(key);
    }
    return json_string(key.substr(0, 64));
}

// Suggestions.

/// Collects the full path of every key there is; those that belong elsewhere come last.
class PathCollector {
 public:
    template <class T, class Condition>
    void operator()(std::string_view key, const T&, Condition) {
        add(join(path_, key));
    }
    template <class T>
    void object(std::string_view key, T& member) {
        const std::string outer = std::exchange(path_, join(path_, key));
        add(path_);
        if constexpr (IsOptional<T>::value) {
            typename T::value_type value;
            visit_fields(*this, value);
        } else {
            visit_fields(*this, member);
        }
        path_ = outer;
    }
    template <class T>
    void moved(std::string_view key, T& member) {
        const bool outer = std::exchange(moved_, true);
        object(key, member);
        moved_ = outer;
    }
    std::vector<std::string> take() {
        std::ranges::move(moved_paths_, std::back_inserter(paths_));
        return std::move(paths_);
    }

 private:
    void add(std::string path) { (moved_ ? moved_paths_ : paths_).push_back(std::move(path)); }

    std::string path_;
    bool moved_ = false;
    std::vector<std::string> paths_;
    std::vector<std::string> moved_paths_;
};

std::string_view last_key(std::string_view path) {
    return path.substr(path.rfind('.') + 1);
}

/// What to write instead of the unknown `key` inside the object `path`: the known path that comes
/// nearest, or, where none is near, the keys of that object.
std::string suggest(std::string_view path, std::string_view key) {
    Options options;
    PathCollector collector;
    visit_fields(collector, options);
    key = key.substr(0, 64);
    std::string nearest;
    std::string siblings;
    std::size_t least = key.size() + 2;  // one letter in two may be wrong
    for (std::string& known : collector.take()) {
        const std::string_view last = last_key(known);
        const bool sibling = known == join(path, last);
        if (sibling) siblings.append(siblings.empty() ? "" : ", ").append(last);
        // The same key in another object is as good as one here with two letters wrong.
        const std::size_t apart = 2 * spelling_distance(last, key) + (sibling ? 0 : 3);
        if (apart < least) {
            least = apart;
            nearest = std::move(known);
        }
    }
    if (nearest.empty()) return "known here: " + siblings;
    return "did you mean " + nearest + "?";
}

// Reading.

/// Where a value was given; line 0: nowhere in a document.
struct Place {
    std::string path;
    std::size_t line = 0;
};

/// Where a document gives the value at `path`.
std::optional<Place> find_place(const JsonValue& root, std::string_view path) {
    const JsonValue* object = &root;
    std::size_t line = 0;
    for (std::string_view rest = path; !rest.empty();) {
        const std::size_t end = std::min(rest.find('.'), rest.size());
        const auto member =
            std::ranges::find(object->members, rest.substr(0, end), &JsonMember::name);
        if (member == object->members.end()) return std::nullopt;
        line = member->line;
        object = &member->value;
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return Place{std::string(path), line};
}

/// Fills the options from the members of one object, and in turn those of the objects inside it.
class Reader {
 public:
    Reader(const JsonValue& root, Problems& problems) : object_(&root), problems_(problems) {}

    template <class T, class Condition>
    void operator()(std::string_view key, T& target, Condition condition) {
        const JsonMember* member = take(key);
        const std::string path = join(path_, key);
        if (!member) {
            if (is_required(condition)) problems_.add(object_->line, path, "must be given");
            return;
        }
        T value = target;
        Problem problem = convert(member->value, value, condition);
        if (!problem) problem = problem_of(value, condition);
        if (problem) {
            problems_.add(member->line, path, *problem);
            return;
        }
        const auto [first, fresh] = places_.try_emplace(&target, Place{path, member->line});
        if (!fresh && value != target) {
            problems_.add(member->line, path,
                          "differs from " + first->second.path + " on line " +
                              std::to_string(first->second.line) + "; give one of them");
            return;
        }
        target = std::move(value);
    }

    template <class T>
    void object(std::string_view key, T& target) {
        const JsonMember* member = take(key);
        if (!member) return;
        const std::string path = join(path_, key);
        if (member->value.type != JsonValue::Type::object) {
            problems_.add(member->line, path, "must be an object, not " + member->value.describe());
            return;
        }
        const std::string outer_path = std::exchange(path_, path);
        const JsonValue* outer = std::exchange(object_, &member->value);
        auto outer_taken = std::exchange(taken_, {});
        if constexpr (IsOptional<T>::value) {
            visit_fields(*this, target.emplace());
        } else {
            visit_fields(*this, target);
        }
        refuse_unknown();
        taken_ = std::move(outer_taken);
        object_ = outer;
        path_ = outer_path;
    }

    template <class T>
    void moved(std::string_view key, T& target) {
        object(key, target);
    }

    /// Names the members that no field took.
    void refuse_unknown() {
        for (const JsonMember& member : object_->members) {
            if (problems_.is_full()) return;
            if (std::ranges::find(taken_, &member) != taken_.end()) continue;
            problems_.add(member.line, join(path_, shown_key(member.name)),
                          "unknown option; " + suggest(path_, member.name));
        }
    }

 private:
    const JsonMember* take(std::string_view key) {
        const auto found = std::ranges::find(object_->members, key, &JsonMember::name);
        if (found == object_->members.end()) return nullptr;
        taken_.push_back(&*found);
        return &*found;
    }

    static Problem wrong_type(std::string_view wanted, const JsonValue& found) {
        return "must be " + std::string(wanted) + ", not " + found.describe();
    }

    static Problem convert(const JsonValue& source, bool& target, Any) {
        if (source.type != JsonValue::Type::boolean) return wrong_type("true or false", source);
        target = source.boolean;
        return {};
    }
    static Problem convert(const JsonValue& source, std::string& target, Text) {
        if (source.type != JsonValue::Type::string) return wrong_type("a string", source);
        target = source.text;
        return {};
    }
    static Problem convert(const JsonValue& source, std::vector<std::string>& target, Text) {
        constexpr std::string_view wanted = "a string or an array of strings";
        target.clear();
        if (source.type == JsonValue::Type::string) {
            target.push_back(source.text);
            return {};
        }
        if (source.type != JsonValue::Type::array) return wrong_type(wanted, source);
        for (const JsonValue& item : source.items) {
            if (item.type != JsonValue::Type::string) {
                return wrong_type(wanted, source).value() + " with " + item.describe();
            }
            target.push_back(item.text);
        }
        return {};
    }
    static Problem convert(const JsonValue& source, std::optional<double>& target, Range) {
        if (source.type != JsonValue::Type::number) return wrong_type("a number", source);
        target = source.number;
        return {};
    }
    static Problem convert(const JsonValue& source, std::optional<std::uint32_t>& target,
                           Range range) {
        return convert(source, target.emplace(), range);
    }
    template <std::unsigned_integral T>
    static Problem convert(const JsonValue& source, T& target, Range range) {
        if (!source.integer) return wrong_type("a whole number", source);
        if (Problem problem = problem_of(source.number, range)) return problem;
        target = static_cast<T>(*source.integer);
        return {};
    }
    template <class E>
    requires std::is_enum_v<E>
    static Problem convert(const JsonValue& source, E& target, Any) {
        if (source.type != JsonValue::Type::string) return wrong_type(list_words(target), source);
        const auto value = value_of<E>(source.text);
        if (!value) return "must be " + list_words(target) + ", not " + json_string(source.text);
        target = *value;
        return {};
    }

    const JsonValue* object_;
    Problems& problems_;
    std::string path_;
    std::vector<const JsonMember*> taken_;
    std::map<const void*, Place> places_;
};

// Checking.

/// Looks at the values that a program put in.
class Checker {
 public:
    explicit Checker(Problems& problems) : problems_(problems) {}

    template <class T, class Condition>
    void operator()(std::string_view key, const T& value, Condition condition) {
        if (const Problem problem = problem_of(value, condition)) {
            problems_.add(0, join(path_, key), *problem);
        }
    }
    template <class T>
    void object(std::string_view key, T& member) {
        const std::string outer = std::exchange(path_, join(path_, key));
        if constexpr (IsOptional<std::remove_const_t<T>>::value) {
            if (member) visit_fields(*this, *member);
        } else {
            visit_fields(*this, member);
        }
        path_ = outer;
    }
    template <class T>
    void moved(std::string_view, T&) {}

 private:
    Problems& problems_;
    std::string path_;
};

bool is_s3(const Options& options) {
    return options.program.storage.empty() ? options.s3.has_value()
                                           : options.program.storage.starts_with(s3_scheme);
}

/// The bucket. What is wrong with its URL goes to `add(path, problem)`.
template <class Add>
S3Storage read_s3_storage(const Options& options, Add add) {
    if (options.program.storage.empty()) {
        S3Storage storage{*options.s3, options.program.s3};
        storage.place.path = without_outer_slashes(options.s3->path);
        return storage;
    }
    std::vector<std::string> problems;
    S3Storage storage = read_s3_url(options.program.storage, options.program.s3, problems);
    for (const std::string& problem : problems) add("pkgreg.storage", problem);
    return storage;
}

/// What the parts of storage in a bucket are together.
template <class Add>
void check_s3(const Options& options, Add add) {
    const auto [place, settings] = read_s3_storage(options, add);
    // A URL brings its own values, so that is where to look.
    const bool by_url = !options.program.storage.empty();
    const auto wrong = [&](std::string_view path, const std::string& problem) {
        const std::string name(last_key(path));
        add(by_url ? "pkgreg.storage" : path, by_url ? name + ' ' + problem : problem);
    };
    if (!settings.credential_file.empty() && !place.credential_secret_path.empty()) {
        wrong("pkgreg.s3.credential-file",
              "stands beside credential-secret-path, but keys come from one place; give one of "
              "them");
    }
    if (!settings.kms_key.empty() && settings.encryption != "aws:kms") {
        wrong("pkgreg.s3.kms-key", "goes with the encryption aws:kms only");
    }
    if (settings.parts_in_flight > settings.max_parts) {
        wrong("pkgreg.s3.parts-in-flight", "must be at most max-parts, " +
                                               std::to_string(settings.max_parts) + ", not " +
                                               std::to_string(settings.parts_in_flight));
    }
}

/// What no single value can tell. `locate` finds where the value at a path was given.
template <class Locate>
void check_together(const Options& options, Problems& problems, Locate locate) {
    const auto add = [&](std::string_view path, const std::string& problem) {
        const Place place = locate(path);
        problems.add(place.line, place.path, problem);
    };
    if (options.s3 && options.mount_volume) {
        add("registry.mount-volume",
            "stands beside registry.s3, but content is kept in one place; give one of them");
    }
    if (!options.program.storage.empty() && (options.s3 || options.mount_volume)) {
        add("pkgreg.storage", std::string("stands beside registry.") +
                                  (options.s3 ? "s3" : "mount-volume") +
                                  ", but content is kept in one place; give one of them");
    }
    const std::uint32_t instances = options.service.instances.value_or(1);
    if (instances > 1 && !is_s3(options)) {
        add("service.instances",
            std::to_string(instances) +
                " instances cannot share local storage: a directory has one writer, and instances "
                "share nothing but a bucket; set it to 1, or give registry.s3");
    }
    if (is_s3(options)) check_s3(options, add);
    const ProgramOptions& program = options.program;
    if (program.tls_cert.empty() != program.tls_key.empty()) {
        const bool no_key = program.tls_key.empty();
        add(no_key ? "pkgreg.tls-cert" : "pkgreg.tls-key",
            std::string("TLS needs a certificate and its key; give pkgreg.") +
                (no_key ? "tls-key" : "tls-cert") + " as well");
    }
    const bool by_cluster = program.cluster.certificate == ClusterCertificate::on;
    if (by_cluster && !program.tls_cert.empty()) {
        add("pkgreg.cluster.certificate",
            "is \"on\", but pkgreg.tls-cert gives another certificate; give one of them");
    }
    if (by_cluster || !program.tls_cert.empty()) return;
    if (!program.redirect_http.empty()) {
        add("pkgreg.redirect-http",
            "sends requests on to TLS, and there is none; give pkgreg.tls-cert and pkgreg.tls-key, "
            "or \"on\" for pkgreg.cluster.certificate");
    }
    if (!program.tls_client_ca.empty() || program.tls_require_client_cert) {
        add(program.tls_client_ca.empty() ? "pkgreg.tls-require-client-cert"
                                          : "pkgreg.tls-client-ca",
            "clients show certificates over TLS only; give pkgreg.tls-cert and pkgreg.tls-key, or "
            "\"on\" for pkgreg.cluster.certificate");
    }
}

// Printing.

class Printer {
 public:
    template <class T, class Condition>
    void operator()(std::string_view key, const T& value, Condition) {
        if constexpr (IsOptional<T>::value) {
            if (!value) return;
        }
        if constexpr (std::is_same_v<T, std::string> ||
                      std::is_same_v<T, std::vector<std::string>>) {
            if (value.empty()) return;
        }
        begin(key);
        print(value);
    }
    template <class T>
    void object(std::string_view key, T& member) {
        if constexpr (IsOptional<std::remove_const_t<T>>::value) {
            if (!member) return;
            begin(key);
            braces(*member);
        } else {
            begin(key);
            braces(member);
        }
    }
    template <class T>
    void moved(std::string_view, T&) {}

    template <class T>
    void braces(T& object) {
        out_ += '{';
        ++depth_;
        empty_ = true;
        visit_fields(*this, object);
        --depth_;
        break_line();
        out_ += '}';
        empty_ = false;
    }
    std::string take() { return std::move(out_) + '\n'; }

 private:
    void break_line() { out_.append("\n").append(2 * depth_, ' '); }
    void begin(std::string_view key) {
        if (!std::exchange(empty_, false)) out_ += ',';
        break_line();
        append_json_string(out_, key);
        out_ += ": ";
    }
    void print(bool value) { out_ += value ? "true" : "false"; }
    void print(const std::string& value) { append_json_string(out_, masked_url(value)); }
    void print(const std::optional<double>& value) { out_ += number_text(*value); }
    void print(const std::optional<std::uint32_t>& value) { print(*value); }
    void print(std::uint64_t value) { out_ += std::to_string(value); }
    void print(std::uint32_t value) { out_ += std::to_string(value); }
    template <class E>
    requires std::is_enum_v<E>
    void print(E value) { append_json_string(out_, word_of(value)); }
    void print(const std::vector<std::string>& value) {
        out_ += '[';
        for (std::size_t i = 0; i < value.size(); ++i) {
            if (i != 0) out_ += ", ";
            print(value[i]);
        }
        out_ += ']';
    }

    std::string out_;
    std::size_t depth_ = 0;
    bool empty_ = true;
};

}  // namespace

std::string Options::storage() const {
    if (!program.storage.empty()) return program.storage;
    if (s3) {
        return std::string(s3_scheme) + s3->bucket + '/' +
               std::string(without_outer_slashes(s3->path));
    }
    return mount_volume ? mount_volume->container_path : std::string();
}

std::optional<S3Storage> Options::s3_storage() const {
    if (!is_s3(*this)) return std::nullopt;
    Problems problems({});
    S3Storage storage = read_s3_storage(
        *this, [&](std::string_view path, std::string_view what) { problems.add(0, path, what); });
    problems.throw_if_any();
    return storage;
}

Options parse_options(std::string_view json, std::string_view source) {
    const JsonValue root = parse_json(json, source);
    if (root.type != JsonValue::Type::object) {
        throw Error(ErrorCode::invalid_options,
                    std::string(source) + ":" + std::to_string(root.line) +
                        ": the document must be an object, { … }, not " + root.describe());
    }
    Problems problems(source);
    Options options;
    Reader reader(root, problems);
    visit_fields(reader, options);
    reader.refuse_unknown();
    check_together(options, problems, [&](std::string_view path) {
        if (const auto place = find_place(root, path)) return *place;
        // Only `service` may stand elsewhere.
        return find_place(root, join("registry", path)).value_or(Place{std::string(path), 0});
    });
    problems.throw_if_any();
    return options;
}

Options read_options(const std::filesystem::path& file) {
    const auto fail = [&] {
        throw Error(ErrorCode::io,
                    "cannot read the options file " + file.string() + ": " + std::strerror(errno));
    };
    errno = 0;
    std::ifstream stream(file, std::ios::binary);
    if (!stream) fail();
    const std::string text(std::istreambuf_iterator<char>(stream), {});
    if (stream.bad()) fail();
    return parse_options(text, file.string());
}

void check_options(const Options& options) {
    Problems problems({});
    Checker checker(problems);
    visit_fields(checker, options);
    check_together(options, problems, [](std::string_view path) {
        return Place{std::string(path), 0};
    });
    problems.throw_if_any();
}

std::string print_options(const Options& options) {
    Printer printer;
    printer.braces(options);
    return printer.take();
}

}  // namespace pkgreg

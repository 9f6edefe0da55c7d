// The documents of one set of packages, kept by what they were made for.
#include "pkgreg/error.hpp"
#include "pkgreg/hasher.hpp"

#include "dcos/document_compression.hpp"
#include "dcos/repository_text.hpp"

#include <algorithm>
#include <atomic>
#include <compare>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pkgreg {
namespace {

constexpr std::size_t coded_forms = 2;  // gzip, zstd
/// Documents that wait for their strongest compression. More would only be wanted by someone who
/// asks under ever new host names.
constexpr std::size_t max_pending = 8;

std::size_t index_of(ContentCoding coding) noexcept {
    return coding == ContentCoding::gzip ? 0 : 1;
}

/// A set of packages in the order of documents, with what follows from it.
struct Snapshot {
    std::vector<UniversePackage> packages;
    /// Each release from which more packages are listed, ascending.
    std::vector<ReleaseVersion> thresholds;
    bool has_address = false;
    std::size_t footprint = 0;

    explicit Snapshot(std::vector<UniversePackage> set) : packages(std::move(set)) {
        std::sort(packages.begin(), packages.end(),
                  [](const UniversePackage& a, const UniversePackage& b) {
                      if (a.coordinate().name() != b.coordinate().name()) {
                          return a.coordinate().name() < b.coordinate().name();
                      }
                      if (a.release_version() != b.release_version()) {
                          return a.release_version() < b.release_version();
                      }
                      return a.coordinate() < b.coordinate();
                  });
        for (const UniversePackage& package : packages) {
            thresholds.push_back(package.min_release());
            has_address |= package.state().list(PackageVariant::as_it_is).has_address();
            footprint += package.state().footprint();
        }
        std::sort(thresholds.begin(), thresholds.end());
        thresholds.erase(std::unique(thresholds.begin(), thresholds.end()), thresholds.end());
    }

    /// Packages of that name.
    std::pair<std::size_t, std::size_t> range(const PackageName& name) const {
        const auto less = [](const UniversePackage& package, const PackageName& wanted) {
            return package.coordinate().name() < wanted;
        };
        const auto first = std::lower_bound(packages.begin(), packages.end(), name, less);
        const auto last = std::find_if(first, packages.end(), [&](const UniversePackage& package) {
            return package.coordinate().name() != name;
        });
        return {first - packages.begin(), last - packages.begin()};
    }
};

/// Those packages of a snapshot that a request may be shown.
struct Selection {
    /// In byte order; nothing: all.
    std::optional<std::vector<std::string>> names = {};
    /// Says which those are.
    std::string key = {};

    static Selection of(const Snapshot& snapshot, const PackageFilter& visible) {
        Selection selection;
        if (!visible) return selection;
        std::vector<std::string> names;
        bool all = true;
        const PackageName* asked = nullptr;
        for (const UniversePackage& package : snapshot.packages) {
            const PackageName& name = package.coordinate().name();
            if (asked && *asked == name) continue;
            asked = &name;
            if (visible(name)) {
                names.push_back(name.str());
            } else {
                all = false;
            }
        }
        if (all) return selection;
        Hasher hasher(DigestAlgorithm::sha256);
        for (const std::string& name : names) {
            hasher.update(name);
            hasher.update("/");
        }
        selection.key = hasher.digest().hex();
        selection.names = std::move(names);
        return selection;
    }

    bool has(const PackageName& name) const {
        return !names || std::binary_search(names->begin(), names->end(), name.str());
    }
};

/// What makes a document differ from another one of the same snapshot. Releases that list the same
/// packages in the same form are one.
struct FormKey {
    RepositoryFormat format;
    bool before_1_10;
    std::size_t rank;  ///< how many thresholds the release has reached
    std::string resource_base;
    std::string image_host;
    std::string name;      ///< empty: all packages
    std::string selected;  ///< of a selection; empty: all packages

    auto operator<=>(const FormKey&) const = default;
};

FormKey key_of(const Snapshot& snapshot, const UniverseDocuments::Request& request,
               const Selection& selection) {
    const ReleaseVersion& release = request.form.release;
    const auto reached =
        std::upper_bound(snapshot.thresholds.begin(), snapshot.thresholds.end(), release);
    FormKey key{request.form.format,
                release < ReleaseVersion::parse("1.10"),
                static_cast<std::size_t>(reached - snapshot.thresholds.begin()),
                {},
                {},
                request.name ? request.name->str() : std::string(),
                selection.key};
    if (snapshot.has_address) {
        key.resource_base = request.address.resource_base;
        key.image_host = request.address.image_host;
    }
    return key;
}

/// A document of all packages is asked for again in any case. What a few callers may see may be let
/// go of before one of them comes back: the strongest compression, which takes a second, waits for
/// that.
bool is_wanted_by_many(const FormKey& key) noexcept {
    return key.selected.empty();
}

PackageVariant variant_of(const FormKey& key) noexcept {
    if (key.before_1_10) return PackageVariant::before_1_10;
    return key.format == RepositoryFormat::v3 ? PackageVariant::without_manager
                                              : PackageVariant::as_it_is;
}

RepositoryText make_text(const Snapshot& snapshot, const FormKey& key, const Selection& selection) {
    auto [first, last] = std::pair<std::size_t, std::size_t>(0, snapshot.packages.size());
    if (!key.name.empty()) {
        const PackageName name = PackageName::parse(key.name);
        std::tie(first, last) = snapshot.range(name);
        if (first == last) {
            throw Error(ErrorCode::not_found, "there is no package '" + key.name + "'");
        }
    }
    std::vector<UniversePackage> listed;
    for (std::size_t i = first; i < last; ++i) {
        const UniversePackage& package = snapshot.packages[i];
        const bool reached =
            key.rank > 0 && package.min_release() <= snapshot.thresholds[key.rank - 1];
        const bool readable = key.format != RepositoryFormat::v4 ||
                              package.state().packaging_version != PackagingVersion::v5_0;
        const bool shown = selection.has(package.coordinate().name());
        if (reached && readable && shown) listed.push_back(package);
    }
    return RepositoryText(std::make_shared<const RepositoryText::State>(
        std::move(listed), variant_of(key), RegistryAddress{key.resource_base, key.image_host}));
}

std::string make_etag(const RepositoryText& text, const FormKey& key) {
    Hasher hasher(DigestAlgorithm::sha256);
    const char form[] = {static_cast<char>(key.format), static_cast<char>(key.before_1_10)};
    hasher.update(std::string_view(form, sizeof form));
    hasher.update(key.resource_base);
    hasher.update(std::string_view("\0", 1));
    hasher.update(key.image_host);
    for (const UniversePackage& package : text.state().packages) {
        hasher.update(std::as_bytes(package.state().digest.hash()));
    }
    return "W/\"" + hasher.digest().hex().substr(0, 32) + "\"";
}

struct Form {
    RepositoryText text;
    std::string etag;
    std::shared_ptr<const std::string> coded[coded_forms] = {};
    std::uint64_t last_used = 0;
    /// Compressed, and asked for once more since.
    bool asked_again[coded_forms] = {};

    std::size_t footprint() const noexcept {
        std::size_t bytes = sizeof(Form) + sizeof(FormKey) + 256 +
                            text.state().packages.capacity() * sizeof(UniversePackage);
        for (const auto& form : coded) bytes += form ? form->capacity() : 0;
        return bytes;
    }
};

}  // namespace

struct UniverseDocuments::State : std::enable_shared_from_this<UniverseDocuments::State> {
    State(std::size_t bytes, Background run)
        : limit(bytes),
          background(std::move(run)),
          snapshot(std::make_shared<Snapshot>(std::vector<UniversePackage>())) {}

    const std::size_t limit;
    const Background background;
    /// Counts sets of packages; what was begun for an older one is not wanted any more.
    std::atomic<std::uint64_t> generation{0};

    /// One document is compressed at a time, so that many who ask for the same one wait for it
    /// rather than make it again, and memory for compression is needed once.
    std::mutex building;

    mutable std::mutex mutex;
    // Guarded by `mutex`:
    std::shared_ptr<const Snapshot> snapshot;
    std::map<FormKey, Form> forms;
    std::size_t forms_bytes = 0;
    std::size_t deflated_bytes = 0;
    std::uint64_t clock = 0;
    std::vector<std::pair<FormKey, ContentCoding>> pending;
    bool strengthening = false;

    Selection select(const Request& request) const;
    Form& form_of(const FormKey& key, const Selection& selection);
    std::optional<RepositoryDocument> find(const Request& request, const Selection& selection);
    RepositoryDocument build(const Request& request, const Selection& selection);
    void keep(const FormKey& key, std::uint64_t made_for, ContentCoding coding,
              const std::shared_ptr<const std::string>& bytes);
    void keep_within_limit();
    void ask_for_strongest(const FormKey& key, ContentCoding coding);
    void strengthen();
};

/// Asks the filter, outside the lock. A package that comes later is not shown to this request.
Selection UniverseDocuments::State::select(const Request& request) const {
    if (!request.visible) return {};
    if (request.name) {
        if (request.visible(*request.name)) return {};
        throw Error(ErrorCode::not_found, "there is no package '" + request.name->str() + "'");
    }
    std::shared_ptr<const Snapshot> current;
    {
        const std::lock_guard lock(mutex);
        current = snapshot;
    }
    return Selection::of(*current, request.visible);
}

/// The form of that key, made if need be. Under `mutex`.
Form& UniverseDocuments::State::form_of(const FormKey& key, const Selection& selection) {
    auto found = forms.find(key);
    if (found == forms.end()) {
        const RepositoryText text = make_text(*snapshot, key, selection);
        found = forms.emplace(key, Form{text, make_etag(text, key)}).first;
        forms_bytes += found->second.footprint();
    }
    found->second.last_used = ++clock;
    return found->second;
}

std::optional<RepositoryDocument> UniverseDocuments::State::find(const Request& request,
                                                                 const Selection& selection) {
    std::unique_lock lock(mutex);
    const FormKey key = key_of(*snapshot, request, selection);
    Form& form = form_of(key, selection);
    RepositoryDocument document{form.text,      form.etag, content_type(request.form.format),
                                request.coding, nullptr,   form.text.size()};
    bool again = false;
    if (request.coding != ContentCoding::identity) {
        const std::size_t index = index_of(request.coding);
        document.bytes = form.coded[index];
        if (!document.bytes) return std::nullopt;
        document.size = document.bytes->size();
        again = !std::exchange(form.asked_again[index], true);
    }
    keep_within_limit();
    lock.unlock();
    if (again && !is_wanted_by_many(key)) ask_for_strongest(key, request.coding);
    return document;
}

RepositoryDocument UniverseDocuments::State::build(const Request& request,
                                                   const Selection& selection) {
    const std::lock_guard one_at_a_time(building);
    if (auto document = find(request, selection)) return *std::move(document);

    std::unique_lock lock(mutex);
    const std::uint64_t made_for = generation;
    const FormKey key = key_of(*snapshot, request, selection);
    const Form& form = form_of(key, selection);
    RepositoryDocument document{form.text,      form.etag, content_type(request.form.format),
                                request.coding, nullptr,   0};
    lock.unlock();
    document.bytes = std::make_shared<const std::string>(request.coding == ContentCoding::gzip
                                                             ? gzip_quickly(document.text)
                                                             : zstd_quickly(document.text));
    document.size = document.bytes->size();
    keep(key, made_for, request.coding, document.bytes);
    if (is_wanted_by_many(key)) ask_for_strongest(key, request.coding);
    return document;
}

void UniverseDocuments::State::keep(const FormKey& key, std::uint64_t made_for,
                                    ContentCoding coding,
                                    const std::shared_ptr<const std::string>& bytes) {
    const std::lock_guard lock(mutex);
    if (generation != made_for) return;
    const auto found = forms.find(key);
    if (found == forms.end()) return;
    forms_bytes -= found->second.footprint();
    found->second.coded[index_of(coding)] = bytes;
    forms_bytes += found->second.footprint();
    deflated_bytes = 0;
    for (const UniversePackage& package : snapshot->packages) {
        deflated_bytes += package.state().deflated_footprint();
    }
    keep_within_limit();
}

/// Lets go of what was used least recently. Under `mutex`.
void UniverseDocuments::State::keep_within_limit() {
    const std::size_t text = snapshot->footprint;
    const std::size_t rest = std::max(limit / 4, limit > text ? limit - text : 0);
    while (forms_bytes + deflated_bytes > rest) {
        if (forms.size() <= 1 && deflated_bytes != 0) {
            for (const UniversePackage& package : snapshot->packages) {
                for (std::size_t i = 0; i < variant_count; ++i) {
                    package.state().keep_deflated(static_cast<PackageVariant>(i), nullptr);
                }
            }
            deflated_bytes = 0;
            continue;
        }
        const auto oldest = std::min_element(
            forms.begin(), forms.end(),
            [](const auto& a, const auto& b) { return a.second.last_used < b.second.last_used; });
        if (oldest == forms.end()) return;
        forms_bytes -= oldest->second.footprint();
        forms.erase(oldest);
    }
}

void UniverseDocuments::State::ask_for_strongest(const FormKey& key, ContentCoding coding) {
    if (!background) return;
    {
        const std::lock_guard lock(mutex);
        if (pending.size() == max_pending) pending.erase(pending.begin());
        pending.emplace_back(key, coding);
        if (strengthening) return;
        strengthening = true;
    }
    // The job holds nothing: the documents may be gone before it runs.
    background([weak = weak_from_this()] {
        if (const auto state = weak.lock()) state->strengthen();
    });
}

/// Compresses what is pending as well as it can be, the newest first.
void UniverseDocuments::State::strengthen() {
    while (true) {
        std::unique_lock lock(mutex);
        if (pending.empty()) {
            strengthening = false;
            return;
        }
        const auto [key, coding] = std::move(pending.back());
        pending.pop_back();
        const auto found = forms.find(key);
        if (found == forms.end()) continue;
        const RepositoryText text = found->second.text;
        const std::uint64_t made_for = generation;
        lock.unlock();

        try {
            const auto cancelled = [this, made_for] { return generation != made_for; };
            auto bytes = coding == ContentCoding::gzip ? gzip_strongest(text, cancelled)
                                                       : zstd_strongest(text, cancelled);
            if (bytes) {
                keep(key, made_for, coding, std::make_shared<const std::string>(*std::move(bytes)));
            }
        } catch (const std::exception&) {
            // No memory for it: the document that is there does as well.
        }
    }
}

UniverseDocuments::UniverseDocuments(std::size_t limit, Background background)
    : state_(std::make_shared<State>(limit, std::move(background))) {}

UniverseDocuments::~UniverseDocuments() {
    const std::lock_guard lock(state_->mutex);
    ++state_->generation;
    state_->pending.clear();
}

void UniverseDocuments::set_packages(std::vector<UniversePackage> packages) {
    auto snapshot = std::make_shared<const Snapshot>(std::move(packages));
    std::size_t deflated = 0;
    for (const UniversePackage& package : snapshot->packages) {
        deflated += package.state().deflated_footprint();
    }
    // Destroyed outside the lock.
    std::map<FormKey, Form> old_forms;
    std::shared_ptr<const Snapshot> old_snapshot = std::move(snapshot);
    const std::lock_guard lock(state_->mutex);
    ++state_->generation;
    old_snapshot.swap(state_->snapshot);
    old_forms.swap(state_->forms);
    state_->forms_bytes = 0;
    state_->deflated_bytes = deflated;
    state_->pending.clear();
    state_->keep_within_limit();
}

RepositoryDocument UniverseDocuments::get(const Request& request) {
    const Selection selection = state_->select(request);
    if (auto document = state_->find(request, selection)) return *std::move(document);
    return state_->build(request, selection);
}

std::optional<RepositoryDocument> UniverseDocuments::try_get(const Request& request) {
    return state_->find(request, state_->select(request));
}

std::size_t UniverseDocuments::held() const {
    const std::lock_guard lock(state_->mutex);
    return state_->snapshot->footprint + state_->forms_bytes + state_->deflated_bytes;
}

}  // namespace pkgreg

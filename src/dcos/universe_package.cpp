#include "dcos/universe_package.hpp"

#include "pkgreg/error.hpp"
#include "pkgreg/hasher.hpp"

#include "base/json_text.hpp"
#include "dcos/document_compression.hpp"
#include "dcos/text_edit.hpp"
#include "dcos/verbatim_json.hpp"

#include <algorithm>
#include <utility>

namespace pkgreg {
namespace {

/// A change of a package's text: [begin, end) gives way to an insertion, in which an address may
/// stand at one place.
struct SegmentEdit {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::string before = {};
    std::optional<ServedAsset::Base> address = {};
    std::string after = {};
};

/// `text` as a JSON string without its quotes.
std::string escaped(std::string_view text) {
    const std::string quoted = json_string(text);
    return quoted.substr(1, quoted.size() - 2);
}

/// The edits that every variant has: the registry's own assets, and what a repository adds.
std::vector<SegmentEdit> common_edits(const PackageMetadata& metadata,
                                      std::uint64_t release_version, std::optional<bool> selected,
                                      const UniversePackage::Locator& locator) {
    std::vector<SegmentEdit> edits;
    if (locator) {
        metadata.for_each_asset([&](const Asset& asset, std::size_t begin, std::size_t end) {
            if (const auto served = locator(asset)) {
                edits.push_back({begin, end, "\"", served->base, escaped(served->rest) + "\""});
            }
        });
    }
    std::size_t last = 0;
    for (const JsonNode member : metadata.document().root().children()) last = member.end();
    std::string added = ",\"releaseVersion\":" + std::to_string(release_version);
    if (selected) added.append(*selected ? ",\"selected\":true" : ",\"selected\":false");
    edits.push_back({last, last, std::move(added)});
    return edits;
}

template <class Predicate>
void add_removals(JsonNode object, Predicate removed, std::vector<SegmentEdit>& edits) {
    for (TextEdit& edit : remove_members(object, removed)) edits.push_back({edit.begin, edit.end});
}

void add_escapes(JsonNode string, std::vector<SegmentEdit>& edits) {
    for (const std::size_t offset : underescaped_quotes(string.raw())) {
        // A backslash in the string's value, so two of them in its text.
        edits.push_back({string.begin() + offset, string.begin() + offset, "\\\\"});
    }
}

/// Walks `properties` of a configuration schema, and those of the objects in it.
void add_config_escapes(JsonNode properties, std::vector<SegmentEdit>& edits) {
    for (const JsonNode property : properties.children()) {
        if (const auto description = property.find("description", JsonKind::string)) {
            add_escapes(*description, edits);
        }
        const auto type = property.find("type", JsonKind::string);
        if (!type) continue;
        if (type->string() == "string") {
            if (const auto value = property.find("default", JsonKind::string)) {
                add_escapes(*value, edits);
            }
        } else if (type->string() == "object") {
            if (const auto nested = property.find("properties", JsonKind::object)) {
                add_config_escapes(*nested, edits);
            }
        }
    }
}

std::vector<SegmentEdit> edits_before_1_10(const PackageMetadata& metadata) {
    std::vector<SegmentEdit> edits;
    const JsonNode root = metadata.document().root();
    if (const auto config = root.find("config", JsonKind::object)) {
        if (const auto properties = config->find("properties", JsonKind::object)) {
            add_config_escapes(*properties, edits);
        }
    }
    if (metadata.packaging_version() != PackagingVersion::v3_0) {
        const JsonNode version = *root.find("packagingVersion");
        edits.push_back({version.begin(), version.end(), "\"3.0\""});
        add_removals(
            root,
            [](JsonNode member) {
                return member.key() == "upgradesFrom" || member.key() == "downgradesTo" ||
                       member.key() == "manager";
            },
            edits);
    }
    return edits;
}

std::vector<SegmentEdit> edits_without_manager(const PackageMetadata& metadata) {
    std::vector<SegmentEdit> edits;
    add_removals(
        metadata.document().root(), [](JsonNode member) { return member.key() == "manager"; },
        edits);
    return edits;
}

/// Turns edits into segments; equal insertions are kept once.
class SegmentWriter {
 public:
    SegmentWriter(std::size_t text_size, std::string& insertions)
        : text_size_(text_size), insertions_(insertions) {}

    SegmentList write(std::vector<SegmentEdit> edits) {
        std::stable_sort(
            edits.begin(), edits.end(),
            [](const SegmentEdit& a, const SegmentEdit& b) { return a.begin < b.begin; });
        std::size_t at = 0;
        for (const SegmentEdit& edit : edits) {
            add(Segment::Kind::text, at, edit.begin - at);
            add_insertion(edit.before);
            if (edit.address) add_address(*edit.address);
            add_insertion(edit.after);
            at = edit.end;
        }
        add(Segment::Kind::text, at, text_size_ - at);
        list_.segments.shrink_to_fit();
        return std::move(list_);
    }

 private:
    void add(Segment::Kind kind, std::size_t offset, std::size_t length) {
        if (length == 0) return;
        list_.segments.push_back(
            {kind, static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(length)});
        list_.fixed_size += length;
    }
    void add_insertion(std::string_view value) {
        std::size_t offset = insertions_.find(value);
        if (offset == std::string::npos) {
            offset = insertions_.size();
            insertions_.append(value);
        }
        add(Segment::Kind::insertion, offset, value.size());
    }
    void add_address(ServedAsset::Base base) {
        if (base == ServedAsset::Base::resource_base) {
            list_.segments.push_back({Segment::Kind::resource_base});
            ++list_.resource_bases;
        } else {
            list_.segments.push_back({Segment::Kind::image_host});
            ++list_.image_hosts;
        }
    }

    std::size_t text_size_;
    std::string& insertions_;
    SegmentList list_;
};

}  // namespace

std::vector<std::size_t> underescaped_quotes(std::string_view raw) {
    std::vector<std::size_t> places;
    // Whether a character other than a backslash stands before, and is not part of the last match.
    bool preceded = false;
    for (std::size_t i = 1; i + 1 < raw.size();) {
        const bool escape = raw[i] == '\\';
        const std::size_t length = !escape ? 1 : raw[i + 1] == 'u' ? 6 : 2;
        char value = escape ? raw[i + 1] : raw[i];
        if (escape && value == 'u') {
            const std::string_view hex = raw.substr(i + 2, 4);
            value = hex == "0022" ? '"' : hex == "005c" || hex == "005C" ? '\\' : 'x';
        } else if (escape && value != '"' && value != '\\') {
            value = 'x';
        }
        if (value == '"' && preceded) {
            places.push_back(i);
            preceded = false;
        } else {
            preceded = value != '\\';
        }
        i += length;
    }
    return places;
}

namespace {

constexpr std::string_view record_kind = "pkgreg package ";
constexpr std::string_view record_version = "1\n";

/// Writes a record: numbers in little-endian order, texts behind their length.
class RecordWriter {
 public:
    RecordWriter() { bytes_.append(record_kind).append(record_version); }

    void number(std::uint64_t value, int size) {
        for (int i = 0; i < size; ++i) bytes_.push_back(static_cast<char>(value >> (8 * i) & 255));
    }
    void text(std::string_view value) {
        number(value.size(), 4);
        bytes_.append(value);
    }
    void list(const std::optional<SegmentList>& list) {
        number(list ? list->segments.size() : 0, 4);
        if (!list) return;
        for (const Segment& segment : list->segments) {
            number(static_cast<std::uint64_t>(segment.kind), 1);
            number(segment.offset, 4);
            number(segment.length, 4);
        }
    }

    std::string take() && { return std::move(bytes_); }

 private:
    std::string bytes_;
};

class RecordReader {
 public:
    explicit RecordReader(std::string_view bytes) : rest_(bytes) {
        if (!rest_.starts_with(record_kind)) refuse();
        rest_.remove_prefix(record_kind.size());
        if (!rest_.starts_with(record_version)) {
            throw Error(ErrorCode::incompatible,
                        "the package was stored by another version of this program; add it again");
        }
        rest_.remove_prefix(record_version.size());
    }

    [[noreturn]] static void refuse() {
        throw Error(ErrorCode::corrupt, "a stored package is damaged; remove it and add it again");
    }

    std::string_view bytes(std::size_t size) {
        if (size > rest_.size()) refuse();
        const std::string_view taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }
    std::uint64_t number(int size) {
        std::uint64_t value = 0;
        int shift = 0;
        for (const char c : bytes(static_cast<std::size_t>(size))) {
            value |= std::uint64_t{static_cast<std::uint8_t>(c)} << shift;
            shift += 8;
        }
        return value;
    }
    std::string_view text() { return bytes(number(4)); }

    template <class T>
    T parsed() {
        auto value = T::try_parse(text());
        if (!value) refuse();
        return *std::move(value);
    }

    std::optional<SegmentList> list(std::size_t text_size, std::size_t insertions_size) {
        const std::uint64_t count = number(4);
        if (count == 0) return std::nullopt;
        if (count > rest_.size()) refuse();
        SegmentList list;
        list.segments.reserve(count);
        for (std::uint64_t i = 0; i < count; ++i) {
            const auto kind = static_cast<Segment::Kind>(number(1));
            const auto offset = static_cast<std::uint32_t>(number(4));
            const auto length = static_cast<std::uint32_t>(number(4));
            const std::size_t size = kind == Segment::Kind::text        ? text_size
                                     : kind == Segment::Kind::insertion ? insertions_size
                                                                        : 0;
            if (kind > Segment::Kind::image_host || offset > size || length > size - offset) {
                refuse();
            }
            list.segments.push_back({kind, offset, length});
            list.fixed_size += length;
            list.resource_bases += kind == Segment::Kind::resource_base;
            list.image_hosts += kind == Segment::Kind::image_host;
        }
        return list;
    }

    bool at_end() const noexcept { return rest_.empty(); }

 private:
    std::string_view rest_;
};

/// Of everything that a document can show of a package: all its forms follow from the text as it
/// is.
Digest digest_of(std::string_view text, std::string_view insertions, const SegmentList& list) {
    Hasher hasher(DigestAlgorithm::sha256);
    for (const Segment& segment : list.segments) {
        switch (segment.kind) {
            case Segment::Kind::text:
                hasher.update(text.substr(segment.offset, segment.length));
                break;
            case Segment::Kind::insertion:
                hasher.update(insertions.substr(segment.offset, segment.length));
                break;
            // Marks that cannot stand in JSON.
            case Segment::Kind::resource_base: hasher.update(std::string_view("\1")); break;
            case Segment::Kind::image_host: hasher.update(std::string_view("\2")); break;
        }
    }
    return hasher.digest();
}

std::string make_record(const PackageMetadata& metadata, std::uint64_t release_version,
                        std::optional<bool> selected, const UniversePackage::Locator& locator) {
    const std::vector<SegmentEdit> common =
        common_edits(metadata, release_version, selected, locator);
    std::string insertions;
    std::array<std::optional<SegmentList>, variant_count> variants;
    const auto write = [&](PackageVariant variant, std::vector<SegmentEdit> edits) {
        if (variant != PackageVariant::as_it_is && edits.empty()) return;
        edits.insert(edits.begin(), common.begin(), common.end());
        variants[static_cast<std::size_t>(variant)] =
            SegmentWriter(metadata.text().size(), insertions).write(std::move(edits));
    };
    write(PackageVariant::as_it_is, {});
    write(PackageVariant::without_manager, edits_without_manager(metadata));
    write(PackageVariant::before_1_10, edits_before_1_10(metadata));

    RecordWriter record;
    record.text(metadata.name().str());
    record.text(metadata.version().str());
    record.text(metadata.min_release().str());
    record.number(static_cast<std::uint64_t>(metadata.packaging_version()), 1);
    record.number(release_version, 8);
    record.text(digest_of(metadata.text(), insertions, *variants[0]).to_string());
    record.text(metadata.text());
    record.text(insertions);
    for (const auto& variant : variants) record.list(variant);
    return std::move(record).take();
}

}  // namespace

UniversePackage::State::State(std::shared_ptr<const void> keeper, std::string_view bytes)
    : owner(std::move(keeper)),
      record(bytes),
      coordinate(PackageName::parse("package"), PackageVersion::parse("0")) {
    RecordReader reader(record);
    auto name = reader.parsed<PackageName>();
    auto version = reader.parsed<PackageVersion>();
    coordinate = PackageCoordinate(std::move(name), std::move(version));
    min_release = reader.parsed<ReleaseVersion>();
    packaging_version = static_cast<PackagingVersion>(reader.number(1));
    release_version = reader.number(8);
    digest = reader.parsed<Digest>();
    text = reader.text();
    insertions = reader.text();
    for (auto& variant : variants) variant = reader.list(text.size(), insertions.size());
    if (!variants[0] || !reader.at_end()) RecordReader::refuse();
}

std::size_t UniversePackage::State::footprint() const noexcept {
    std::size_t bytes = sizeof(State) + record.size();
    for (const auto& variant : variants) {
        if (variant) bytes += variant->segments.capacity() * sizeof(Segment);
    }
    return bytes;
}

std::shared_ptr<const DeflatedPackage> UniversePackage::State::deflated(
    PackageVariant variant) const {
    const std::lock_guard lock(deflated_mutex_);
    return deflated_[static_cast<std::size_t>(effective(variant))];
}

void UniversePackage::State::keep_deflated(
    PackageVariant variant, std::shared_ptr<const DeflatedPackage> compressed) const {
    const std::lock_guard lock(deflated_mutex_);
    deflated_[static_cast<std::size_t>(effective(variant))] = std::move(compressed);
}

std::size_t UniversePackage::State::deflated_footprint() const {
    const std::lock_guard lock(deflated_mutex_);
    std::size_t bytes = 0;
    for (const auto& kept : deflated_) bytes += kept ? kept->footprint() : 0;
    return bytes;
}

UniversePackage::UniversePackage(const PackageMetadata& metadata, std::uint64_t release_version,
                                 std::optional<bool> selected, const Locator& locator) {
    std::string compact = without_white_space(metadata.text());
    const bool is_compact = compact.size() == metadata.text().size();
    const PackageMetadata source =
        is_compact ? metadata : PackageMetadata::parse(std::move(compact));
    const auto record = std::make_shared<const std::string>(
        make_record(source, release_version, selected, locator));
    state_ = std::make_shared<const State>(record, *record);
}

UniversePackage::UniversePackage(std::shared_ptr<const void> owner, std::string_view record)
    : state_(std::make_shared<const State>(std::move(owner), record)) {}

std::string_view UniversePackage::record() const noexcept {
    return state_->record;
}
const PackageCoordinate& UniversePackage::coordinate() const noexcept {
    return state_->coordinate;
}
std::uint64_t UniversePackage::release_version() const noexcept {
    return state_->release_version;
}
const ReleaseVersion& UniversePackage::min_release() const noexcept {
    return state_->min_release;
}
std::string_view UniversePackage::metadata() const noexcept {
    return state_->text;
}

}  // namespace pkgreg

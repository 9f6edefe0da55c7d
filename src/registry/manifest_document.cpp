#include "registry/manifest_document.hpp"

#include "pkgreg/error.hpp"

#include "base/json_text.hpp"

#include <simdjson.h>

#include <set>
#include <utility>

namespace pkgreg {
namespace {

namespace dom = simdjson::dom;

/// Nesting of a manifest: descriptors in arrays in an object, with some room for extensions.
constexpr std::size_t max_depth = 32;

[[noreturn]] void refuse(const std::string& message) {
    throw Error(ErrorCode::manifest_invalid, message);
}

/// A name for a value in messages: `layers[3].digest`.
std::string path_of(std::string_view parent, std::string_view child) {
    return parent.empty() ? std::string(child) : std::string(parent) + "." + std::string(child);
}

std::optional<dom::element> member(dom::object object, std::string_view name) {
    dom::element value;
    if (object.at_key(name).get(value) != simdjson::SUCCESS || value.is_null()) return std::nullopt;
    return value;
}

/// One parser takes the first of two members with one name, another one the last, and some do not
/// care about case: a manifest that two programs read differently is an attack, not an image.
void refuse_duplicates(dom::object object, const std::string& path) {
    std::set<std::string> seen;
    for (const dom::key_value_pair field : object) {
        std::string name(field.key);
        for (char& c : name) {
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        }
        if (!seen.insert(std::move(name)).second) {
            refuse(path_of(path, field.key) + ": is there twice");
        }
    }
}

std::string_view string_of(dom::element value, const std::string& path) {
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) refuse(path + ": must be a string");
    return text;
}

std::string string_member(dom::object object, std::string_view name, std::string_view parent) {
    const auto value = member(object, name);
    return value ? std::string(string_of(*value, path_of(parent, name))) : std::string();
}

Descriptor read_descriptor(dom::element element, const std::string& path) {
    dom::object object;
    if (element.get(object) != simdjson::SUCCESS)
        refuse(path + ": must be a descriptor (an object)");
    refuse_duplicates(object, path);

    const std::string digest_path = path_of(path, "digest");
    const auto digest_text = member(object, "digest");
    if (!digest_text) refuse(digest_path + ": is missing");
    const auto digest = Digest::try_parse(string_of(*digest_text, digest_path));
    if (!digest) {
        refuse(digest_path + ": '" + std::string(string_of(*digest_text, digest_path)) +
               "' is not a sha256 or sha512 digest");
    }

    const std::string type_path = path_of(path, "mediaType");
    const auto type_text = member(object, "mediaType");
    if (!type_text) refuse(type_path + ": is missing");
    auto media_type = MediaType::try_parse(string_of(*type_text, type_path));
    if (!media_type) {
        refuse(type_path + ": '" + std::string(string_of(*type_text, type_path)) +
               "' is not a media type");
    }

    const auto size = member(object, "size");
    if (!size) refuse(path_of(path, "size") + ": is missing");
    std::uint64_t bytes = 0;
    if (size->get(bytes) != simdjson::SUCCESS) {
        refuse(path_of(path, "size") + ": must be a number of bytes, 0 or more");
    }

    Descriptor descriptor{*std::move(media_type), *digest, bytes};
    descriptor.artifact_type = string_member(object, "artifactType", path);
    if (const auto urls = member(object, "urls")) {
        dom::array list;
        if (urls->get(list) != simdjson::SUCCESS)
            refuse(path_of(path, "urls") + ": must be a list");
        for (const dom::element url : list) {
            descriptor.urls.emplace_back(string_of(url, path_of(path, "urls")));
        }
    }
    return descriptor;
}

void read_descriptors(dom::object root, std::string_view name, std::vector<Descriptor>& into) {
    const auto value = member(root, name);
    if (!value) return;
    dom::array list;
    if (value->get(list) != simdjson::SUCCESS) {
        refuse(std::string(name) + ": must be a list of descriptors");
    }
    std::size_t i = 0;
    for (const dom::element element : list) {
        into.push_back(
            read_descriptor(element, std::string(name) + "[" + std::to_string(i++) + "]"));
    }
}

bool is_image(const MediaType& type) {
    return type == media_types::oci_manifest || type == media_types::docker_manifest;
}
bool is_index(const MediaType& type) {
    return type == media_types::oci_index || type == media_types::docker_list;
}
bool is_generic(const MediaType& type) {
    return type == media_types::json || type == media_types::octet_stream;
}

MediaType effective_type(dom::object root, const std::optional<MediaType>& content_type) {
    std::optional<MediaType> declared;
    if (const auto value = member(root, "mediaType")) {
        declared = MediaType::try_parse(string_of(*value, "mediaType"));
        if (!declared) refuse("mediaType: is not a media type");
    }
    if (content_type && !is_generic(*content_type)) {
        if (declared && *declared != *content_type) {
            refuse("mediaType: is '" + declared->str() + "', but the manifest was sent as '" +
                   content_type->str() + "' (Content-Type); both must be the same");
        }
        return *content_type;
    }
    if (declared) return *std::move(declared);
    if (member(root, "manifests")) return MediaType::parse(media_types::oci_index);
    if (member(root, "config")) return MediaType::parse(media_types::oci_manifest);
    refuse("mediaType: is missing, and the manifest came without a Content-Type that tells");
}

void refuse_schema1(dom::object root, const std::optional<MediaType>& content_type) {
    std::uint64_t version = 0;
    const auto value = member(root, "schemaVersion");
    const bool schema1 = (value && value->get(version) == simdjson::SUCCESS && version == 1) ||
                         (content_type && (*content_type == media_types::docker_schema1 ||
                                           *content_type == media_types::docker_schema1_signed));
    if (schema1) {
        refuse(
            "this is a Docker schema 1 manifest, which is obsolete and not accepted; push the "
            "image "
            "with a client of this decade (Docker 1.10 or later), or convert it with 'skopeo copy "
            "--format v2s2'");
    }
}

void check_shape(dom::object root, const MediaType& type) {
    if (!is_image(type) && !is_index(type)) return;
    std::uint64_t version = 0;
    const auto value = member(root, "schemaVersion");
    if (!value || value->get(version) != simdjson::SUCCESS || version != 2) {
        refuse("schemaVersion: must be 2");
    }
    if (is_image(type)) {
        if (!member(root, "config")) refuse("config: is missing");
        if (!member(root, "layers")) refuse("layers: is missing");
        if (member(root, "manifests")) {
            refuse(
                "'manifests' does not belong into an image manifest; it would make the document "
                "mean two things");
        }
    } else {
        if (!member(root, "manifests")) refuse("manifests: is missing");
        if (member(root, "layers") || member(root, "config")) {
            refuse(
                "'config' and 'layers' do not belong into an index; they would make the document "
                "mean two things");
        }
    }
}

}  // namespace

ManifestDocument ManifestDocument::parse(std::string_view bytes,
                                         const std::optional<MediaType>& content_type) {
    dom::parser parser;
    if (parser.allocate(bytes.size(), max_depth) != simdjson::SUCCESS) {
        refuse("the manifest is too large to be read");
    }
    dom::element document;
    if (const auto error = parser.parse(bytes.data(), bytes.size()).get(document)) {
        if (error == simdjson::DEPTH_ERROR) {
            refuse("the manifest is nested deeper than " + std::to_string(max_depth) + " levels");
        }
        refuse(std::string("not JSON: ") + simdjson::error_message(error));
    }
    dom::object root;
    if (document.get(root) != simdjson::SUCCESS) refuse("a manifest must be a JSON object");

    refuse_duplicates(root, "");
    refuse_schema1(root, content_type);
    ManifestDocument result{effective_type(root, content_type)};
    check_shape(root, result.media_type);

    if (const auto config = member(root, "config")) {
        result.blobs.push_back(read_descriptor(*config, "config"));
    }
    result.artifact_type = string_member(root, "artifactType", "");
    if (result.artifact_type.empty() && !result.blobs.empty()) {
        result.artifact_type = result.blobs.front().media_type.str();
    }
    read_descriptors(root, "layers", result.blobs);
    if (!is_image(result.media_type)) read_descriptors(root, "blobs", result.blobs);
    read_descriptors(root, "manifests", result.manifests);
    if (const auto subject = member(root, "subject")) {
        result.subject = read_descriptor(*subject, "subject");
    }
    if (const auto annotations = member(root, "annotations")) {
        if (!annotations->is_object()) refuse("annotations: must be an object");
        result.annotations = simdjson::minify(*annotations);
    }
    return result;
}

bool is_kept_elsewhere(const Descriptor& descriptor) {
    const std::string_view type = descriptor.media_type.view();
    return !descriptor.urls.empty() ||
           type.starts_with("application/vnd.oci.image.layer.nondistributable.") ||
           type == "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" ||
           type == "application/vnd.docker.image.rootfs.foreign.diff.tar";
}

std::string referrer_descriptor(const Digest& digest, std::uint64_t size,
                                const ManifestDocument& document) {
    std::string out = "{\"mediaType\":" + json_string(document.media_type.str());
    out.append(",\"digest\":\"");
    digest.append_to(out);
    out.append("\",\"size\":").append(std::to_string(size));
    if (!document.artifact_type.empty()) {
        out.append(",\"artifactType\":");
        append_json_string(out, document.artifact_type);
    }
    if (!document.annotations.empty()) {
        out.append(",\"annotations\":").append(document.annotations);
    }
    out.push_back('}');
    return out;
}

}  // namespace pkgreg

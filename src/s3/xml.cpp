#include "s3/xml.hpp"

#include "pkgreg/error.hpp"

#include "s3/encoding.hpp"
#include "s3/timestamps.hpp"

#include <pugixml.hpp>

#include <charconv>

namespace pkgreg::s3 {
namespace {

[[noreturn]] void throw_unexpected(std::string_view wanted, const std::string& found) {
    throw Error(ErrorCode::io, "the server's answer is not a <" + std::string(wanted) +
                                   "> document, but " + found +
                                   "; is the endpoint the one of an S3 service?");
}

/// Blanks are kept: a key may consist of them.
bool parse(pugi::xml_document& document, std::string_view xml) {
    return bool(document.load_buffer(xml.data(), xml.size(),
                                     pugi::parse_default | pugi::parse_ws_pcdata_single,
                                     pugi::encoding_utf8));
}

/// A document whose outermost element is known.
class Document {
 public:
    Document(std::string_view xml, const char* root) {
        if (!parse(document_, xml)) throw_unexpected(root, "not XML");
        root_ = document_.document_element();
        if (std::string_view(root_.name()) != root) {
            throw_unexpected(root, "another one");
        }
    }
    const pugi::xml_node* operator->() const noexcept { return &root_; }
    const pugi::xml_node& operator*() const noexcept { return root_; }

 private:
    pugi::xml_document document_;
    pugi::xml_node root_;
};

std::string text_of(const pugi::xml_node& node, const char* child) {
    return node.child_value(child);
}

bool is_true(const pugi::xml_node& node, const char* child) {
    return std::string_view(node.child_value(child)) == "true";
}

std::int64_t time_of(const pugi::xml_node& node, const char* child) {
    return parse_iso8601(node.child_value(child)).value_or(0);
}

ErrorDocument error_in(const pugi::xml_node& node) {
    ErrorDocument error;
    error.code = text_of(node, "Code");
    error.message = text_of(node, "Message");
    error.request_id = text_of(node, "RequestId");
    error.region = text_of(node, "Region");
    return error;
}

void append_escaped(std::string& out, std::string_view text) {
    for (const char c : text) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            // A parser would make a line feed of it.
            case '\r': out += "&#13;"; break;
            default: out.push_back(c);
        }
    }
}

void append_element(std::string& out, std::string_view name, std::string_view text) {
    out.append("<").append(name).append(">");
    append_escaped(out, text);
    out.append("</").append(name).append(">");
}

}  // namespace

std::optional<ErrorDocument> read_error(std::string_view xml) {
    pugi::xml_document document;
    if (!parse(document, xml)) return std::nullopt;
    const pugi::xml_node root = document.document_element();
    if (std::string_view(root.name()) != "Error") return std::nullopt;
    return error_in(root);
}

ObjectList read_object_list(std::string_view xml) {
    const Document document(xml, "ListBucketResult");
    ObjectList list;
    list.more = is_true(*document, "IsTruncated");
    for (const pugi::xml_node& node : document->children("Contents")) {
        ListedObject object;
        object.key = uri_decode(node.child_value("Key"));
        const std::string_view size = node.child_value("Size");
        const auto read = std::from_chars(size.data(), size.data() + size.size(), object.head.size);
        if (read.ec != std::errc() || read.ptr != size.data() + size.size()) {
            throw_unexpected("ListBucketResult", "one without an object's size");
        }
        object.head.etag = text_of(node, "ETag");
        object.head.modified = time_of(node, "LastModified");
        list.objects.push_back(std::move(object));
    }
    return list;
}

UploadList read_upload_list(std::string_view xml) {
    const Document document(xml, "ListMultipartUploadsResult");
    UploadList list;
    for (const pugi::xml_node& node : document->children("Upload")) {
        list.uploads.push_back({uri_decode(node.child_value("Key")), text_of(node, "UploadId"),
                                time_of(node, "Initiated")});
    }
    if (is_true(*document, "IsTruncated")) {
        list.next_key = uri_decode(document->child_value("NextKeyMarker"));
        list.next_upload_id = text_of(*document, "NextUploadIdMarker");
    }
    return list;
}

std::string read_upload_id(std::string_view xml) {
    const Document document(xml, "InitiateMultipartUploadResult");
    std::string id = text_of(*document, "UploadId");
    if (id.empty()) throw_unexpected("InitiateMultipartUploadResult", "one without an upload's id");
    return id;
}

std::string read_copied_etag(std::string_view xml) {
    const Document document(xml, "CopyPartResult");
    return text_of(*document, "ETag");
}

bool is_completion(std::string_view xml) {
    pugi::xml_document document;
    return parse(document, xml) &&
           std::string_view(document.document_element().name()) == "CompleteMultipartUploadResult";
}

std::vector<FailedRemoval> read_failed_removals(std::string_view xml) {
    const Document document(xml, "DeleteResult");
    std::vector<FailedRemoval> failed;
    for (const pugi::xml_node& node : document->children("Error")) {
        failed.push_back({text_of(node, "Key"), error_in(node)});
    }
    return failed;
}

std::string read_versioning(std::string_view xml) {
    pugi::xml_document document;
    if (!parse(document, xml)) return {};
    return text_of(document.child("VersioningConfiguration"), "Status");
}

bool read_object_lock(std::string_view xml) {
    pugi::xml_document document;
    if (!parse(document, xml)) return false;
    return text_of(document.child("ObjectLockConfiguration"), "ObjectLockEnabled") == "Enabled";
}

std::string write_completion(const std::vector<Part>& parts) {
    std::string out = "<CompleteMultipartUpload>";
    for (const Part& part : parts) {
        out += "<Part>";
        if (!part.crc32c.empty()) append_element(out, "ChecksumCRC32C", part.crc32c);
        append_element(out, "ETag", part.etag);
        append_element(out, "PartNumber", std::to_string(part.number));
        out += "</Part>";
    }
    out += "</CompleteMultipartUpload>";
    return out;
}

std::string write_removal(std::span<const std::string> keys) {
    std::string out = "<Delete>";
    for (const std::string& key : keys) {
        out += "<Object>";
        append_element(out, "Key", key);
        out += "</Object>";
    }
    out += "<Quiet>true</Quiet></Delete>";
    return out;
}

bool fits_xml(std::string_view key) noexcept {
    for (const char c : key) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') return false;
    }
    return true;
}

}  // namespace pkgreg::s3

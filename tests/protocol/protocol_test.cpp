#include "protocol/protocol_test.hpp"

#include <simdjson.h>

#include <set>

namespace pkgreg {
namespace {

const std::set<std::string> specified_codes = {
    "BLOB_UNKNOWN",          "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN", "MANIFEST_INVALID",    "MANIFEST_UNKNOWN",    "NAME_INVALID",
    "NAME_UNKNOWN",          "SIZE_INVALID",        "UNAUTHORIZED",        "DENIED",
    "UNSUPPORTED",           "TOOMANYREQUESTS"};

/// `errors[0].<member>` of an error body.
std::string error_member(const std::string& body, std::string_view member) {
    simdjson::dom::parser parser;
    simdjson::dom::element document;
    simdjson::dom::array errors;
    std::string_view text;
    if (parser.parse(body).get(document) != simdjson::SUCCESS ||
        document["errors"].get(errors) != simdjson::SUCCESS || errors.size() != 1 ||
        errors.at(0)[member].get(text) != simdjson::SUCCESS) {
        ADD_FAILURE() << "not an error body: " << body;
        return {};
    }
    return std::string(text);
}

}  // namespace

std::string Answer::field(std::string_view name) const {
    const std::vector<std::string> values = all_fields(name);
    EXPECT_LE(values.size(), 1u) << name << " is there more than once";
    return values.empty() ? std::string() : values.front();
}

std::vector<std::string> Answer::all_fields(std::string_view name) const {
    std::vector<std::string> values;
    std::string_view rest = fields;
    while (!rest.empty()) {
        const std::size_t end = rest.find("\r\n");
        if (end == std::string_view::npos) {
            ADD_FAILURE() << "a field without an end: " << rest;
            break;
        }
        const std::string_view line = rest.substr(0, end);
        const std::size_t colon = line.find(": ");
        if (same_field_name(line.substr(0, colon), name))
            values.emplace_back(line.substr(colon + 2));
        rest.remove_prefix(end + 2);
    }
    return values;
}

std::string Answer::code() const {
    EXPECT_EQ(field("Content-Type"), "application/json");
    const std::string code = error_member(body, "code");
    if (status < 500) {
        EXPECT_EQ(specified_codes.count(code), 1u) << code;
    }
    return code;
}

std::string Answer::message() const {
    return error_member(body, "message");
}

std::vector<std::string> Answer::texts(std::string_view member) const {
    simdjson::dom::parser parser;
    simdjson::dom::element document;
    simdjson::dom::array list;
    std::vector<std::string> result;
    if (parser.parse(body).get(document) != simdjson::SUCCESS ||
        document[member].get(list) != simdjson::SUCCESS) {
        ADD_FAILURE() << "no list '" << member << "': " << body;
        return result;
    }
    for (const simdjson::dom::element element : list) {
        result.emplace_back(element.get_string().value_unsafe());
    }
    return result;
}

std::vector<std::string> Answer::digests() const {
    simdjson::dom::parser parser;
    simdjson::dom::element document;
    std::vector<std::string> result;
    if (parser.parse(body).get(document) != simdjson::SUCCESS) {
        ADD_FAILURE() << "not JSON: " << body;
        return result;
    }
    std::uint64_t version = 0;
    EXPECT_EQ(document["schemaVersion"].get(version), simdjson::SUCCESS);
    EXPECT_EQ(version, 2u);
    simdjson::dom::array list;
    if (document["manifests"].get(list) != simdjson::SUCCESS) {
        ADD_FAILURE() << "not an index: " << body;
        return result;
    }
    for (const simdjson::dom::element element : list) {
        std::string_view digest;
        EXPECT_EQ(element["digest"].get(digest), simdjson::SUCCESS);
        result.emplace_back(digest);
    }
    return result;
}

std::string Answer::next() const {
    const std::string link = field("Link");
    if (link.empty()) return {};
    const std::size_t end = link.find('>');
    EXPECT_EQ(link.front(), '<');
    EXPECT_EQ(link.substr(end), ">; rel=\"next\"");
    return link.substr(1, end - 1);
}

Answer ProtocolTest::send(std::string_view method, std::string_view target, const Fields& fields,
                          BodySource* body) const {
    std::vector<HeaderField> headers;
    for (const auto& [name, value] : fields) headers.push_back({name, value});
    HttpRequest request;
    request.method = parse_http_method(method);
    request.target = target;
    request.headers = headers;
    request.body = body;
    request.client = "a test";
    request.id = "1";
    HttpResponse response = run_blocking(handler_->handle(request));

    Answer answer;
    answer.status = response.status();
    answer.fields = response.fields();
    answer.content_length = response.content_length();
    if (ObjectReader* reader = response.body().reader()) {
        std::string buffer(1000, '\0');
        while (const std::size_t n =
                   run_blocking(reader->read(std::as_writable_bytes(std::span(buffer))))) {
            answer.body.append(buffer, 0, n);
        }
    } else {
        answer.body = response.body().bytes();
    }
    if (method == "HEAD") {
        EXPECT_EQ(answer.body, "");
    } else {
        EXPECT_EQ(answer.content_length, answer.body.size());
    }
    if (target.starts_with("/v2")) {
        EXPECT_EQ(answer.field("Docker-Distribution-API-Version"), "registry/2.0");
    }
    if (answer.has("Location")) {
        EXPECT_TRUE(answer.field("Location").starts_with("/v2/")) << "must be relative";
    }
    if (answer.status >= 400 && method != "HEAD") {
        EXPECT_NE(answer.code(), "");
    }
    return answer;
}

std::string ProtocolTest::begin(std::string_view repository) const {
    const Answer answer = send("POST", "/v2/" + std::string(repository) + "/blobs/uploads/");
    EXPECT_EQ(answer.status, 202u);
    return upload_itself(answer.field("Location"));
}

std::string upload_itself(const std::string& location) {
    return location.substr(0, location.find('.', location.rfind('/')));
}

Answer ProtocolTest::get_and_head(std::string_view target, const Fields& fields) const {
    Answer got = get(target, fields);
    const Answer headed = head(target, fields);
    EXPECT_EQ(headed.status, got.status);
    EXPECT_EQ(headed.fields, got.fields);
    EXPECT_EQ(headed.content_length, got.content_length);
    return got;
}

}  // namespace pkgreg

#include "s3/signature.hpp"

#include "s3/checksums.hpp"
#include "s3/encoding.hpp"
#include "s3/timestamps.hpp"

#include <algorithm>

namespace pkgreg::s3 {
namespace {

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";

std::string scope_of(std::string_view stamp, std::string_view region) {
    std::string scope(stamp.substr(0, 8));
    scope.append("/").append(region).append("/s3/aws4_request");
    return scope;
}

void sort(Fields& headers) {
    std::ranges::sort(headers, {},
                      [](const Field& field) -> std::string_view { return field.name; });
}

std::string names_of(const Fields& headers) {
    std::string names;
    for (const Field& header : headers) {
        if (!names.empty()) names.push_back(';');
        names += header.name;
    }
    return names;
}

std::string canonical_request(const SignableRequest& request, const std::string& signed_headers) {
    std::string text = request.method + '\n' + request.path + '\n';
    text += canonical_query(request.query);
    text.push_back('\n');
    for (const Field& header : request.headers) text += header.name + ':' + header.value + '\n';
    text += '\n' + signed_headers + '\n' + request.payload_hash;
    return text;
}

std::string signature_of(const std::string& canonical, const Credentials& credentials,
                         std::string_view stamp, std::string_view region) {
    std::string text(algorithm);
    text.append("\n").append(stamp).append("\n").append(scope_of(stamp, region)).append("\n");
    text += to_hex(sha256(canonical));
    const std::string secret = "AWS4" + credentials.secret_access_key;
    const std::string_view parts[] = {stamp.substr(0, 8), region, "s3", "aws4_request"};
    Sha256 key = hmac_sha256(
        std::span(reinterpret_cast<const unsigned char*>(secret.data()), secret.size()), parts[0]);
    for (const std::string_view part : std::span(parts).subspan(1)) key = hmac_sha256(key, part);
    return to_hex(hmac_sha256(key, text));
}

}  // namespace

std::string canonical_query(const Fields& query) {
    Fields encoded;
    encoded.reserve(query.size());
    for (const Field& field : query) {
        encoded.push_back({uri_encode(field.name), uri_encode(field.value)});
    }
    std::ranges::sort(encoded, [](const Field& a, const Field& b) {
        return a.name != b.name ? a.name < b.name : a.value < b.value;
    });
    std::string text;
    for (const Field& field : encoded) {
        if (!text.empty()) text.push_back('&');
        text += field.name + '=' + field.value;
    }
    return text;
}

void sign(SignableRequest& request, const Credentials& credentials, std::string_view region,
          std::chrono::sys_seconds time) {
    const std::string stamp = to_basic_iso8601(time);
    request.headers.push_back({"x-amz-content-sha256", request.payload_hash});
    request.headers.push_back({"x-amz-date", stamp});
    if (!credentials.session_token.empty()) {
        request.headers.push_back({"x-amz-security-token", credentials.session_token});
    }
    sort(request.headers);
    const std::string names = names_of(request.headers);
    const std::string signature =
        signature_of(canonical_request(request, names), credentials, stamp, region);
    std::string authorization(algorithm);
    authorization += " Credential=" + credentials.access_key_id + '/' + scope_of(stamp, region) +
                     ",SignedHeaders=" + names + ",Signature=" + signature;
    request.headers.push_back({"authorization", std::move(authorization)});
}

void presign(SignableRequest& request, const Credentials& credentials, std::string_view region,
             std::chrono::sys_seconds time, std::chrono::seconds lifetime) {
    const std::string stamp = to_basic_iso8601(time);
    sort(request.headers);
    const std::string names = names_of(request.headers);
    request.query.push_back({"X-Amz-Algorithm", std::string(algorithm)});
    request.query.push_back(
        {"X-Amz-Credential", credentials.access_key_id + '/' + scope_of(stamp, region)});
    request.query.push_back({"X-Amz-Date", stamp});
    request.query.push_back({"X-Amz-Expires", std::to_string(lifetime.count())});
    if (!credentials.session_token.empty()) {
        request.query.push_back({"X-Amz-Security-Token", credentials.session_token});
    }
    request.query.push_back({"X-Amz-SignedHeaders", names});
    std::string signature =
        signature_of(canonical_request(request, names), credentials, stamp, region);
    request.query.push_back({"X-Amz-Signature", std::move(signature)});
}

}  // namespace pkgreg::s3

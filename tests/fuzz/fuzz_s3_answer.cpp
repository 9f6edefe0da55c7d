// What S3 servers answer, from arbitrary bytes: documents, errors, headers of time and place.
#include "pkgreg/error.hpp"

#include "s3/encoding.hpp"
#include "s3/failures.hpp"
#include "s3/timestamps.hpp"
#include "s3/xml.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace pkgreg;
using namespace pkgreg::s3;

void require(bool holds) {
    if (!holds) std::abort();
}

template <class F>
void allow_io_errors(const F& action) {
    try {
        action();
    } catch (const Error& error) {
        require(error.code() == ErrorCode::io);
    }
}

void check_documents(std::string_view text) {
    allow_io_errors([&] { read_object_list(text); });
    allow_io_errors([&] { read_upload_list(text); });
    allow_io_errors([&] { require(!read_upload_id(text).empty()); });
    allow_io_errors([&] { read_copied_etag(text); });
    allow_io_errors([&] { read_failed_removals(text); });
    allow_io_errors([&] { read_versioning(text); });
    allow_io_errors([&] { read_object_lock(text); });
    is_completion(text);
}

/// The bytes as the keys of a removal: what is written is a document of the protocol's.
void check_removal(const std::string& text) {
    if (!fits_xml(text)) return;
    const std::string document = write_removal({&text, 1});
    require(document.starts_with("<Delete><Object><Key>"));
    require(document.find('<', 21) == document.find("</Key>"));
}

/// An error is one line of bounded length, whatever the server says.
void check_error(std::string_view text, int status) {
    HttpAnswer http;
    http.status = status;
    http.body = text;
    http.headers.push_back({"date", std::string(text)});
    http.headers.push_back({"retry-after", std::string(text)});
    http.headers.push_back({"x-amz-bucket-region", std::string(text)});
    http.headers.push_back({"x-amz-request-id", std::string(text)});
    const Answer answer = read_answer(std::move(http), true);
    judge(answer);
    retry_after(answer);
    clock_offset(answer, std::chrono::system_clock::now());
    for (const char c : region_of(answer)) require(c != '/' && c != '.' && c > ' ');
    const std::string where = "s3://bucket at https://host";
    const Error error =
        error_of(answer, Asked{where, "bucket", "PutObject", "s3:PutObject", "key"});
    require(error.message().size() < 2'000);
    require(std::ranges::none_of(
        error.message(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    check_documents(text);
    check_removal(text);
    for (const int status : {200, 301, 400, 403, 503}) check_error(text, status);
    require(uri_decode(uri_encode(text)) == text);
    parse_iso8601(text);
    parse_http_date(text);
    return 0;
}

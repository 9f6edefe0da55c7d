#include "error.hpp"

#include "protocol/responses.hpp"

#include <exception>
#include <new>
#include <system_error>
#include <utility>

namespace pkgreg::capi {
namespace {

constexpr bool same(ErrorCode code, int value) {
    return static_cast<int>(code) == value;
}
static_assert(same(ErrorCode::ok, PKGREG_OK));
static_assert(same(ErrorCode::blob_unknown, PKGREG_BLOB_UNKNOWN));
static_assert(same(ErrorCode::blob_upload_invalid, PKGREG_BLOB_UPLOAD_INVALID));
static_assert(same(ErrorCode::blob_upload_unknown, PKGREG_BLOB_UPLOAD_UNKNOWN));
static_assert(same(ErrorCode::digest_invalid, PKGREG_DIGEST_INVALID));
static_assert(same(ErrorCode::manifest_blob_unknown, PKGREG_MANIFEST_BLOB_UNKNOWN));
static_assert(same(ErrorCode::manifest_invalid, PKGREG_MANIFEST_INVALID));
static_assert(same(ErrorCode::manifest_unknown, PKGREG_MANIFEST_UNKNOWN));
static_assert(same(ErrorCode::name_invalid, PKGREG_NAME_INVALID));
static_assert(same(ErrorCode::name_unknown, PKGREG_NAME_UNKNOWN));
static_assert(same(ErrorCode::size_invalid, PKGREG_SIZE_INVALID));
static_assert(same(ErrorCode::unauthorized, PKGREG_UNAUTHORIZED));
static_assert(same(ErrorCode::denied, PKGREG_DENIED));
static_assert(same(ErrorCode::unsupported, PKGREG_UNSUPPORTED));
static_assert(same(ErrorCode::too_many_requests, PKGREG_TOO_MANY_REQUESTS));
static_assert(same(ErrorCode::invalid_argument, PKGREG_INVALID_ARGUMENT));
static_assert(same(ErrorCode::invalid_options, PKGREG_INVALID_OPTIONS));
static_assert(same(ErrorCode::not_found, PKGREG_NOT_FOUND));
static_assert(same(ErrorCode::precondition_failed, PKGREG_PRECONDITION_FAILED));
static_assert(same(ErrorCode::range_invalid, PKGREG_RANGE_INVALID));
static_assert(same(ErrorCode::too_large, PKGREG_TOO_LARGE));
static_assert(same(ErrorCode::locked, PKGREG_LOCKED));
static_assert(same(ErrorCode::corrupt, PKGREG_CORRUPT));
static_assert(same(ErrorCode::incompatible, PKGREG_INCOMPATIBLE));
static_assert(same(ErrorCode::io, PKGREG_IO));
static_assert(same(ErrorCode::no_space, PKGREG_NO_SPACE));
static_assert(same(ErrorCode::timeout, PKGREG_TIMEOUT));
static_assert(same(ErrorCode::closed, PKGREG_CLOSED));
static_assert(same(ErrorCode::cancelled, PKGREG_CANCELLED));
static_assert(same(ErrorCode::unavailable, PKGREG_UNAVAILABLE));
static_assert(same(ErrorCode::would_deadlock, PKGREG_WOULD_DEADLOCK));
static_assert(same(ErrorCode::forked, PKGREG_FORKED));
static_assert(same(ErrorCode::read_only, PKGREG_READ_ONLY));
static_assert(same(ErrorCode::truncated, PKGREG_TRUNCATED));
static_assert(same(ErrorCode::malformed, PKGREG_MALFORMED));
static_assert(same(ErrorCode::in_use, PKGREG_IN_USE));
static_assert(same(ErrorCode::package_unknown, PKGREG_PACKAGE_UNKNOWN));
static_assert(same(ErrorCode::package_exists, PKGREG_PACKAGE_EXISTS));
static_assert(same(ErrorCode::internal, PKGREG_INTERNAL));

/// There before memory is short. Its texts fit into the strings themselves, so that making it takes
/// no memory either; never destroyed, as a caller may hold it to the very end.
pkgreg_error& out_of_memory() noexcept {
    alignas(pkgreg_error) static unsigned char room[sizeof(pkgreg_error)];
    static pkgreg_error* const error =
        new (room) pkgreg_error{PKGREG_OUT_OF_MEMORY, 503, "out of memory", ""};
    return *error;
}

std::int32_t report(pkgreg_error** error, ErrorCode code, std::string message,
                    std::string detail = {}) {
    const auto value = static_cast<std::int32_t>(code);
    if (error) {
        const auto status = static_cast<std::int32_t>(http_status(code));
        *error = new pkgreg_error{value, status, std::move(message), std::move(detail)};
    }
    return value;
}

/// May run out of memory itself.
std::int32_t report_rethrown(pkgreg_error** error) {
    try {
        throw;
    } catch (const Error& e) {
        return report(error, e.code(), e.message(), e.detail());
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::system_error& e) {
        return report(error, ErrorCode::io,
                      std::string("the operating system refused what is needed: ") + e.what());
    } catch (const std::exception& e) {
        return report(error, ErrorCode::internal,
                      std::string("a defect of the library, please report it: ") + e.what());
    } catch (...) {
        return report(error, ErrorCode::internal,
                      "a callback threw an exception, or the library has a defect");
    }
}

}  // namespace

std::int32_t report_current_exception(pkgreg_error** error) noexcept {
    try {
        return report_rethrown(error);
    } catch (...) {
        if (error) *error = &out_of_memory();
        return PKGREG_OUT_OF_MEMORY;
    }
}

}  // namespace pkgreg::capi

using pkgreg::ErrorCode;

const char* pkgreg_code_name(int32_t code) {
    if (code == PKGREG_OUT_OF_MEMORY) return "OUT_OF_MEMORY";
    const auto known = static_cast<ErrorCode>(code);
    // The name of what the list does not have is that of a defect.
    const std::string_view name = pkgreg::to_string(known);
    if (known != ErrorCode::internal && name == pkgreg::to_string(ErrorCode::internal)) {
        return "UNKNOWN";
    }
    return name.data();
}

int32_t pkgreg_error_code(const pkgreg_error* error) {
    return error ? error->code : PKGREG_OK;
}

const char* pkgreg_error_message(const pkgreg_error* error) {
    return error ? error->message.c_str() : "";
}

const char* pkgreg_error_detail(const pkgreg_error* error) {
    return error ? error->detail.c_str() : "";
}

int32_t pkgreg_error_http_status(const pkgreg_error* error) {
    return error ? error->http_status : 200;
}

void pkgreg_error_free(pkgreg_error* error) {
    if (error != &pkgreg::capi::out_of_memory()) delete error;
}

// Requests without a socket, and pkgreg_response. This is the way that has to be quick: a response
// whose body lies in memory holds nothing of the registry, and is one allocation.

#include "pkgreg/blocking.hpp"
#include "pkgreg/http.hpp"

#include "arguments.hpp"
#include "bodies.hpp"
#include "content_stream.hpp"
#include "core.hpp"
#include "error.hpp"
#include "pkgreg.h"
#include "registry_table.hpp"
#include "serial_mutex.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace pkgreg::capi;
using pkgreg::HeaderField;
using pkgreg::HttpRequest;
using pkgreg::HttpResponse;

struct pkgreg_response {
    pkgreg_response(pkgreg_registry* key, HttpResponse answer)
        : registry(key), response(std::move(answer)) {
        const pkgreg::ObjectReader* const reader = response.body().reader();
        if (!reader) {
            memory = std::as_bytes(std::span(response.body().bytes()));
        } else if (const auto whole = reader->memory()) {
            memory = *whole;
        } else {
            in_memory = false;
        }
    }

    pkgreg_registry* const registry;
    const std::uint32_t epoch = fork_epoch();
    HttpResponse response;
    const std::uint64_t content_length = response.content_length();
    bool in_memory = true;
    std::span<const std::byte> memory;                   // where it is
    std::unique_ptr<ChildHolder<ContentStream>> stream;  // where it is not
    SerialMutex mutex;
    std::size_t position = 0;  // in `memory`; guarded by the mutex
};

namespace {

/// A request as the C caller's struct has it, in the form that handlers take.
class Request {
 public:
    explicit Request(const pkgreg_request& given);

    const HttpRequest& get() const noexcept { return request_; }
    /// What the body's function answered is for the caller, not for the response.
    void throw_if_cancelled() const {
        if (function_) function_->throw_if_cancelled();
    }

 private:
    static constexpr std::size_t usual_fields = 16;

    void take_headers(const pkgreg_request& given);
    void take_body(const pkgreg_request& given);
    void take_identity(const pkgreg_request& given);

    HttpRequest request_;
    pkgreg::Identity identity_;
    std::array<HeaderField, usual_fields> few_;
    std::vector<HeaderField> many_;
    std::optional<pkgreg::MemoryBody> memory_;
    std::optional<FunctionBody> function_;
};

/// A struct of a later version may say what this one would ignore.
void require_no_more(const pkgreg_request& given) {
    const auto* const bytes = reinterpret_cast<const unsigned char*>(&given);
    for (std::size_t i = sizeof(pkgreg_request); i < given.struct_size; ++i) {
        if (bytes[i] != 0) {
            throw_invalid_argument("'request' has fields set that version " PKGREG_VERSION
                                   " of the library does not know");
        }
    }
}

/// A struct of an earlier version ends before what this one knows: that is 0.
pkgreg_request complete(const pkgreg_request& given) {
    require_size(given.struct_size, offsetof(pkgreg_request, identity), "request");
    require_no_more(given);
    pkgreg_request whole{};
    std::memcpy(&whole, &given, std::min(given.struct_size, sizeof whole));
    return whole;
}

Request::Request(const pkgreg_request& incomplete) {
    const pkgreg_request given = complete(incomplete);
    request_.method = pkgreg::parse_http_method(
        required_text(given.method, given.method_length, "request.method"));
    request_.target = required_text(given.target, given.target_length, "request.target");
    request_.client = optional_text(given.client, given.client_length).value_or("");
    take_headers(given);
    take_body(given);
    take_identity(given);
}

void Request::take_identity(const pkgreg_request& given) {
    const auto name = optional_text(given.identity, given.identity_length);
    if (!name) {
        if (given.group_count == 0) return;
        throw_invalid_argument("'request.groups' needs an identity that is in them");
    }
    if (given.group_count != 0) required(given.groups, "request.groups");
    if (!name->empty()) identity_ = {pkgreg::IdentityKind::embedder, std::string(*name), {}};
    for (std::size_t i = 0; i < given.group_count; ++i) {
        const pkgreg_name& group = given.groups[i];
        identity_.groups.emplace_back(
            required_text(group.text, group.length, "request.groups.text"));
    }
    request_.identity = &identity_;
}

void Request::take_headers(const pkgreg_request& given) {
    if (given.header_count == 0) return;
    required(given.headers, "request.headers");
    if (given.header_count > few_.size()) many_.resize(given.header_count);
    HeaderField* const fields = many_.empty() ? few_.data() : many_.data();
    for (std::size_t i = 0; i < given.header_count; ++i) {
        const pkgreg_header& header = given.headers[i];
        fields[i].name = required_text(header.name, header.name_length, "request.headers.name");
        fields[i].value = required_text(header.value, header.value_length, "request.headers.value");
    }
    request_.headers = {fields, given.header_count};
}

void Request::take_body(const pkgreg_request& given) {
    if (given.body) {
        memory_.emplace(required_bytes(given.body, given.body_size, "request.body"));
        request_.body = &*memory_;
    } else if (given.body_size != 0) {
        throw_missing("request.body");
    } else if (given.read) {
        function_.emplace(given.read, given.read_user, given.read_length);
        request_.body = &*function_;
    }
}

const void* address_of(std::span<const std::byte> bytes) noexcept {
    return bytes.data();
}

std::size_t read_memory(pkgreg_response& handle, std::span<std::byte> into) {
    const auto rest = handle.memory.subspan(handle.position);
    const std::size_t n = std::min(rest.size(), into.size());
    if (n != 0) std::memcpy(into.data(), rest.data(), n);
    handle.position += n;
    return n;
}

}  // namespace

int32_t pkgreg_handle(pkgreg_registry* registry, const pkgreg_request* request,
                      pkgreg_response** response, pkgreg_error** error) {
    clear(response);
    return guard(error, [&] {
        const Call call(registry);
        pkgreg_response*& answered = result(response, "response");
        const Request asked(required(request, "request"));
        auto answer = std::make_unique<pkgreg_response>(
            registry, pkgreg::run_blocking(call->handler->handle(asked.get())));
        asked.throw_if_cancelled();
        if (!answer->in_memory) {
            auto stream = std::make_shared<ContentStream>(std::move(answer->response.body()));
            answer->stream = std::make_unique<ChildHolder<ContentStream>>(call.core(), registry,
                                                                          std::move(stream));
        }
        answered = answer.release();
    });
}

int32_t pkgreg_response_get(const pkgreg_response* response, pkgreg_response_view* view) {
    return guard(nullptr, [&] {
        const pkgreg_response& handle = required(response, "response");
        require_same_process(handle.epoch);
        pkgreg_response_view& seen = required(view, "view");
        require_size(seen.struct_size, sizeof(pkgreg_response_view), "view");
        const std::string& fields = handle.response.fields();
        seen.status = static_cast<std::int32_t>(handle.response.status());
        seen.headers = fields.c_str();
        seen.headers_size = fields.size();
        seen.content_length = handle.content_length;
        seen.body = nullptr;
        seen.body_size = handle.memory.size();
        // A body without bytes lies in memory as well as any.
        if (handle.in_memory) seen.body = handle.memory.empty() ? "" : address_of(handle.memory);
    });
}

const char* pkgreg_response_header(const pkgreg_response* response, const char* name,
                                   size_t name_length, size_t* size) {
    tell_size(size, 0);
    const auto wanted = optional_text(name, name_length);
    if (!response || !wanted) return nullptr;
    const auto value = response->response.find(*wanted);
    if (!value) return nullptr;
    tell_size(size, value->size());
    return value->data();
}

int32_t pkgreg_response_read(pkgreg_response* response, void* into, size_t size, size_t* got,
                             pkgreg_error** error) {
    return guard(error, [&] {
        pkgreg_response& handle = required(response, "response");
        require_same_process(handle.epoch);
        const Call call(handle.registry);
        required_bytes(into, size, "into");
        std::size_t& read = required(got, "got");
        const std::span room(static_cast<std::byte*>(into), size);
        const std::lock_guard turn(handle.mutex);
        read = handle.in_memory ? read_memory(handle, room) : (*handle.stream)->read(room);
    });
}

void pkgreg_response_free(pkgreg_response* response) {
    free_handle(response);
}

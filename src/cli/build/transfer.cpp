#include "cli/build/transfer.hpp"

#include "base/mask_secrets.hpp"
#include "cli/build/image_reference.hpp"

#include <curl/curl.h>

#include <array>
#include <cstddef>
#include <new>

namespace pkgreg::cli {
namespace {

constexpr long max_redirects = 10;
constexpr std::size_t max_fields = 200;

struct FreeCurl {
    void operator()(CURL* handle) const noexcept { curl_easy_cleanup(handle); }
    void operator()(CURLU* url) const noexcept { curl_url_cleanup(url); }
    void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};

/// A type of its own: for the compiler both kinds of handles are `void`.
struct FreeMulti {
    void operator()(CURLM* handle) const noexcept { curl_multi_cleanup(handle); }
};

struct UrlParts {
    std::string scheme;
    std::string host;
};

std::string part(CURLU* url, CURLUPart which) {
    char* text = nullptr;
    if (curl_url_get(url, which, &text, 0) != CURLUE_OK) return {};
    std::string copy(text);
    curl_free(text);
    return copy;
}

UrlParts parse_url(const std::string& text) {
    const std::unique_ptr<CURLU, FreeCurl> url(curl_url());
    if (!url) throw std::bad_alloc();
    if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) {
        throw TransferError(masked_url(text) + " is not a URL", false);
    }
    return {part(url.get(), CURLUPART_SCHEME), part(url.get(), CURLUPART_HOST)};
}

/// Whether the same request may do better in a moment.
bool is_temporary(CURLcode code) noexcept {
    switch (code) {
        case CURLE_COULDNT_RESOLVE_PROXY:
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_CONNECT:
        case CURLE_PARTIAL_FILE:
        case CURLE_OPERATION_TIMEDOUT:
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_GOT_NOTHING:
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR:
        case CURLE_HTTP2:
        case CURLE_HTTP2_STREAM: return true;
        default: return false;
    }
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    const std::size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

long status_of(std::string_view line) {
    const std::size_t space = line.find(' ');
    long status = 0;
    for (std::size_t i = 1; i <= 3 && space != std::string_view::npos && space + i < line.size();
         ++i) {
        const char c = line[space + i];
        if (c < '0' || c > '9') return 0;
        status = status * 10 + (c - '0');
    }
    return status;
}

/// An exchange under way. libcurl is C: what a callback catches goes on once it has returned.
struct Exchange {
    BodySink& sink;
    HttpAnswer answer = {};
    bool begun = false;
    std::exception_ptr failure = {};

    template <class F>
    std::size_t guarded(std::size_t size, const F& body) noexcept {
        try {
            body();
            return size;
        } catch (...) {
            failure = std::current_exception();
            return size + 1;  // any other number than the size ends the exchange
        }
    }

    void take_field(std::string_view line) {
        if (line.starts_with("HTTP/")) {
            answer = HttpAnswer();
            answer.status = status_of(line);
            return;
        }
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos || answer.fields.size() == max_fields) return;
        answer.fields.emplace_back(line.substr(0, colon), trim(line.substr(colon + 1)));
    }

    void begin() {
        if (std::exchange(begun, true)) return;
        sink.begin(answer);
    }
};

std::size_t on_field(char* data, std::size_t, std::size_t size, void* user) noexcept {
    auto& exchange = *static_cast<Exchange*>(user);
    return exchange.guarded(size, [&] { exchange.take_field({data, size}); });
}

std::size_t on_body(char* data, std::size_t, std::size_t size, void* user) noexcept {
    auto& exchange = *static_cast<Exchange*>(user);
    return exchange.guarded(size, [&] {
        exchange.begin();
        exchange.sink.data({data, size});
    });
}

}  // namespace

struct Transfer::State {
    explicit State(const FetchSettings& given) : settings(given) {
        if (!multi || !handle) throw std::bad_alloc();
        set(CURLOPT_USERAGENT, "pkgreg/" PKGREG_VERSION);
        set(CURLOPT_NOSIGNAL, 1L);
        set(CURLOPT_CONNECTTIMEOUT, 15L);
        set(CURLOPT_LOW_SPEED_LIMIT, 1L);
        set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(settings.stall_timeout.count()));
        set(CURLOPT_MAXREDIRS, max_redirects);
        set(CURLOPT_PROTOCOLS_STR, "http,https");
        set(CURLOPT_BUFFERSIZE, 256L * 1024);
        set(CURLOPT_ERRORBUFFER, problem.data());
        set(CURLOPT_HEADERFUNCTION, on_field);
        set(CURLOPT_WRITEFUNCTION, on_body);
        // The system's certificates come from a folder besides, so this file adds to them.
        if (!settings.ca_file.empty()) set(CURLOPT_CAINFO, settings.ca_file.c_str());
    }

    template <class T>
    void set(CURLoption option, T value) {
        if (curl_easy_setopt(handle.get(), option, value) == CURLE_OUT_OF_MEMORY) {
            throw std::bad_alloc();
        }
    }

    void prepare(const HttpRequest& request, const UrlParts& url, Exchange& exchange) {
        curl_slist* list = nullptr;
        for (const std::string& field : request.fields) {
            curl_slist* longer = curl_slist_append(list, field.c_str());
            if (!longer) curl_slist_free_all(list);
            if (!longer) throw std::bad_alloc();
            list = longer;
        }
        fields.reset(list);
        set(CURLOPT_HTTPHEADER, list);
        set(CURLOPT_URL, request.url.c_str());
        set(CURLOPT_REDIR_PROTOCOLS_STR, url.scheme == "https" ? "https" : "http,https");
        // A proxy of the environment cannot reach this machine's own loopback.
        set(CURLOPT_PROXY, is_loopback_registry(url.host) ? "" : static_cast<const char*>(nullptr));
        if (request.body) {
            set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body->size()));
            set(CURLOPT_COPYPOSTFIELDS, request.body->c_str());
            set(CURLOPT_FOLLOWLOCATION, 0L);
        } else {
            set(CURLOPT_HTTPGET, 1L);
            set(CURLOPT_FOLLOWLOCATION, 1L);
        }
        set(CURLOPT_HEADERDATA, &exchange);
        set(CURLOPT_WRITEDATA, &exchange);
        problem[0] = '\0';
    }

    /// Drives the exchange to its end, and stops at once when it is interrupted.
    CURLcode drive() {
        curl_multi_add_handle(multi.get(), handle.get());
        struct Remove {
            State& state;
            ~Remove() { curl_multi_remove_handle(state.multi.get(), state.handle.get()); }
        } const remove{*this};
        int running = 1;
        while (running > 0) {
            curl_multi_perform(multi.get(), &running);
            if (running == 0) break;
            curl_waitfd stop{settings.interruption->fd(), CURL_WAIT_POLLIN, 0};
            curl_multi_poll(multi.get(), &stop, 1, 1000, nullptr);
            if (stop.revents != 0) throw Interrupted();
        }
        int left = 0;
        while (const CURLMsg* message = curl_multi_info_read(multi.get(), &left)) {
            if (message->msg == CURLMSG_DONE) return message->data.result;
        }
        return CURLE_FAILED_INIT;
    }

    [[noreturn]] void fail(CURLcode code, const std::string& url) const {
        const char* text = problem[0] != '\0' ? problem.data() : curl_easy_strerror(code);
        std::string message = masked_url(url) + ": ";
        if (code == CURLE_OPERATION_TIMEDOUT) {
            message += "nothing came for too long";
        } else if (code == CURLE_UNSUPPORTED_PROTOCOL) {
            message += "it is redirected to what is neither https nor, where this began, http";
        } else {
            message += text;
            if (code == CURLE_PEER_FAILED_VERIFICATION) {
                message += "; --ca FILE names further certificates to trust";
            }
        }
        throw TransferError(message, is_temporary(code), failed_in_handshake(code));
    }

    /// A server that does not know TLS answers in its own protocol, or waits for something that it
    /// knows.
    bool failed_in_handshake(CURLcode code) const {
        curl_off_t connected = 0;
        curl_off_t secured = 0;
        curl_easy_getinfo(handle.get(), CURLINFO_CONNECT_TIME_T, &connected);
        curl_easy_getinfo(handle.get(), CURLINFO_APPCONNECT_TIME_T, &secured);
        return code == CURLE_SSL_CONNECT_ERROR ||
               (code == CURLE_OPERATION_TIMEDOUT && connected > 0 && secured == 0);
    }

    const FetchSettings settings;
    std::unique_ptr<CURLM, FreeMulti> multi{curl_multi_init()};
    std::unique_ptr<CURL, FreeCurl> handle{curl_easy_init()};
    std::unique_ptr<curl_slist, FreeCurl> fields;
    std::array<char, CURL_ERROR_SIZE> problem{};
};

Transfer::Transfer(const FetchSettings& settings) : state_(std::make_unique<State>(settings)) {}
Transfer::~Transfer() = default;

HttpAnswer Transfer::perform(const HttpRequest& request, BodySink& sink) {
    state_->settings.interruption->check();
    Exchange exchange{sink};
    state_->prepare(request, parse_url(request.url), exchange);
    const CURLcode code = state_->drive();
    if (exchange.failure) std::rethrow_exception(exchange.failure);
    if (code != CURLE_OK) state_->fail(code, request.url);
    exchange.begin();
    return std::move(exchange.answer);
}

}  // namespace pkgreg::cli

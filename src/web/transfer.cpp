#include "web/transfer.hpp"

#include "base/mask_secrets.hpp"
#include "web/loopback_host.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>

namespace pkgreg {
namespace {

using Clock = std::chrono::steady_clock;

constexpr long max_redirects = 10;
constexpr std::size_t max_fields = 200;
/// What an opened exchange keeps of a body that is not read, but for one piece of libcurl's.
constexpr std::size_t max_kept = std::size_t{1} << 20;

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

std::unique_ptr<CURLU, FreeCurl> new_url() {
    std::unique_ptr<CURLU, FreeCurl> url(curl_url());
    if (!url) throw std::bad_alloc();
    return url;
}

UrlParts parse_url(const std::string& text) {
    const auto url = new_url();
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
        case CURLE_SEND_FAIL_REWIND:
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
    BodySink* sink = nullptr;
    BodyReader* upload = nullptr;
    std::uint64_t upload_left = 0;
    /// Where an opened exchange keeps what was not read yet.
    std::string* kept = nullptr;
    HttpAnswer answer = {};
    bool begun = false;
    bool paused = false;
    std::exception_ptr failure = {};
    Clock::time_point moved = Clock::now();

    template <class F>
    std::size_t guarded(std::size_t failed, const F& body) noexcept {
        moved = Clock::now();
        try {
            return body();
        } catch (...) {
            failure = std::current_exception();
            return failed;
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
        if (std::exchange(begun, true) || sink == nullptr) return;
        sink->begin(answer);
    }

    std::size_t take_body(std::string_view bytes) {
        if (kept != nullptr && kept->size() >= max_kept) {
            paused = true;
            return CURL_WRITEFUNC_PAUSE;
        }
        begin();
        if (kept != nullptr) {
            kept->append(bytes);
        } else {
            sink->data(bytes);
        }
        return bytes.size();
    }
};

// Any other number than the size ends the exchange.

std::size_t on_field(char* data, std::size_t, std::size_t size, void* user) noexcept {
    auto& exchange = *static_cast<Exchange*>(user);
    return exchange.guarded(size + 1, [&] {
        exchange.take_field({data, size});
        return size;
    });
}

std::size_t on_body(char* data, std::size_t, std::size_t size, void* user) noexcept {
    auto& exchange = *static_cast<Exchange*>(user);
    return exchange.guarded(size + 1, [&] { return exchange.take_body({data, size}); });
}

std::size_t on_upload(char* data, std::size_t, std::size_t size, void* user) noexcept {
    auto& exchange = *static_cast<Exchange*>(user);
    return exchange.guarded(CURL_READFUNC_ABORT, [&] {
        const std::size_t got = exchange.upload->read({reinterpret_cast<std::byte*>(data), size});
        exchange.upload_left -= std::min<std::uint64_t>(got, exchange.upload_left);
        return got;
    });
}

CURL* new_handle() {
    static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
    return global == CURLE_OK ? curl_easy_init() : nullptr;
}

}  // namespace

struct Transfer::State {
    explicit State(TransferSettings given) : settings(std::move(given)) {
        if (!multi || !handle) throw std::bad_alloc();
        set(CURLOPT_USERAGENT, "pkgreg/" PKGREG_VERSION);
        set(CURLOPT_NOSIGNAL, 1L);
        set(CURLOPT_CONNECTTIMEOUT, 15L);
        set(CURLOPT_LOW_SPEED_LIMIT, 1L);
        set(CURLOPT_MAXREDIRS, max_redirects);
        set(CURLOPT_PROTOCOLS_STR, "http,https");
        set(CURLOPT_BUFFERSIZE, 256L * 1024);
        set(CURLOPT_UPLOAD_BUFFERSIZE, 512L * 1024);
        set(CURLOPT_ERRORBUFFER, problem.data());
        set(CURLOPT_HEADERFUNCTION, on_field);
        set(CURLOPT_WRITEFUNCTION, on_body);
        set(CURLOPT_READFUNCTION, on_upload);
        // The system's certificates come from a folder besides, so this file adds to them.
        if (!settings.ca_file.empty()) set(CURLOPT_CAINFO, settings.ca_file.c_str());
    }
    ~State() { end(); }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    template <class T>
    void set(CURLoption option, T value) {
        if (curl_easy_setopt(handle.get(), option, value) == CURLE_OUT_OF_MEMORY) {
            throw std::bad_alloc();
        }
    }

    void set_fields(const TransferRequest& request) {
        curl_slist* list = nullptr;
        for (const std::string& field : request.fields) {
            curl_slist* longer = curl_slist_append(list, field.c_str());
            if (!longer) curl_slist_free_all(list);
            if (!longer) throw std::bad_alloc();
            list = longer;
        }
        fields.reset(list);
        set(CURLOPT_HTTPHEADER, list);
    }

    void set_body(const TransferRequest& request) {
        set(CURLOPT_CUSTOMREQUEST, static_cast<const char*>(nullptr));
        set(CURLOPT_NOBODY, 0L);
        set(CURLOPT_HTTPGET, 1L);
        if (request.upload != nullptr) {
            set(CURLOPT_UPLOAD, 1L);
            set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.upload->size()));
        } else if (request.body) {
            set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body->size()));
            set(CURLOPT_COPYPOSTFIELDS, request.body->c_str());
        } else if (request.method == "HEAD") {
            set(CURLOPT_NOBODY, 1L);
        }
        if (!request.method.empty() && request.method != "HEAD") {
            set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
        }
        const bool is_plain = request.upload == nullptr && !request.body;
        set(CURLOPT_FOLLOWLOCATION, is_plain && request.method != "POST" ? 1L : 0L);
        // libcurl's clock does not know whether a server's silence after an upload is rest or work.
        set(CURLOPT_LOW_SPEED_TIME,
            request.upload ? 0L : static_cast<long>(settings.stall_timeout.count()));
    }

    void begin(const TransferRequest& request, BodySink* sink) {
        end();
        const UrlParts url = parse_url(request.url);
        current.emplace();
        current->sink = sink;
        if (sink == nullptr) current->kept = &kept;
        current->upload = request.upload;
        current->upload_left = request.upload != nullptr ? request.upload->size() : 0;
        set_fields(request);
        set_body(request);
        set(CURLOPT_URL, request.url.c_str());
        set(CURLOPT_REDIR_PROTOCOLS_STR, url.scheme == "https" ? "https" : "http,https");
        // A proxy of the environment cannot reach this machine's own loopback.
        set(CURLOPT_PROXY, is_loopback_host(url.host) ? "" : static_cast<const char*>(nullptr));
        set(CURLOPT_HEADERDATA, &*current);
        set(CURLOPT_WRITEDATA, &*current);
        set(CURLOPT_READDATA, &*current);
        problem[0] = '\0';
        called_url = request.url;
        result.reset();
        curl_multi_add_handle(multi.get(), handle.get());
        added = true;
    }

    void end() noexcept {
        if (std::exchange(added, false)) curl_multi_remove_handle(multi.get(), handle.get());
        current.reset();
        kept.clear();
        taken = 0;
    }

    /// Drives the exchange on; false once it has ended, well or not (`result`).
    bool step() {
        if (result) return false;
        int running = 0;
        curl_multi_perform(multi.get(), &running);
        if (current->failure) std::rethrow_exception(current->failure);
        if (running == 0) {
            int left = 0;
            result = CURLE_FAILED_INIT;
            while (const CURLMsg* message = curl_multi_info_read(multi.get(), &left)) {
                if (message->msg == CURLMSG_DONE) result = message->data.result;
            }
            return false;
        }
        return true;
    }

    /// Waits until something moves, and stops at once when it is to stop.
    void pause() {
        curl_waitfd stop{settings.stop_fd, CURL_WAIT_POLLIN, 0};
        const unsigned watched = settings.stop_fd >= 0 ? 1 : 0;
        curl_multi_poll(multi.get(), watched != 0 ? &stop : nullptr, watched, 1000, nullptr);
        if (stop.revents != 0) throw TransferStopped();
        const auto now = Clock::now();
        if (settings.waiting && now - told >= std::chrono::milliseconds(100)) {
            told = now;
            settings.waiting();
        }
        if (current->upload == nullptr) return;
        const bool sent = current->upload_left == 0;
        if (now - current->moved > (sent ? settings.answer_timeout : settings.stall_timeout)) {
            result = CURLE_OPERATION_TIMEDOUT;
        }
    }

    /// Once the exchange has ended.
    void require_success() {
        if (*result == CURLE_OK) return;
        fail(*result);
    }

    [[noreturn]] void fail(CURLcode code) const {
        const char* text = problem[0] != '\0' ? problem.data() : curl_easy_strerror(code);
        std::string message = masked_url(called_url) + ": ";
        if (code == CURLE_OPERATION_TIMEDOUT) {
            message += "nothing came for too long";
        } else if (code == CURLE_UNSUPPORTED_PROTOCOL) {
            message += "it is redirected to what is neither https nor, where this began, http";
        } else {
            message += text;
            if (code == CURLE_PEER_FAILED_VERIFICATION) message += "; " + settings.ca_advice;
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

    /// Lets a body go on that waited for its reader.
    void unpause() {
        if (!std::exchange(current->paused, false)) return;
        curl_easy_pause(handle.get(), CURLPAUSE_CONT);
        if (current->failure) std::rethrow_exception(current->failure);
    }

    const TransferSettings settings;
    std::unique_ptr<CURLM, FreeMulti> multi{curl_multi_init()};
    std::unique_ptr<CURL, FreeCurl> handle{new_handle()};
    std::unique_ptr<curl_slist, FreeCurl> fields;
    std::array<char, CURL_ERROR_SIZE> problem{};
    std::optional<Exchange> current;
    std::optional<CURLcode> result;
    std::string called_url;
    Clock::time_point told = {};
    bool added = false;
    /// An opened exchange's bytes that came, of which `taken` were read.
    std::string kept;
    std::size_t taken = 0;
};

Transfer::Transfer(TransferSettings settings)
    : state_(std::make_unique<State>(std::move(settings))) {}
Transfer::~Transfer() = default;

HttpAnswer Transfer::perform(const TransferRequest& request, BodySink& sink) {
    struct End {
        State& state;
        ~End() { state.end(); }
    } const end{*state_};
    state_->begin(request, &sink);
    while (state_->step()) state_->pause();
    state_->require_success();
    state_->current->begin();
    return std::move(state_->current->answer);
}

HttpAnswer Transfer::open(const TransferRequest& request) {
    state_->begin(request, nullptr);
    try {
        // The step that brings the head may bring so much of the body that it is paused: there is
        // nothing to wait for then.
        while (!state_->current->begun && state_->step()) {
            if (!state_->current->begun) state_->pause();
        }
        if (state_->result) state_->require_success();
    } catch (...) {
        close();
        throw;
    }
    return state_->current->answer;
}

bool Transfer::ready() const noexcept {
    return state_->taken < state_->kept.size() || state_->result;
}

void Transfer::wait() {
    while (!ready()) {
        state_->kept.clear();
        state_->taken = 0;
        state_->unpause();
        if (ready()) return;
        state_->step();
        if (!ready()) state_->pause();
    }
}

std::size_t Transfer::read(std::span<std::byte> into) {
    wait();
    const std::size_t n = std::min(into.size(), state_->kept.size() - state_->taken);
    if (n == 0) {
        state_->require_success();
        return 0;
    }
    std::memcpy(into.data(), state_->kept.data() + state_->taken, n);
    state_->taken += n;
    return n;
}

void Transfer::close() noexcept {
    state_->end();
}

std::string resolve_location(const std::string& base, const std::string& location) {
    const auto url = new_url();
    if (curl_url_set(url.get(), CURLUPART_URL, base.c_str(), 0) != CURLUE_OK) return {};
    if (curl_url_set(url.get(), CURLUPART_URL, location.c_str(), 0) != CURLUE_OK) return {};
    const std::string scheme = part(url.get(), CURLUPART_SCHEME);
    const bool fits = scheme == "https" || (scheme == "http" && base.starts_with("http://"));
    return fits ? part(url.get(), CURLUPART_URL) : std::string();
}

bool is_same_server(const std::string& a, const std::string& b) {
    const auto server = [](const std::string& text) {
        const auto url = new_url();
        if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return text;
        char* port = nullptr;
        curl_url_get(url.get(), CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
        const std::string number(port != nullptr ? port : "");
        curl_free(port);
        return part(url.get(), CURLUPART_SCHEME) + "://" + part(url.get(), CURLUPART_HOST) + ":" +
               number;
    };
    return server(a) == server(b);
}

}  // namespace pkgreg

#include "cli/http_client.hpp"

#include "pkgreg/http.hpp"

#include "base/mask_secrets.hpp"
#include "base/printable.hpp"
#include "base/unique_fd.hpp"
#include "cli/exit_code.hpp"

#include <curl/curl.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <new>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace pkgreg::cli {
namespace {

using Clock = std::chrono::steady_clock;

/// A smaller body is sent at once: asking first would cost more time than it can save.
constexpr std::uint64_t ask_first_from = std::uint64_t{1} << 20;

struct FreeCurl {
    void operator()(CURL* handle) const noexcept { curl_easy_cleanup(handle); }
    void operator()(CURLU* url) const noexcept { curl_url_cleanup(url); }
    void operator()(char* text) const noexcept { curl_free(text); }
    void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};
using Url = std::unique_ptr<CURLU, FreeCurl>;

/// One part of a URL, or an empty text.
std::string part(CURLU* url, CURLUPart which, unsigned flags = 0) {
    char* text = nullptr;
    if (curl_url_get(url, which, &text, flags) != CURLUE_OK) return {};
    const std::unique_ptr<char, FreeCurl> owner(text);
    return text;
}

std::string origin(CURLU* url) {
    return part(url, CURLUPART_SCHEME) + "://" + part(url, CURLUPART_HOST) + ":" +
           part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

bool is_loopback(const std::string& host) {
    return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    const std::size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

/// The body of a request: bytes in memory, or a file.
class RequestBody {
 public:
    explicit RequestBody(const ServerRequest& request)
        : bytes_(request.body), size_(request.body.size()) {
        if (request.file) open(*request.file);
    }

    bool exists() const noexcept { return size_ != 0 || file_; }
    std::uint64_t size() const noexcept { return size_; }
    void seek(std::uint64_t offset) noexcept { offset_ = offset; }

    std::size_t read(char* into, std::size_t most) {
        const std::size_t wanted =
            static_cast<std::size_t>(std::min<std::uint64_t>(most, size_ - offset_));
        std::size_t n = wanted;
        if (file_) {
            n = read_file(into, wanted);
        } else {
            std::memcpy(into, bytes_.data() + offset_, wanted);
        }
        offset_ += n;
        return n;
    }

 private:
    [[noreturn]] void fail(const std::string& problem) const {
        throw ProgramError(ExitCode::failed, "cannot read " + name_ + ": " + problem);
    }

    void open(const std::filesystem::path& path) {
        name_ = path.string();
        file_ = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        struct stat status {};
        if (!file_ || ::fstat(file_.get(), &status) != 0) fail(std::strerror(errno));
        if (!S_ISREG(status.st_mode)) fail("it is not a file");
        size_ = static_cast<std::uint64_t>(status.st_size);
    }

    std::size_t read_file(char* into, std::size_t wanted) {
        if (wanted == 0) return 0;
        while (true) {
            const ssize_t n = ::pread(file_.get(), into, wanted, static_cast<off_t>(offset_));
            if (n > 0) return static_cast<std::size_t>(n);
            if (n == 0) fail("it became shorter while it was sent");
            if (errno != EINTR) fail(std::strerror(errno));
        }
    }

    std::string name_;
    UniqueFd file_;
    std::string_view bytes_;
    std::uint64_t size_;
    std::uint64_t offset_ = 0;
};

/// One request on its way, as libcurl's callbacks see it.
struct Exchange {
    Exchange(const ServerRequest& of, const HttpClientOptions& with)
        : request(of), options(with), body(of) {}

    const ServerRequest& request;
    const HttpClientOptions& options;
    RequestBody body;
    HttpAnswer answer = {};
    bool too_large = false;
    std::chrono::seconds stalled{0};  ///< for how long it stood still, when that ended it
    curl_off_t moved = -1;
    Clock::time_point moved_at = Clock::now();
    std::exception_ptr failure = {};
    /// What had come, unread, when the connection was closed.
    std::string unread = {};
};

/// Runs a callback's work. libcurl is C: an exception goes on once it has returned.
template <class Work>
std::size_t guarded(Exchange& exchange, std::size_t otherwise, const Work& work) noexcept {
    try {
        return work();
    } catch (...) {
        exchange.failure = std::current_exception();
        return otherwise;
    }
}

// libcurl's callbacks; a return value other than the number of bytes ends the transfer.

std::size_t take_field(char* data, std::size_t, std::size_t size, void* user) noexcept {
    auto& exchange = *static_cast<Exchange*>(user);
    return guarded(exchange, 0, [&] {
        const std::string_view line(data, size);
        // An interim answer (1xx) is followed by the real one.
        if (line.starts_with("HTTP/")) exchange.answer.fields.clear();
        const std::size_t colon = line.find(':');
        if (colon != std::string_view::npos) {
            exchange.answer.fields.emplace_back(line.substr(0, colon),
                                                trim(line.substr(colon + 1)));
        }
        return size;
    });
}

std::size_t take_body(char* data, std::size_t, std::size_t size, void* user) noexcept {
    auto& exchange = *static_cast<Exchange*>(user);
    return guarded(exchange, 0, [&] {
        exchange.too_large = size > exchange.request.max_answer - exchange.answer.body.size();
        if (exchange.too_large) return std::size_t{0};
        exchange.answer.body.append(data, size);
        return size;
    });
}

std::size_t give_body(char* into, std::size_t, std::size_t most, void* user) noexcept {
    auto& exchange = *static_cast<Exchange*>(user);
    return guarded(exchange, CURL_READFUNC_ABORT, [&] { return exchange.body.read(into, most); });
}

/// A kept connection that the server has closed meanwhile makes libcurl begin again.
int seek_body(void* user, curl_off_t offset, int origin) noexcept {
    if (origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
    static_cast<Exchange*>(user)->body.seek(static_cast<std::uint64_t>(offset));
    return CURL_SEEKFUNC_OK;
}

/// Ends a transfer that stands still.
int watch(void* user, curl_off_t, curl_off_t received, curl_off_t, curl_off_t sent) noexcept {
    auto& exchange = *static_cast<Exchange*>(user);
    const Clock::time_point now = Clock::now();
    const bool moved = std::exchange(exchange.moved, received + sent) != received + sent;
    if (moved) exchange.moved_at = now;
    const bool waits = exchange.body.exists() && received == 0 &&
                       static_cast<std::uint64_t>(sent) == exchange.body.size();
    const auto limit = waits ? exchange.options.answer : exchange.options.stall;
    if (now - exchange.moved_at > limit) {
        exchange.stalled = limit;
        return 1;
    }
    const auto tell = [&] {
        if (moved && exchange.request.progress) {
            exchange.request.progress(static_cast<std::uint64_t>(sent));
        }
        return std::size_t{0};
    };
    return static_cast<int>(guarded(exchange, 1, tell));
}

/// Closes a socket. A server that refuses a body and does not read the rest of it resets the
/// connection; where the reset overtakes libcurl, which gives up then, the answer is still there.
int close_socket(void* user, curl_socket_t socket) noexcept {
    if (Exchange* exchange = *static_cast<Exchange**>(user)) {
        guarded(*exchange, 0, [&] {
            std::array<char, 64 * 1024> buffer;
            ssize_t n = 0;
            while (exchange->unread.size() < buffer.size() &&
                   (n = ::recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0) {
                exchange->unread.append(buffer.data(), static_cast<std::size_t>(n));
            }
            return std::size_t{0};
        });
    }
    return ::close(socket);
}

/// Takes the answer from what was left unread, if it is one. Of a body in chunks only the status is
/// taken.
void take_unread(Exchange& exchange) {
    constexpr std::string_view version = "HTTP/1.1 ";
    std::string_view rest = exchange.unread;
    while (exchange.answer.status < 200 && rest.starts_with(version)) {
        const std::size_t end = rest.find("\r\n\r\n");
        if (end == std::string_view::npos) return;
        std::string head(rest.substr(0, end + 2));
        rest.remove_prefix(end + 4);
        exchange.answer.status = std::strtol(head.c_str() + version.size(), nullptr, 10);
        for (std::size_t at = 0; at < head.size();) {
            const std::size_t size = head.find('\n', at) + 1 - at;
            take_field(head.data() + at, 1, size, &exchange);
            at += size;
        }
    }
    if (!exchange.answer.field("Transfer-Encoding")) exchange.answer.body = rest;
}

/// Whether the server refused the request although the transfer failed, see `close_socket`.
bool is_refusal(CURLcode code, Exchange& exchange) {
    const bool broken = code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR ||
                        code == CURLE_PARTIAL_FILE || code == CURLE_GOT_NOTHING;
    if (!broken || exchange.failure) return false;
    if (exchange.answer.status < 200) take_unread(exchange);
    return exchange.answer.status >= 400;
}

}  // namespace

struct HttpClient::State {
    HttpClientOptions options;
    std::string name = {};
    std::string socket = {};
    Url base{curl_url()};
    /// What is on its way. It must outlive the handle, which closes sockets at its end.
    Exchange* current = nullptr;
    std::unique_ptr<CURL, FreeCurl> handle{curl_easy_init()};
    std::array<char, CURL_ERROR_SIZE> problem{};

    /// The URL of a target, which must be on this server.
    Url url_of(const std::string& target) const {
        Url url(curl_url_dup(base.get()));
        if (!url) throw std::bad_alloc();
        if (curl_url_set(url.get(), CURLUPART_URL, target.c_str(), 0) != CURLUE_OK ||
            origin(url.get()) != origin(base.get())) {
            throw ProgramError(ExitCode::server,
                               name + " refers to another server: '" + masked_url(target) + "'");
        }
        return url;
    }

    /// Sets what is the same for every request. Open connections stay open.
    void reset() {
        CURL* curl = handle.get();
        curl_easy_reset(curl);
        if (!socket.empty()) curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket.c_str());
        // A proxy of the environment cannot reach this machine's own loopback.
        if (is_loopback(part(base.get(), CURLUPART_HOST))) {
            curl_easy_setopt(curl, CURLOPT_PROXY, "");
        }
        if (!options.ca.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, options.ca.c_str());
        if (!options.certificate.empty()) {
            curl_easy_setopt(curl, CURLOPT_SSLCERT, options.certificate.c_str());
            curl_easy_setopt(curl, CURLOPT_SSLKEY, options.key.c_str());
        }
        if (!options.user.empty()) {
            // At once: an answer that asks for it would come while a large body is on its way.
            curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
            curl_easy_setopt(curl, CURLOPT_USERNAME, options.user.c_str());
            curl_easy_setopt(curl, CURLOPT_PASSWORD, options.password.c_str());
        }
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
        // What is said here about early answers holds for one request on a connection.
        curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
        curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip");
        curl_easy_setopt(curl, CURLOPT_USERAGENT, "pkgreg/" PKGREG_VERSION);
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 10L);
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, problem.data());
        curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_field);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_body);
        curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, seek_body);
        curl_easy_setopt(curl, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
        curl_easy_setopt(curl, CURLOPT_CLOSESOCKETDATA, &current);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watch);
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    }

    void set_exchange(Exchange& exchange) {
        CURL* curl = handle.get();
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, exchange.request.method.c_str());
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, &exchange);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &exchange);
        curl_easy_setopt(curl, CURLOPT_READDATA, &exchange);
        curl_easy_setopt(curl, CURLOPT_SEEKDATA, &exchange);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &exchange);
        if (!exchange.body.exists()) return;
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 512L * 1024);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE,
                         static_cast<curl_off_t>(exchange.body.size()));
    }

    /// Why there is no answer.
    [[noreturn]] void fail(CURLcode code, const Exchange& exchange) const {
        if (exchange.failure) std::rethrow_exception(exchange.failure);
        if (exchange.too_large) {
            throw ProgramError(ExitCode::server,
                               name + " sends more than " +
                                   std::to_string(exchange.request.max_answer >> 20) +
                                   " MiB in one answer");
        }
        if (exchange.stalled.count() != 0) {
            throw ProgramError(ExitCode::server, "no answer from " + name + ": nothing moved for " +
                                                     std::to_string(exchange.stalled.count()) +
                                                     " s");
        }
        const char* text = problem[0] != '\0' ? problem.data() : curl_easy_strerror(code);
        throw ProgramError(ExitCode::server,
                           "no answer from " + name + ": " + text + "; " + options.advice);
    }
};

HttpClient::HttpClient(const std::string& server, HttpClientOptions options)
    : state_(std::make_unique<State>(State{std::move(options)})) {
    State& state = *state_;
    state.name = masked_url(server);
    std::string url = server;
    if (server.starts_with("unix:")) {
        state.socket = server.substr(5);
        url = "http://localhost";
    } else if (server.find("://") == std::string::npos) {
        url = "http://" + server;
    }
    if (!state.base || !state.handle) throw std::bad_alloc();
    const bool readable =
        curl_url_set(state.base.get(), CURLUPART_URL, url.c_str(), 0) == CURLUE_OK;
    const std::string scheme = part(state.base.get(), CURLUPART_SCHEME);
    if (!readable || (scheme != "http" && scheme != "https")) {
        throw ProgramError(ExitCode::usage, "'" + state.name +
                                                "' is not a server; write http://HOST:PORT, "
                                                "https://HOST:PORT or unix:PATH");
    }
}

HttpClient::~HttpClient() = default;

HttpAnswer HttpClient::send(const ServerRequest& request) {
    State& state = *state_;
    Exchange exchange(request, state.options);
    const Url url = state.url_of(request.target);
    state.reset();
    state.set_exchange(exchange);
    std::unique_ptr<curl_slist, FreeCurl> fields;
    const auto add_field = [&](const std::string& field) {
        curl_slist* longer = curl_slist_append(fields.get(), field.c_str());
        if (!longer) throw std::bad_alloc();
        static_cast<void>(fields.release());
        fields.reset(longer);
    };
    for (const std::string& field : request.fields) add_field(field);
    if (!state.options.authorization.empty()) {
        add_field("Authorization: " + state.options.authorization);
    }
    if (exchange.body.size() < ask_first_from) add_field("Expect:");
    curl_easy_setopt(state.handle.get(), CURLOPT_HTTPHEADER, fields.get());
    curl_easy_setopt(state.handle.get(), CURLOPT_CURLU, url.get());
    state.problem[0] = '\0';
    state.current = &exchange;
    const CURLcode code = curl_easy_perform(state.handle.get());
    state.current = nullptr;
    curl_easy_getinfo(state.handle.get(), CURLINFO_RESPONSE_CODE, &exchange.answer.status);
    if (code != CURLE_OK && !is_refusal(code, exchange)) state.fail(code, exchange);
    return std::move(exchange.answer);
}

HttpAnswer HttpClient::get(std::string_view target) {
    return send({.target = std::string(target)});
}

const std::string& HttpClient::name() const noexcept {
    return state_->name;
}

std::string error_text(const HttpAnswer& answer) {
    simdjson::dom::parser parser;
    simdjson::dom::element document;
    std::string_view message;
    std::string out = "status " + std::to_string(answer.status);
    if (parser.parse(answer.body).get(document) != simdjson::SUCCESS ||
        document["errors"].at(0)["message"].get(message) != simdjson::SUCCESS) {
        return out;
    }
    std::string_view separator = ": ";
    while (!message.empty()) {
        const std::size_t end = std::min(message.find('\n'), message.size());
        out.append(separator);
        append_printable(out, message.substr(0, end));
        message.remove_prefix(std::min(end + 1, message.size()));
        separator = "\n";
    }
    return out;
}

}  // namespace pkgreg::cli

#include "cli/http_client.hpp"

#include "pkgreg/http.hpp"

#include "base/mask_secrets.hpp"
#include "cli/exit_code.hpp"

#include <curl/curl.h>

#include <array>
#include <cstddef>
#include <exception>
#include <new>

namespace pkgreg::cli {
namespace {

constexpr std::size_t max_body = std::size_t{64} << 20;

struct FreeCurl {
    void operator()(CURL* handle) const noexcept { curl_easy_cleanup(handle); }
    void operator()(CURLU* url) const noexcept { curl_url_cleanup(url); }
    void operator()(char* text) const noexcept { curl_free(text); }
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

// libcurl's callbacks; a return value other than the number of bytes ends the transfer.

std::size_t take_field(char* data, std::size_t, std::size_t size, void* user) noexcept {
    auto& answer = *static_cast<HttpAnswer*>(user);
    const std::string_view line(data, size);
    try {
        // An interim answer (1xx) is followed by the real one.
        if (line.starts_with("HTTP/")) answer.fields.clear();
        const std::size_t colon = line.find(':');
        if (colon != std::string_view::npos) {
            answer.fields.emplace_back(line.substr(0, colon), trim(line.substr(colon + 1)));
        }
    } catch (const std::exception&) {
        return 0;
    }
    return size;
}

std::size_t take_body(char* data, std::size_t, std::size_t size, void* user) noexcept {
    auto& answer = *static_cast<HttpAnswer*>(user);
    if (answer.body.size() + size > max_body) return 0;
    try {
        answer.body.append(data, size);
    } catch (const std::exception&) {
        return 0;
    }
    return size;
}

}  // namespace

std::optional<std::string_view> HttpAnswer::field(std::string_view name) const {
    for (const auto& [known, value] : fields) {
        if (same_field_name(known, name)) return value;
    }
    return std::nullopt;
}

struct HttpClient::State {
    std::string name;
    std::string socket;
    Url base{curl_url()};
    std::unique_ptr<CURL, FreeCurl> handle{curl_easy_init()};
    std::array<char, CURL_ERROR_SIZE> problem{};
};

HttpClient::HttpClient(const std::string& server) : state_(std::make_unique<State>()) {
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
    CURL* handle = state.handle.get();
    curl_easy_setopt(handle, CURLOPT_CURLU, state.base.get());
    if (!state.socket.empty()) {
        curl_easy_setopt(handle, CURLOPT_UNIX_SOCKET_PATH, state.socket.c_str());
    }
    // A proxy of the environment cannot reach this machine's own loopback.
    if (is_loopback(part(state.base.get(), CURLUPART_HOST))) {
        curl_easy_setopt(handle, CURLOPT_PROXY, "");
    }
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_USERAGENT, "pkgreg/" PKGREG_VERSION);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, 10L);
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, 60L);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, state.problem.data());
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, take_field);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_body);
}

HttpClient::~HttpClient() = default;

HttpAnswer HttpClient::get(std::string_view target) {
    State& state = *state_;
    const Url url(curl_url_dup(state.base.get()));
    if (!url) throw std::bad_alloc();
    if (curl_url_set(url.get(), CURLUPART_URL, std::string(target).c_str(), 0) != CURLUE_OK ||
        origin(url.get()) != origin(state.base.get())) {
        throw ProgramError(ExitCode::server,
                           state.name + " refers to another server: '" + masked_url(target) + "'");
    }
    HttpAnswer answer;
    CURL* handle = state.handle.get();
    curl_easy_setopt(handle, CURLOPT_CURLU, url.get());
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, &answer);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &answer);
    state.problem[0] = '\0';
    const CURLcode code = curl_easy_perform(handle);
    if (code != CURLE_OK) {
        const char* problem =
            state.problem[0] != '\0' ? state.problem.data() : curl_easy_strerror(code);
        throw ProgramError(ExitCode::server,
                           code == CURLE_WRITE_ERROR
                               ? state.name + " sends more than 64 MiB in one answer"
                               : "no answer from " + state.name + ": " + problem +
                                     "; name the server with --server URL or PKGREG_SERVER");
    }
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &answer.status);
    return answer;
}

const std::string& HttpClient::name() const noexcept {
    return state_->name;
}

}  // namespace pkgreg::cli

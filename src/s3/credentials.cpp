#include "s3/credentials.hpp"

#include "pkgreg/error.hpp"

#include "s3/timestamps.hpp"

#include <curl/curl.h>
#include <simdjson.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

namespace pkgreg::s3 {
namespace {

using namespace std::chrono_literals;

/// Keys are renewed when less than this is left of their time.
constexpr auto renewal_before_expiry = 5min;
/// After a renewal that failed, while the old keys are still good.
constexpr auto renewal_pause = 30s;
/// A file of keys or a token is small; a larger one is something else.
constexpr std::size_t largest_file = std::size_t{1} << 20;
constexpr std::string_view container_host = "http://169.254.170.2";
constexpr std::string_view instance_host = "http://169.254.169.254";

std::string_view trim(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    const std::size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

/// Nothing when there is no such file; throws `denied` when it cannot be read.
std::optional<std::string> read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
        throw Error(ErrorCode::denied,
                    "cannot read the credentials in " + path + ": " + std::strerror(errno));
    }
    std::string text;
    char buffer[4096];
    while (file.read(buffer, sizeof buffer), file.gcount() > 0) {
        text.append(buffer, static_cast<std::size_t>(file.gcount()));
        if (text.size() > largest_file) {
            throw Error(ErrorCode::denied, path + " is too large for a file of credentials");
        }
    }
    return text;
}

/// Calls `use(name, value)` for each setting of a profile; whether the file has the profile.
template <class Use>
bool for_each_setting(std::string_view file, std::string_view profile, const Use& use) {
    bool found = false;
    bool inside = false;
    while (!file.empty()) {
        const std::size_t end = std::min(file.find('\n'), file.size());
        const std::string_view line = file.substr(0, end);
        file.remove_prefix(std::min(end + 1, file.size()));
        const std::string_view text = trim(line);
        // A line that is indented belongs to the setting above it.
        if (text.empty() || text[0] == '#' || text[0] == ';' || line[0] == ' ' || line[0] == '\t') {
            continue;
        }
        if (text[0] == '[') {
            std::string_view name = trim(text.substr(1, text.find(']') - 1));
            if (name.starts_with("profile ")) name = trim(name.substr(8));
            inside = name == profile;
            found |= inside;
        } else if (const std::size_t equals = text.find('=');
                   inside && equals != std::string_view::npos) {
            use(trim(text.substr(0, equals)), trim(text.substr(equals + 1)));
        }
    }
    return found;
}

std::string string_in(simdjson::dom::element document, std::string_view name) {
    std::string_view text;
    return document[name].get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

bool is_loopback(std::string_view host) {
    return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

/// What an endpoint on this machine or beside it did instead of answering.
std::string problem_of(const HttpAnswer& answer) {
    if (answer.status == 0 || answer.failure != Failure::none) return answer.failure_text;
    return "HTTP " + std::to_string(answer.status);
}

}  // namespace

std::optional<std::string> read_profile_setting(std::string_view file, std::string_view profile,
                                                std::string_view setting) {
    std::optional<std::string> found;
    for_each_setting(file, profile, [&](std::string_view name, std::string_view value) {
        if (name == setting) found = value;
    });
    return found;
}

std::optional<Credentials> read_profile(std::string_view file, std::string_view profile) {
    Credentials keys;
    const bool found =
        for_each_setting(file, profile, [&](std::string_view name, std::string_view value) {
            if (name == "aws_access_key_id") keys.access_key_id = value;
            if (name == "aws_secret_access_key") keys.secret_access_key = value;
            if (name == "aws_session_token") keys.session_token = value;
        });
    if (!found) return std::nullopt;
    for (const auto& [name, value] :
         {std::pair("aws_access_key_id", &keys.access_key_id),
          std::pair("aws_secret_access_key", &keys.secret_access_key)}) {
        if (value->empty()) {
            throw Error(ErrorCode::invalid_options,
                        "profile '" + std::string(profile) + "' of the credentials lacks " + name);
        }
    }
    return keys;
}

Credentials read_credentials_answer(std::string_view json) {
    simdjson::dom::parser parser;
    simdjson::dom::element document;
    if (parser.parse(json.data(), json.size()).get(document) != simdjson::SUCCESS ||
        !document.is_object()) {
        throw Error(ErrorCode::denied, "the endpoint for credentials did not answer with JSON");
    }
    const std::string code = string_in(document, "Code");
    Credentials keys;
    keys.access_key_id = string_in(document, "AccessKeyId");
    keys.secret_access_key = string_in(document, "SecretAccessKey");
    keys.session_token = string_in(document, "Token");
    if ((!code.empty() && code != "Success") || keys.access_key_id.empty() ||
        keys.secret_access_key.empty()) {
        throw Error(ErrorCode::denied, "the endpoint for credentials gave none" +
                                           (code.empty() ? "" : " (" + code.substr(0, 80) + ")"));
    }
    if (const auto expires = parse_iso8601(string_in(document, "Expiration"))) {
        keys.expires = std::chrono::system_clock::time_point(
            std::chrono::duration_cast<std::chrono::system_clock::duration>(
                std::chrono::nanoseconds(*expires)));
    }
    return keys;
}

bool is_safe_container_endpoint(const std::string& url) {
    if (url.starts_with("https://")) return true;
    if (!url.starts_with("http://")) return false;
    std::string_view host = std::string_view(url).substr(7);
    host = host.substr(0, host.find_first_of("/?#"));
    if (host.find('@') != std::string_view::npos) return false;
    if (host.starts_with('[')) {
        host = host.substr(0, host.find(']') + 1);
    } else {
        host = host.substr(0, host.find(':'));
    }
    // Amazon's for ECS, and for EKS in IPv4 and IPv6.
    return host == "localhost" || host == "[::1]" || host == "169.254.170.2" ||
           host == "169.254.170.23" || host == "[fd00:ec2::23]" ||
           (is_loopback(host) && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

SharedFiles::SharedFiles(const S3CredentialSource& source, const Environment& environment)
    : credentials(environment.get("AWS_SHARED_CREDENTIALS_FILE")),
      configuration(environment.get("AWS_CONFIG_FILE")),
      profile(source.profile.empty() ? environment.get("AWS_PROFILE") : source.profile) {
    const std::string home = environment.get("HOME");
    if (credentials.empty() && !home.empty()) credentials = home + "/.aws/credentials";
    if (configuration.empty() && !home.empty()) configuration = home + "/.aws/config";
    if (profile.empty()) profile = "default";
}

CredentialProvider::CredentialProvider(S3CredentialSource source, Environment environment,
                                       Transport& transport)
    : source_(std::move(source)),
      environment_(std::move(environment)),
      shared_(source_, environment_),
      transport_(transport) {}

std::shared_ptr<const Credentials> CredentialProvider::usable(Clock::time_point now) const {
    const std::lock_guard lock(mutex_);
    return current_ && (!current_->expires || now < renew_at_) ? current_ : nullptr;
}

awaitable<std::shared_ptr<const Credentials>> CredentialProvider::get() {
    if (auto keys = usable(Clock::now())) co_return keys;
    const auto one_at_a_time = co_await renewal_->lock_exclusive();
    if (auto keys = usable(Clock::now())) co_return keys;
    try {
        co_await renew();
    } catch (const Error&) {
        const std::lock_guard lock(mutex_);
        const auto now = Clock::now();
        if (!current_ || (current_->expires && now >= *current_->expires)) throw;
        renew_at_ = now + renewal_pause;
    }
    const std::lock_guard lock(mutex_);
    co_return current_;
}

awaitable<void> CredentialProvider::renew() {
    auto keys = std::make_shared<const Credentials>(co_await find());
    const std::lock_guard lock(mutex_);
    current_ = std::move(keys);
    if (!current_->expires) co_return;
    // Keys that come with less time than that are used for half of it.
    const auto now = Clock::now();
    const auto soon = std::min<Clock::duration>((*current_->expires - now) / 2, renewal_pause);
    renew_at_ = std::max(*current_->expires - renewal_before_expiry, now + soon);
}

awaitable<bool> CredentialProvider::replace(const std::shared_ptr<const Credentials>& keys) {
    if (!source_.access_key_id.empty()) co_return false;
    const auto one_at_a_time = co_await renewal_->lock_exclusive();
    {
        const std::lock_guard lock(mutex_);
        if (current_ && *current_ != *keys) co_return true;
    }
    try {
        co_await renew();
    } catch (const Error&) {
        // The refusal tells more than this does.
        co_return false;
    }
    const std::lock_guard lock(mutex_);
    co_return *current_ != *keys;
}

awaitable<Credentials> CredentialProvider::find() {
    if (!source_.access_key_id.empty()) {
        Credentials keys{source_.access_key_id, source_.secret_access_key, source_.session_token};
        co_return keys;
    }
    if (!source_.file.empty()) co_return from_file();
    std::optional<Credentials> keys = from_environment();
    if (!keys) keys = from_shared_file();
    if (!keys) keys = co_await from_container();
    if (!keys) keys = co_await from_instance();
    if (!keys) {
        throw Error(ErrorCode::denied,
                    "there are no S3 credentials: AWS_ACCESS_KEY_ID is not set, " +
                        (shared_.credentials.empty()
                             ? "there is no home for .aws/credentials"
                             : shared_.credentials + " has no profile '" + shared_.profile + "'") +
                        ", and neither a container's nor an instance's endpoint gives any");
    }
    co_return *std::move(keys);
}

Credentials CredentialProvider::from_file() const {
    const std::string path = source_.file.string();
    const auto text = read_file(path);
    if (!text) throw Error(ErrorCode::denied, "there is no file of credentials " + path);
    try {
        if (auto keys = read_profile(*text, shared_.profile)) return *std::move(keys);
    } catch (const Error& error) {
        throw Error(ErrorCode::denied, path + ": " + error.message());
    }
    throw Error(ErrorCode::denied, path + " has no profile '" + shared_.profile + "'");
}

std::optional<Credentials> CredentialProvider::from_environment() const {
    Credentials keys{environment_.get("AWS_ACCESS_KEY_ID"),
                     environment_.get("AWS_SECRET_ACCESS_KEY"),
                     environment_.get("AWS_SESSION_TOKEN")};
    if (keys.access_key_id.empty() && keys.secret_access_key.empty()) return std::nullopt;
    if (keys.access_key_id.empty() || keys.secret_access_key.empty()) {
        throw Error(ErrorCode::denied,
                    "of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only one is set");
    }
    return keys;
}

std::optional<Credentials> CredentialProvider::from_shared_file() const {
    if (shared_.credentials.empty()) return std::nullopt;
    const auto text = read_file(shared_.credentials);
    if (!text) return std::nullopt;
    try {
        return read_profile(*text, shared_.profile);
    } catch (const Error& error) {
        throw Error(ErrorCode::denied, shared_.credentials + ": " + error.message());
    }
}

/// Amazon ECS Developer Guide, "Task IAM role"; EKS uses it with a full URL and a token in a file.
awaitable<std::optional<Credentials>> CredentialProvider::from_container() {
    HttpRequest request;
    request.method = "GET";
    request.url = environment_.get("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (const std::string path = environment_.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
        !path.empty()) {
        request.url = std::string(container_host) + path;
    }
    if (request.url.empty()) co_return std::nullopt;
    if (!is_safe_container_endpoint(request.url)) {
        throw Error(ErrorCode::denied,
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI must be HTTPS or on this machine");
    }
    std::string token = environment_.get("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    if (const std::string path = environment_.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
        !path.empty()) {
        token = trim(read_file(path).value_or(""));
    }
    if (token.find_first_of("\r\n") != std::string::npos) {
        throw Error(ErrorCode::denied, "the container's authorization token has a line break");
    }
    if (!token.empty()) request.headers.push_back({"Authorization", std::move(token)});
    const HttpAnswer answer = co_await ask(request);
    if (answer.failure != Failure::none || answer.status != 200) {
        throw Error(ErrorCode::denied,
                    "the container's endpoint for credentials: " + problem_of(answer));
    }
    co_return read_credentials_answer(answer.body);
}

/// Amazon EC2 User Guide, "Use the Instance Metadata Service", version 2.
awaitable<std::optional<Credentials>> CredentialProvider::from_instance() {
    if (environment_.get("AWS_EC2_METADATA_DISABLED") == "true") co_return std::nullopt;
    std::string host = environment_.get("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    if (host.empty()) host = instance_host;
    while (host.ends_with('/')) host.pop_back();

    HttpRequest request;
    request.method = "PUT";
    request.url = host + "/latest/api/token";
    request.headers.push_back({"X-aws-ec2-metadata-token-ttl-seconds", "21600"});
    const HttpAnswer token = co_await ask(request);
    // Whoever is not on such an instance finds nobody there.
    if (token.failure != Failure::none || token.status != 200) co_return std::nullopt;

    const std::string roles = host + "/latest/meta-data/iam/security-credentials/";
    const Field proof{"X-aws-ec2-metadata-token", std::string(trim(token.body))};
    request = HttpRequest();
    request.method = "GET";
    request.url = roles;
    request.headers.push_back(proof);
    const HttpAnswer names = co_await ask(request);
    if (names.status == 404) co_return std::nullopt;
    const std::string_view name =
        trim(std::string_view(names.body).substr(0, names.body.find('\n')));
    if (names.failure != Failure::none || names.status != 200 || name.empty()) {
        throw Error(ErrorCode::denied, "the instance's endpoint for roles: " + problem_of(names));
    }

    request = HttpRequest();
    request.method = "GET";
    request.url = roles + std::string(name);
    request.headers.push_back(proof);
    const HttpAnswer answer = co_await ask(request);
    if (answer.failure != Failure::none || answer.status != 200) {
        throw Error(ErrorCode::denied,
                    "the instance's endpoint for credentials: " + problem_of(answer));
    }
    co_return read_credentials_answer(answer.body);
}

/// Asks an endpoint that is near or not there at all; tries again what may pass.
awaitable<HttpAnswer> CredentialProvider::ask(HttpRequest& request) {
    request.direct = true;
    request.max_body = std::size_t{64} << 10;
    request.connect_timeout = 1s;
    request.stall_timeout = 3s;
    for (int attempt = 1;; ++attempt) {
        HttpRequest copy = request;
        HttpAnswer answer = co_await transport_.perform(copy);
        const bool passes = answer.failure == Failure::broken ||
                            answer.failure == Failure::stalled || answer.status >= 500 ||
                            answer.status == 429;
        if (!passes || attempt == 3) co_return answer;
        co_await transport_.pause(100ms * attempt);
    }
}

}  // namespace pkgreg::s3

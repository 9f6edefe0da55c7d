#include "cluster/secret_store.hpp"

#include "pkgreg/error.hpp"

#include "base/json.hpp"
#include "cluster/patience.hpp"
#include "cluster/private_file.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <string_view>

namespace pkgreg::cluster {
namespace {

/// A path in a URL (RFC 3986, 3.3): slashes stay, all else that is not unreserved is escaped.
std::string escaped(std::string_view path) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : path) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) != 0 ||
            std::string_view("-._~/").find(c) != std::string_view::npos) {
            out += c;
        } else {
            out.append({'%', digits[byte >> 4], digits[byte & 15]});
        }
    }
    return out;
}

std::string_view without_outer_slashes(std::string_view path) {
    const std::size_t begin = std::min(path.find_first_not_of('/'), path.size());
    path.remove_prefix(begin);
    return path.substr(0, path.find_last_not_of('/') + 1);
}

}  // namespace

std::string secret_in(const HttpAnswer& answer) {
    const std::string_view type = answer.field("content-type").value_or("");
    if (!type.starts_with("application/json")) return answer.body;
    try {
        const JsonValue document = parse_json(answer.body, "secret");
        const auto value = std::ranges::find(document.members, "value", &JsonMember::name);
        if (value != document.members.end() && value->value.type == JsonValue::Type::string) {
            return value->value.text;
        }
    } catch (const Error&) {
        // What is wrong with it could only be told with pieces of the secret.
    }
    throw Error(ErrorCode::unavailable,
                "the secret store's answer is no JSON object with a text \"value\"");
}

std::string fetch_secret(Session& session, const std::string& path, int stop_fd) {
    const std::string target = "/secrets/v1/secret/default/" + escaped(without_outer_slashes(path));
    const HttpAnswer answer = session.ask(target, std::nullopt, stop_fd);
    if (answer.status == 200) return secret_in(answer);
    const std::string told = "the secret '" + path + "' cannot be had: " + session.url_of(target) +
                             " answers " + std::to_string(answer.status) + reason_in(answer.body);
    if (answer.status == 404) throw Error(ErrorCode::not_found, told);
    throw Error(ErrorCode::denied,
                told + "; let the service account " + session.uid() +
                    " read it, with the permission dcos:secrets:default:" + path + " read");
}

bool fetch_secret_file(const SessionOptions& options, const std::string& path,
                       const std::filesystem::path& file, int stop_fd, const LogCallback& log) {
    Session session(options);
    return ask_until_answered(
        [&] { write_private_file(file, fetch_secret(session, path, stop_fd)); },
        "the secret '" + path + "' of the cluster's secret store", stop_fd, log);
}

}  // namespace pkgreg::cluster

// What a client can take: formats of the repository document, and content codings.
#include "pkgreg/dcos/universe.hpp"
#include "pkgreg/http.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace pkgreg {
namespace {

std::string_view trim(std::string_view text) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

/// Takes what stands before the next `separator` that is not inside quotes.
std::string_view take_until(std::string_view& rest, char separator) noexcept {
    bool quoted = false;
    std::size_t i = 0;
    for (; i < rest.size() && (quoted || rest[i] != separator); ++i) {
        if (rest[i] == '"') quoted = !quoted;
        if (quoted && rest[i] == '\\') ++i;
    }
    i = std::min(i, rest.size());
    const std::string_view taken = rest.substr(0, i);
    rest.remove_prefix(std::min(i + 1, rest.size()));
    return trim(taken);
}

/// One element of `Accept` or `Accept-Encoding`: a value with parameters.
class Choice {
 public:
    explicit Choice(std::string_view text) noexcept : value_(take_until(text, ';')), rest_(text) {}

    std::string_view value() const noexcept { return value_; }

    std::string_view parameter(std::string_view name) const noexcept {
        std::string_view rest = rest_;
        while (!rest.empty()) {
            std::string_view part = take_until(rest, ';');
            if (!same_field_name(take_until(part, '='), name)) continue;
            part = trim(part);
            if (part.size() >= 2 && part.front() == '"' && part.back() == '"') {
                part = part.substr(1, part.size() - 2);
            }
            return part;
        }
        return {};
    }

    /// The weight in thousandths; 1,000 where there is none, or none that can be read.
    int weight() const noexcept {
        const std::string_view q = parameter("q");
        if (q.empty() || q.front() != '0') return 1000;
        int weight = 0;
        int unit = 100;
        for (const char c : q.substr(std::min<std::size_t>(2, q.size()))) {
            if (c < '0' || c > '9') break;
            weight += (c - '0') * unit;
            unit /= 10;
        }
        return weight;
    }

 private:
    std::string_view value_;
    std::string_view rest_;
};

constexpr std::array formats = {RepositoryFormat::v3, RepositoryFormat::v4, RepositoryFormat::v5};
constexpr std::string_view repository_type = "application/vnd.dcos.universe.repo+json";

std::string_view version_of(RepositoryFormat format) noexcept {
    return format == RepositoryFormat::v3 ? "v3" : format == RepositoryFormat::v4 ? "v4" : "v5";
}

/// How exactly a choice names a format, from 1; 0 when it does not.
int precision(const Choice& choice, RepositoryFormat format) noexcept {
    if (choice.value() == "*/*") return 1;
    if (same_field_name(choice.value(), "application/*")) return 2;
    if (same_field_name(choice.value(), "application/json")) return 2;
    if (!same_field_name(choice.value(), repository_type)) return 0;
    const std::string_view version = choice.parameter("version");
    if (version.empty()) return 3;
    return same_field_name(version, version_of(format)) ? 4 : 0;
}

}  // namespace

std::string_view content_type(RepositoryFormat format) noexcept {
    switch (format) {
        case RepositoryFormat::v3:
            return "application/vnd.dcos.universe.repo+json;charset=utf-8;version=v3";
        case RepositoryFormat::v4:
            return "application/vnd.dcos.universe.repo+json;charset=utf-8;version=v4";
        case RepositoryFormat::v5:
            return "application/vnd.dcos.universe.repo+json;charset=utf-8;version=v5";
    }
    return "application/vnd.dcos.universe.repo+json;charset=utf-8;version=v5";
}

std::optional<RepositoryFormat> highest_accepted(std::string_view accept) noexcept {
    if (trim(accept).empty()) return RepositoryFormat::v5;
    std::array<int, formats.size()> best{};
    std::array<bool, formats.size()> taken{};
    while (!accept.empty()) {
        const Choice choice(take_until(accept, ','));
        for (std::size_t i = 0; i < formats.size(); ++i) {
            const int exact = precision(choice, formats[i]);
            if (exact == 0 || exact < best[i]) continue;
            taken[i] = choice.weight() > 0 || (exact == best[i] && taken[i]);
            best[i] = exact;
        }
    }
    for (std::size_t i = formats.size(); i-- > 0;) {
        if (taken[i]) return formats[i];
    }
    return std::nullopt;
}

RepositoryFormat highest_readable(const ReleaseVersion& release) {
    const ReleaseVersion by = release.major_minor();
    if (by <= ReleaseVersion::parse("1.9")) return RepositoryFormat::v3;
    if (by <= ReleaseVersion::parse("1.11")) return RepositoryFormat::v4;
    return RepositoryFormat::v5;
}

ReleaseVersion newest_release() {
    // No patch of 2.2 had a number anywhere near; a package that needs one of them is listed.
    return ReleaseVersion::parse("2.2.999");
}

std::optional<RepositoryForm> negotiate_repository(std::string_view accept,
                                                   std::string_view user_agent) {
    const auto accepted = highest_accepted(accept);
    if (!accepted) return std::nullopt;
    RepositoryForm form;
    if (auto release = ReleaseVersion::from_user_agent(user_agent)) {
        form.release = *std::move(release);
    }
    form.format = std::min(*accepted, highest_readable(form.release));
    return form;
}

std::string_view to_string(ContentCoding coding) noexcept {
    switch (coding) {
        case ContentCoding::identity: return "identity";
        case ContentCoding::gzip: return "gzip";
        case ContentCoding::zstd: return "zstd";
    }
    return "identity";
}

ContentCoding choose_coding(std::string_view accept_encoding) noexcept {
    constexpr int unknown = -1;
    int any = unknown;
    // By ContentCoding.
    std::array<int, 3> weights = {unknown, unknown, unknown};
    while (!accept_encoding.empty()) {
        const Choice choice(take_until(accept_encoding, ','));
        if (choice.value() == "*") any = choice.weight();
        if (same_field_name(choice.value(), "identity")) weights[0] = choice.weight();
        if (same_field_name(choice.value(), "gzip") || same_field_name(choice.value(), "x-gzip")) {
            weights[1] = choice.weight();
        }
        if (same_field_name(choice.value(), "zstd")) weights[2] = choice.weight();
    }
    std::size_t best = 0;
    int best_weight = std::max(weights[0], 0);
    for (std::size_t i = 1; i < weights.size(); ++i) {
        const int weight = weights[i] == unknown ? any : weights[i];
        if (weight > 0 && weight >= best_weight) {
            best = i;
            best_weight = weight;
        }
    }
    return static_cast<ContentCoding>(best);
}

}  // namespace pkgreg

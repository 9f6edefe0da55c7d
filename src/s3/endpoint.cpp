#include "s3/endpoint.hpp"

#include "pkgreg/error.hpp"

#include "s3/encoding.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

namespace pkgreg::s3 {
namespace {

struct FreeUrl {
    void operator()(CURLU* url) const noexcept { curl_url_cleanup(url); }
    void operator()(char* text) const noexcept { curl_free(text); }
};

std::string part(CURLU* url, CURLUPart which) {
    char* text = nullptr;
    if (curl_url_get(url, which, &text, 0) != CURLUE_OK) return {};
    const std::unique_ptr<char, FreeUrl> owner(text);
    return text;
}

[[noreturn]] void refuse(const std::string& field, const std::string& why) {
    throw Error(ErrorCode::invalid_options, field + ": " + why);
}

/// Whether Amazon's wildcard certificate covers `bucket.host`, and DNS allows it.
bool fits_host_name(std::string_view bucket) noexcept {
    return std::ranges::all_of(bucket, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}

void check_bucket(std::string_view bucket) {
    if (bucket.empty()) refuse("bucket", "it is missing");
    const bool fits = bucket.size() <= 255 && bucket != "." && bucket != ".." &&
                      std::ranges::all_of(bucket, [](char c) {
                          return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                 (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
                      });
    if (!fits) {
        refuse("bucket", "'" + std::string(bucket) +
                             "' is no bucket's name: letters, digits, '-', '.' and '_' only");
    }
}

bool drop_suffix(std::string_view& text, std::string_view suffix) noexcept {
    if (!text.ends_with(suffix)) return false;
    text.remove_suffix(suffix.size());
    return true;
}

bool drop_prefix(std::string_view& text, std::string_view prefix) noexcept {
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    return true;
}

}  // namespace

Endpoint::Endpoint(const S3StoreOptions& options) : bucket_(options.bucket) {
    check_bucket(bucket_);
    if (options.endpoint.empty()) {
        amazon_ = true;
        movable_ = true;
        service_ = "s3.";
    } else {
        const std::unique_ptr<CURLU, FreeUrl> url(curl_url());
        const std::string help = "'" + options.endpoint +
                                 "' must be a URL such as https://s3.example.com or "
                                 "http://127.0.0.1:9000";
        // A user or a password could be in it, so what is refused before that is known isn't shown.
        if (curl_url_set(url.get(), CURLUPART_URL, options.endpoint.c_str(), 0) != CURLUE_OK) {
            refuse("endpoint", "not a URL such as https://s3.example.com");
        }
        if (!part(url.get(), CURLUPART_USER).empty() ||
            !part(url.get(), CURLUPART_PASSWORD).empty()) {
            refuse("endpoint", "it has a user or a password in it; keys belong to 'credentials'");
        }
        const std::string scheme = part(url.get(), CURLUPART_SCHEME);
        if (scheme != "http" && scheme != "https") refuse("endpoint", help);
        tls_ = scheme == "https";
        const std::string path = part(url.get(), CURLUPART_PATH);
        if ((!path.empty() && path != "/") || !part(url.get(), CURLUPART_QUERY).empty() ||
            !part(url.get(), CURLUPART_FRAGMENT).empty()) {
            refuse("endpoint", help + ", without a path (the bucket has a field of its own)");
        }
        host_ = part(url.get(), CURLUPART_HOST);
        std::ranges::transform(host_, host_.begin(), [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        });
        const std::string port = part(url.get(), CURLUPART_PORT);
        if (!port.empty() && port != (tls_ ? "443" : "80")) port_ = ":" + port;
        read_amazon_host();
    }
    virtual_host_ =
        options.addressing == S3Addressing::virtual_host ||
        (options.addressing == S3Addressing::automatic && amazon_ && fits_host_name(bucket_));
}

/// `s3.REGION.amazonaws.com` and its relatives (AWS General Reference, "Amazon S3 endpoints").
void Endpoint::read_amazon_host() {
    std::string_view rest = host_;
    for (const std::string_view domain : {".amazonaws.com", ".amazonaws.com.cn"}) {
        if (drop_suffix(rest, domain)) domain_ = domain;
    }
    if (domain_.empty()) return;
    amazon_ = true;
    const bool private_link = drop_suffix(rest, ".vpce");
    if (private_link) {
        // bucket.vpce-….s3.REGION.vpce.amazonaws.com: belongs to one network, cannot be moved.
        if (const std::size_t dot = rest.rfind('.'); dot != std::string_view::npos) {
            region_ = rest.substr(dot + 1);
        }
        return;
    }
    service_ = "s3.";
    if (rest == "s3" || rest == "s3-external-1") {
        region_ = "us-east-1";
        movable_ = true;
        return;
    }
    if (rest.starts_with("s3-accelerate")) return;
    if (drop_prefix(rest, "s3-fips.")) {
        service_ = "s3-fips.";
    } else if (!drop_prefix(rest, "s3.") && !drop_prefix(rest, "s3-")) {
        return;
    }
    if (drop_prefix(rest, "dualstack.")) service_ += "dualstack.";
    if (rest.empty() || rest.find('.') != std::string_view::npos) return;
    region_ = rest;
    movable_ = true;
}

std::string Endpoint::host_in(std::string_view region) const {
    if (!host_.empty() && (!movable_ || region == region_)) return host_;
    std::string domain = domain_;
    if (domain.empty()) {
        domain = region.starts_with("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com";
    }
    return service_ + std::string(region) + domain;
}

Address Endpoint::address(std::string_view region) const {
    Address address;
    address.host = host_in(region) + port_;
    if (virtual_host_) {
        address.host = bucket_ + '.' + address.host;
    } else {
        address.path = '/' + uri_encode(bucket_);
    }
    address.origin = (tls_ ? "https://" : "http://") + address.host;
    return address;
}

}  // namespace pkgreg::s3

// Where a bucket is: the service's URL, how the bucket is named in it, and what Amazon's host names
// tell of the region.
#pragma once

#include "pkgreg/s3_store.hpp"

#include <string>
#include <string_view>

namespace pkgreg::s3 {

/// The bucket of requests in one region.
struct Address {
    /// `https://host:port`
    std::string origin;
    /// The `Host` header: without a port that is the scheme's own.
    std::string host;
    /// What the path begins with, encoded: `/bucket`, or nothing.
    std::string path;
};

class Endpoint {
 public:
    /// From the options' `endpoint`, `bucket` and `addressing`. Throws `invalid_options`.
    explicit Endpoint(const S3StoreOptions& options);

    bool is_tls() const noexcept { return tls_; }
    bool is_amazon() const noexcept { return amazon_; }
    /// The region that Amazon's host name has in it; empty elsewhere.
    const std::string& region() const noexcept { return region_; }

    /// The bucket's place when it is in `region`: each of Amazon's regions has a host of its own.
    Address address(std::string_view region) const;

 private:
    void read_amazon_host();
    std::string host_in(std::string_view region) const;

    std::string bucket_;
    bool tls_ = true;
    bool amazon_ = false;
    bool virtual_host_ = false;
    std::string host_;  ///< empty: Amazon's of the region
    std::string port_;  ///< with the colon, or empty
    std::string region_;
    // Parts of a host of Amazon's that may be moved to another region.
    bool movable_ = false;
    std::string service_;  ///< `s3.` or `s3-fips.dualstack.`
    std::string domain_;   ///< `.amazonaws.com`
};

}  // namespace pkgreg::s3

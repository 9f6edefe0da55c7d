// RemoteRegistry: requests to one repository of another registry, with the authentication that it
// asks for, tried again where that may help.
#pragma once

#include "pkgreg/error.hpp"
#include "pkgreg/remote.hpp"

#include "remote/copy_watch.hpp"
#include "remote/credentials.hpp"
#include "remote/remote_image.hpp"
#include "web/transfer.hpp"
#include "remote/tries.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace pkgreg {

/// What a registry's refusals mean for the caller.
struct Refusals {
    std::string what;  ///< what was asked for, for messages
    ErrorCode not_found = ErrorCode::manifest_unknown;
    ErrorCode bad_request = ErrorCode::unsupported;
};

/// One thread uses it at a time.
class RemoteRegistry {
 public:
    enum class Access { pull, push };

    RemoteRegistry(RemoteImage image, Access access, const RemoteOptions& options,
                   CopyWatch& watch);

    const RemoteImage& image() const noexcept { return image_; }
    /// The URL of something in the repository: `manifests/latest`.
    std::string url(std::string_view path) const { return base_url_ + std::string(path); }

    /// Sends a request until there is an answer that is not one of a passing disturbance, or there
    /// were enough tries. Throws `unavailable` where there is none, `too_large` where it has more
    /// than `max_size` bytes.
    HttpAnswer ask(const TransferRequest& request, std::size_t max_size);

    /// Sends a request once, as it is.
    HttpAnswer document(const TransferRequest& request, std::size_t max_size);

    /// Sends a request once; answers the registry's challenges, and follows redirects of requests
    /// that have a body. `perform` may be called several times. Throws what it throws.
    using Perform = std::function<HttpAnswer(const TransferRequest&)>;
    HttpAnswer authorized(const TransferRequest& request, const Perform& perform);

    /// Sends a GET once; with status 200 and 206 `transfer` then reads the body, with any other the
    /// answer has its beginning.
    HttpAnswer open(const TransferRequest& request);
    Transfer& transfer() noexcept { return transfer_; }

    Tries tries() const { return Tries(retries_); }
    /// Waits before another try. Throws the error where there is none left.
    void before_another_try(Tries& tries, const TransferError& error);
    bool before_another_try(Tries& tries, const HttpAnswer& answer);

    /// Throws what an answer with an unwanted status means.
    [[noreturn]] void refuse(const HttpAnswer& answer, const Refusals& refusals) const;
    /// For messages: `pull of registry.example.com/team/app`.
    std::string context() const;

 private:
    HttpAnswer ask_by(const Perform& perform, const TransferRequest& request);
    HttpAnswer redirected(TransferRequest request, const Perform& perform);
    std::string renew(const HttpAnswer& refusal);

    const RemoteImage image_;
    const Access access_;
    const std::string base_url_;
    const std::optional<Credentials> credentials_;
    const unsigned retries_;
    CopyWatch& watch_;
    Transfer transfer_;
    /// The value of `Authorization`, or empty.
    std::string authorization_;
};

}  // namespace pkgreg

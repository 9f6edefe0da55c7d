// CertificateKeeper: the server's certificate of the cluster's authority, from the first one to the
// last: obtained, kept in a file, renewed before it ends.
#pragma once

#include "pkgreg/log.hpp"

#include "cluster/session.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace pkgreg::cluster {

struct CertificateOptions {
    SessionOptions session;
    /// Names and addresses that the certificate holds; one at least.
    std::vector<std::string> hosts;
    /// Of the authority; empty: its default.
    std::string profile = {};
    /// Where the file is kept; made where it is missing.
    std::filesystem::path directory;
};

/// One thread uses it, beside the one that it starts itself.
class CertificateKeeper {
 public:
    /// Reads what the options name. Throws `invalid_options`, `unsupported` in a build without it.
    /// @param log is told what is waited for, renewed, and refused; may be empty
    static std::unique_ptr<CertificateKeeper> make(CertificateOptions options, LogCallback log);
    /// Stops renewing.
    virtual ~CertificateKeeper() = default;

    /// Returns true once `file` holds a certificate: one that was kept and is good still, else a
    /// new one. Where the authority or IAM does not answer it is asked again, with pauses that grow
    /// to half a minute, until `stop_fd` is readable: then it returns false.
    ///
    /// Throws `unauthorized` or `denied` where the account is not taken or the authority does not
    /// sign, `io` or `no_space` where the file cannot be written.
    virtual bool obtain(int stop_fd) = 0;

    /// Renews from now on, on a thread of its own, after two thirds of each certificate's life.
    /// What fails is tried again, and told the louder the nearer the end is.
    virtual void start() = 0;

    /// Key, certificate and chain, PEM, of this user alone. It is replaced as a whole.
    virtual const std::filesystem::path& file() const = 0;
};

}  // namespace pkgreg::cluster

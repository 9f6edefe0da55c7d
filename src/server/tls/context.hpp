// TlsContext: certificate and key of a server as OpenSSL needs them, and the watch over their
// files.
#pragma once

#include "pkgreg/log.hpp"
#include "pkgreg/tls.hpp"

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace pkgreg {

class TlsContext {
 public:
    /// Reads the files. Throws `invalid_options` with the file and what is wrong with it.
    TlsContext(TlsOptions options, LogCallback log);

    /// What a new connection begins with; older connections keep theirs.
    std::shared_ptr<SSL_CTX> current() const;

    /// Reads the files again where they have changed. Does not throw.
    void reload_if_changed() noexcept;

 private:
    /// Enough of a file's state to see that it was written again.
    struct FileState {
        std::int64_t modified = 0;
        std::uint64_t inode = 0;
        std::uint64_t size = 0;
        friend bool operator==(const FileState&, const FileState&) = default;
    };

    std::shared_ptr<SSL_CTX> load() const;
    std::vector<FileState> states() const;

    const TlsOptions options_;
    const LogCallback log_;
    /// OpenSSL's own state for this server: what an application configures for itself does not
    /// change what is spoken here.
    std::shared_ptr<OSSL_LIB_CTX> library_;
    mutable std::mutex mutex_;
    std::shared_ptr<SSL_CTX> current_;
    // Only the one who reloads.
    std::vector<FileState> loaded_;
    std::vector<FileState> refused_;
};

/// What OpenSSL's error queue of this thread says, emptied.
std::string take_tls_error();

}  // namespace pkgreg

// Secrets of the cluster's secret store, over its API.
#pragma once

#include "pkgreg/log.hpp"

#include "cluster/session.hpp"
#include "web/http_answer.hpp"

#include <filesystem>
#include <string>

namespace pkgreg::cluster {

/// The content of a secret of the store `default`. Throws as `Session` does, and `not_found`,
/// `denied`.
///
/// @param path its path; slashes at the ends do not count
std::string fetch_secret(Session& session, const std::string& path, int stop_fd);

/// Makes a file of a secret, for this user alone (0600). Where nobody answers it asks again, as
/// `CertificateKeeper::obtain` does; false where `stop_fd` ended that. Throws as `fetch_secret`,
/// and `io`, `no_space`, `unsupported` in a build without it.
bool fetch_secret_file(const SessionOptions& options, const std::string& path,
                       const std::filesystem::path& file, int stop_fd, const LogCallback& log);

/// The content in an answer 200: the bytes, or the text `value` where they are JSON. Throws
/// `unavailable`.
std::string secret_in(const HttpAnswer& answer);

}  // namespace pkgreg::cluster

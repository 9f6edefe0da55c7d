// What the options of a registry ask of the DC/OS cluster in which it runs.
#pragma once

#include "pkgreg/log.hpp"
#include "pkgreg/options.hpp"

#include "cluster/certificate_keeper.hpp"
#include "cluster/session.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace pkgreg {

/// The certificate that the server gets from the cluster's authority; nothing where the options ask
/// for none, or leave it open and there is no service account here. Throws `invalid_options` where
/// they ask for it and it cannot be had.
std::optional<cluster::CertificateOptions> certificate_options(const Options& options,
                                                               const LogCallback& log);

/// A secret of the cluster's secret store that is no file here.
struct StoredSecret {
    cluster::SessionOptions session;
    /// In the store.
    std::string path;
    /// The directory of secrets (`pkgreg.secrets-dir`) in which it becomes the file of its path.
    std::filesystem::path directory;
    std::filesystem::path file;
};

/// The secret with a bucket's keys, where it has to be fetched and a service account is here to do
/// so.
std::optional<StoredSecret> stored_secret(const Options& options);

}  // namespace pkgreg

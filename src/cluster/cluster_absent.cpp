// In place of DC/OS clusters, where a build has no HTTP as a client.

#include "base/missing_part.hpp"
#include "cluster/certificate_keeper.hpp"
#include "cluster/secret_store.hpp"

namespace pkgreg::cluster {
namespace {

Error missing() {
    return missing_part("certificates and secrets of DC/OS clusters", "PKGREG_REMOTE");
}

}  // namespace

std::unique_ptr<CertificateKeeper> CertificateKeeper::make(CertificateOptions, LogCallback) {
    throw missing();
}

bool fetch_secret_file(const SessionOptions&, const std::string&, const std::filesystem::path&, int,
                       const LogCallback&) {
    throw missing();
}

}  // namespace pkgreg::cluster

// RegistryClient: manifests and blobs of one registry (OCI distribution specification, "Pull"),
// with the authentication that it asks for.
#pragma once

#include "pkgreg/descriptor.hpp"
#include "pkgreg/names.hpp"

#include "cli/build/docker_credentials.hpp"
#include "cli/build/fetcher.hpp"

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace pkgreg::cli {

struct FetchedManifest {
    std::string bytes;
    /// Nothing where the registry does not say.
    std::optional<MediaType> content_type = {};
};

/// Any thread may call any member, with a fetcher of its own.
class RegistryClient {
 public:
    /// @param registry as references have it: a host with or without a port, or `docker.io`
    /// @param plain    whether plain HTTP will do where there is no TLS; loopback is always so
    RegistryClient(std::string registry, bool plain, DockerCredentials& credentials);

    /// @param target a tag or a digest
    /// Throws `manifest_unknown`, `unauthorized` or `unavailable`.
    FetchedManifest manifest(Fetcher& fetcher, const RepositoryName& repository,
                             std::string_view target);

    /// Fetches a blob. Throws likewise, and `digest_invalid` or `size_invalid` when it is not what
    /// the descriptor says.
    StoredContent blob(Fetcher& fetcher, const RepositoryName& repository,
                       const Descriptor& descriptor, const std::filesystem::path& folder);

 private:
    using Perform = std::function<HttpAnswer(const TransferRequest&)>;

    std::string base_url(Fetcher& fetcher);
    HttpAnswer authorized(Fetcher& fetcher, const RepositoryName& repository,
                          TransferRequest request, const Perform& perform);
    std::string renew(Fetcher& fetcher, const RepositoryName& repository, const HttpAnswer& refusal,
                      const std::string& refused);
    std::string answer_challenges(Fetcher& fetcher, const RepositoryName& repository,
                                  const HttpAnswer& refusal);

    const std::string registry_;
    const bool plain_;
    DockerCredentials& credentials_;
    std::mutex mutex_;
    std::string base_url_;
    /// The value of `Authorization` by repository.
    std::map<std::string, std::string> authorizations_;
};

}  // namespace pkgreg::cli

#include "cli/build/registry_client.hpp"

#include "pkgreg/error.hpp"

#include "base/mask_secrets.hpp"
#include "remote/authorization.hpp"
#include "remote/image_reference.hpp"
#include "remote/media_types.hpp"
#include "web/loopback_host.hpp"

#include <utility>

namespace pkgreg::cli {
namespace {

constexpr std::size_t max_manifest = std::size_t{4} << 20;
constexpr std::size_t max_token = std::size_t{1} << 20;
/// The answers with 401 after which a request is given up. A token may end while a large blob is
/// fetched again, so a second renewal is honest.
constexpr int max_refusals = 3;

[[noreturn]] void refuse(const std::string& url, const HttpAnswer& answer,
                         const std::string& registry) {
    const std::string text = masked_url(url) + ": " + status_text(answer);
    if (answer.status == 401 || answer.status == 403) {
        throw Error(ErrorCode::unauthorized, text + "; 'docker login " + registry +
                                                 "' stores credentials where they are looked for");
    }
    if (answer.status == 404) throw Error(ErrorCode::manifest_unknown, text);
    throw Error(ErrorCode::unavailable, text);
}

}  // namespace

RegistryClient::RegistryClient(std::string registry, bool plain, DockerCredentials& credentials)
    : registry_(std::move(registry)),
      plain_(plain || is_loopback_host(registry_)),
      credentials_(credentials) {}

std::string RegistryClient::base_url(Fetcher& fetcher) {
    const std::lock_guard lock(mutex_);
    if (base_url_.empty()) {
        const std::string host = host_of_registry(registry_);
        const bool tls = !plain_ || fetcher.speaks_tls("https://" + host + "/v2/");
        base_url_ = (tls ? "https://" : "http://") + host + "/v2/";
    }
    return base_url_;
}

FetchedManifest RegistryClient::manifest(Fetcher& fetcher, const RepositoryName& repository,
                                         std::string_view target) {
    TransferRequest request{base_url(fetcher) + repository.str() + "/manifests/" +
                            std::string(target)};
    request.fields.push_back(accepted_manifests());
    const Perform get = [&](const TransferRequest& r) { return fetcher.get(r, max_manifest); };
    HttpAnswer answer = authorized(fetcher, repository, request, get);
    if (answer.status != 200) refuse(request.url, answer, registry_);
    FetchedManifest manifest{std::move(answer.body)};
    if (const auto type = answer.field("Content-Type")) {
        manifest.content_type = MediaType::try_parse(*type);
    }
    return manifest;
}

StoredContent RegistryClient::blob(Fetcher& fetcher, const RepositoryName& repository,
                                   const Descriptor& descriptor,
                                   const std::filesystem::path& folder) {
    const std::string digest = descriptor.digest.to_string();
    const TransferRequest request{base_url(fetcher) + repository.str() + "/blobs/" + digest};
    SpoolFile file(folder, descriptor.digest.algorithm());
    const FileExpectation expectation{descriptor.size, true, digest.substr(0, 19)};
    const Perform save = [&](const TransferRequest& r) {
        return fetcher.save(r, file, expectation);
    };
    const HttpAnswer answer = authorized(fetcher, repository, request, save);
    if (answer.status != 200) refuse(request.url, answer, registry_);
    if (file.digest() != descriptor.digest) {
        throw Error(ErrorCode::digest_invalid,
                    masked_url(request.url) + ": what came has the digest " +
                        file.digest().to_string() + "; the registry's content is damaged");
    }
    return std::move(file).finish();
}

HttpAnswer RegistryClient::authorized(Fetcher& fetcher, const RepositoryName& repository,
                                      TransferRequest request, const Perform& perform) {
    std::string authorization;
    {
        const std::lock_guard lock(mutex_);
        authorization = authorizations_[repository.str()];
    }
    const std::vector<std::string> fields = request.fields;
    for (int refusals = 0;; ++refusals) {
        request.fields = fields;
        if (!authorization.empty()) request.fields.push_back("Authorization: " + authorization);
        HttpAnswer answer = perform(request);
        if (answer.status != 401 || refusals == max_refusals) return answer;
        std::string renewed = renew(fetcher, repository, answer, authorization);
        if (renewed.empty() || renewed == authorization) return answer;
        authorization = std::move(renewed);
    }
}

std::string RegistryClient::renew(Fetcher& fetcher, const RepositoryName& repository,
                                  const HttpAnswer& refusal, const std::string& refused) {
    // Who else is refused meanwhile waits here, and then takes what the first one got.
    const std::lock_guard lock(mutex_);
    std::string& current = authorizations_[repository.str()];
    if (current == refused) current = answer_challenges(fetcher, repository, refusal);
    return current;
}

std::string RegistryClient::answer_challenges(Fetcher& fetcher, const RepositoryName& repository,
                                              const HttpAnswer& refusal) {
    const std::string scope = "repository:" + repository.str() + ":pull";
    const AskTokenServer ask = [&](const TransferRequest& request) {
        HttpAnswer answer = fetcher.get(request, max_token);
        const std::string server = request.url.substr(0, request.url.find('?'));
        if (answer.status != 200) refuse(server, answer, registry_);
        return std::move(answer.body);
    };
    return pkgreg::answer_challenges(refusal, scope, credentials_.find(registry_),
                                     base_url_.starts_with("http://"), ask);
}

}  // namespace pkgreg::cli

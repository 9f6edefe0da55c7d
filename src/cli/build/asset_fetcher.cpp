#include "cli/build/asset_fetcher.hpp"

#include "pkgreg/error.hpp"

#include <algorithm>
#include <string_view>

namespace pkgreg::cli {
namespace {

bool same_hex(std::string_view a, std::string_view lower) {
    return std::ranges::equal(a, lower, [](char x, char y) {
        return (x >= 'A' && x <= 'F' ? static_cast<char>(x - 'A' + 'a') : x) == y;
    });
}

/// Where a command line's hash stands, beside its `url`.
std::string hash_path(const Asset& asset, std::size_t index) {
    std::string path = asset.path;
    if (path.ends_with(".url")) path.resize(path.size() - 4);
    return path + ".contentHash[" + std::to_string(index) + "].value";
}

}  // namespace

void AssetFetcher::add(const WorkQueue::Subject& subject, const Asset& asset,
                       const AssetLocation& location) {
    const auto [known, added] = by_key_.emplace(location.key(), nullptr);
    if (added) {
        // A deque's elements stay where they are.
        Download& download = downloads_.emplace_back(Download{location});
        known->second = &download;
        queue_.add(subject, [this, &download](Fetcher& fetcher) { fetch(fetcher, download); });
    }
    uses_.push_back({asset, known->second});
}

void AssetFetcher::fetch(Fetcher& fetcher, Download& download) {
    const AssetLocation& location = download.location;
    announce_(location.shown());
    const auto take = [&](StoredContent content) {
        download.digest = content.digest;
        download.size = content.size;
        pool_.add(std::move(content));
    };
    if (location.url.empty()) {
        const Interruption* interruption = fetcher.settings().interruption;
        take(open_content(location.file, [interruption] { interruption->check(); }));
        return;
    }
    SpoolFile file(folder_, DigestAlgorithm::sha256);
    FileExpectation expectation;
    expectation.label = resource_file_name(location.url, "file");
    const HttpAnswer answer = fetcher.save({location.url}, file, expectation);
    if (answer.status != 200) {
        throw Error(ErrorCode::unavailable,
                    location.shown() + ": status " + std::to_string(answer.status));
    }
    take(std::move(file).finish());
}

void AssetFetcher::check_hashes(std::vector<Problem>& problems) const {
    for (const Use& use : uses_) {
        if (!use.download->digest) continue;
        const std::string actual = use.download->digest->hex();
        for (std::size_t i = 0; i < use.asset.sha256.size(); ++i) {
            const std::string& expected = use.asset.sha256[i];
            if (same_hex(expected, actual)) continue;
            problems.push_back({"", hash_path(use.asset, i),
                                "expected the SHA-256 " + expected + ", but " +
                                    use.download->location.shown() + " has " + actual});
        }
    }
}

std::vector<BundleResource> AssetFetcher::resources() const {
    std::vector<BundleResource> resources;
    for (const Use& use : uses_) {
        resources.push_back({use.asset.path, *use.download->digest, use.download->size,
                             resource_file_name(use.asset.value, use.asset.name)});
    }
    return resources;
}

}  // namespace pkgreg::cli

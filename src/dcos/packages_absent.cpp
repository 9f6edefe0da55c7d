// In place of bundles and of the compression of repository documents, where a build has none.

#include "pkgreg/dcos/bundle.hpp"

#include "base/missing_part.hpp"
#include "dcos/document_compression.hpp"

namespace pkgreg {
namespace {

Error no_packages() {
    return missing_part("DC/OS packages", "PKGREG_PACKAGES");
}

}  // namespace

class BundleWriter::State {};

BundleWriter::BundleWriter(const BundleContents&, ByteWriter) {
    throw no_packages();
}
BundleWriter::~BundleWriter() = default;

const BundleBlob* BundleWriter::next() const {
    throw no_packages();
}
void BundleWriter::add(const ByteReader&) {
    throw no_packages();
}
void BundleWriter::finish() {
    throw no_packages();
}

void read_bundle(const ByteReader&, BundleVisitor&, BundleHashing) {
    throw no_packages();
}
void read_bundle(const BlockReader&, BundleVisitor&, BundleHashing) {
    throw no_packages();
}

std::string gzip_quickly(const RepositoryText&) {
    throw no_packages();
}
std::string zstd_quickly(const RepositoryText&) {
    throw no_packages();
}
std::optional<std::string> gzip_strongest(const RepositoryText&, const Cancelled&) {
    return std::nullopt;
}
std::optional<std::string> zstd_strongest(const RepositoryText&, const Cancelled&) {
    return std::nullopt;
}

}  // namespace pkgreg

// In place of the store in a bucket, where a build has none.

#include "pkgreg/s3_store.hpp"
#include "pkgreg/storage.hpp"

#include "base/missing_part.hpp"

namespace pkgreg {

std::shared_ptr<ObjectStore> open_s3_store(S3StoreOptions) {
    throw missing_part("S3 buckets", "PKGREG_S3");
}

S3StoreOptions s3_store_options(const S3Storage&, const std::string&) {
    throw missing_part("S3 buckets", "PKGREG_S3");
}

}  // namespace pkgreg

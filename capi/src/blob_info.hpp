// pkgreg_blob_info: how it is filled in, for the functions that tell of a blob.
#pragma once

#include "pkgreg/registry.hpp"

#include "arguments.hpp"
#include "pkgreg.h"

namespace pkgreg::capi {

/// To be called before anything is done: the struct, which may be null, has its size.
inline void check(const pkgreg_blob_info* info) {
    if (info) require_size(info->struct_size, sizeof(pkgreg_blob_info), "info");
}

inline void fill(pkgreg_blob_info* info, const BlobInfo& blob) {
    if (!info) return;
    info->size = blob.size;
    write_digest(info->digest, blob.digest);
}

/// A digest that may be left out.
inline std::optional<Digest> optional_digest(const char* digest, std::size_t length) {
    const auto text = optional_text(digest, length);
    if (!text) return std::nullopt;
    return Digest::parse(*text);
}

}  // namespace pkgreg::capi

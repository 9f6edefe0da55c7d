// What a call answers whose part was switched off when this library was built.
#pragma once

#include "pkgreg/error.hpp"

#include <string>
#include <string_view>

namespace pkgreg {

/// @param what   what is not there, as in "no S3 buckets"
/// @param option the CMake option that brings it
inline Error missing_part(std::string_view what, std::string_view option) {
    return Error(ErrorCode::unsupported, "this build of pkgreg has no " + std::string(what) +
                                             "; use one that was configured with -D" +
                                             std::string(option) + "=ON");
}

}  // namespace pkgreg

// Unique names: for objects (short) and uploads (UUID).
#pragma once

#include <string>

namespace pkgreg {

/// 16 characters of `a-z2-7`: 80 random bits from the system's generator.
std::string random_id();
/// A version 4 UUID (RFC 4122, section 4.4) in lower case.
std::string random_uuid();

}  // namespace pkgreg

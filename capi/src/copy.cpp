// Copies from and to other registries. This version has none yet.

#include "pkgreg.h"
#include "pkgreg/error.hpp"

#include "error.hpp"
#include "registry_table.hpp"

using namespace pkgreg::capi;

namespace {

[[noreturn]] void unsupported() {
    throw pkgreg::Error(pkgreg::ErrorCode::unsupported,
                        "this build of pkgreg has no copies from and to other registries");
}

}  // namespace

int32_t pkgreg_pull(pkgreg_registry* registry, const char*, size_t, const char*, size_t,
                    const char*, size_t, const char*, size_t, char*, pkgreg_error** error) {
    return guard(error, [&] {
        const Call call(registry);
        unsupported();
    });
}

int32_t pkgreg_push(pkgreg_registry* registry, const char*, size_t, const char*, size_t,
                    const char*, size_t, const char*, size_t, pkgreg_error** error) {
    return guard(error, [&] {
        const Call call(registry);
        unsupported();
    });
}

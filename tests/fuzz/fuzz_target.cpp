// Request targets from arbitrary bytes: refused as malformed, or decoded; what is encoded again
// reads back, and a route's parts lie inside the path.
#include "pkgreg/error.hpp"

#include "protocol/oci/route.hpp"
#include "protocol/target.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace pkgreg;

void require(bool holds) {
    if (!holds) std::abort();
}

void require_inside(std::string_view part, const std::string& whole) {
    if (part.empty()) return;
    require(part.data() >= whole.data());
    require(part.data() + part.size() <= whole.data() + whole.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::string encoded = percent_encode(text);
    require(percent_decode(encoded, false) == text);
    require(percent_decode(encoded, true) == text);
    try {
        const Target target = Target::parse(text);
        require(target.path().starts_with('/') || target.path().empty());
        require(target.path().find('\0') == std::string::npos);
        const oci::Route route = oci::find_route(target.path());
        require_inside(route.name, target.path());
        require_inside(route.item, target.path());
        for (const std::string_view name : {"n", "last", "digest", "tag"}) {
            const auto first = target.query(name);
            const auto all = target.queries(name);
            require(first.has_value() == !all.empty());
            if (first) require(*first == all.front());
        }
    } catch (const Error& error) {
        require(error.code() == ErrorCode::malformed);
    }
    return 0;
}

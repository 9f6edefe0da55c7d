// Names with values: the headers and the query of a request, the headers of an answer.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pkgreg::s3 {

struct Field {
    std::string name;
    std::string value;
};
using Fields = std::vector<Field>;

/// The value of the first field of this name, or an empty text.
inline std::string_view find(const Fields& fields, std::string_view name) noexcept {
    for (const Field& field : fields) {
        if (field.name == name) return field.value;
    }
    return {};
}

}  // namespace pkgreg::s3

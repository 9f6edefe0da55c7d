#include "s3/environment.hpp"

#include <string_view>
#include <unistd.h>

namespace pkgreg::s3 {

Environment Environment::of_this_process() {
    std::map<std::string, std::string> variables;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        const std::size_t equals = text.find('=');
        if (equals == std::string_view::npos) continue;
        const std::string_view name = text.substr(0, equals);
        if (name == "HOME" || name.starts_with("AWS_")) {
            variables.emplace(name, text.substr(equals + 1));
        }
    }
    return Environment(std::move(variables));
}

}  // namespace pkgreg::s3

// htpasswd files from arbitrary bytes: only whole bcrypt hashes come out, and no hash in a message.
#include "pkgreg/error.hpp"

#include "access/password_file.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pkgreg;
    using namespace pkgreg::access;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try {
        const PasswordFile file = PasswordFile::parse(text, "users");
        if (file.nobody().size() != 60) std::abort();
        std::string_view rest = text;
        while (!rest.empty()) {
            const std::string name(rest.substr(0, std::min(rest.find(':'), rest.size())));
            const std::string* const hash = file.find(name);
            if (hash != nullptr && (hash->size() != 60 || !hash->starts_with("$2"))) std::abort();
            rest.remove_prefix(std::min(rest.find('\n'), rest.size() - 1) + 1);
        }
    } catch (const Error& error) {
        if (error.code() != ErrorCode::invalid_options) std::abort();
    }
    return 0;
}

// JsonObject: the options of one call, such as `{"url": "https://…"}`. Whoever reads them names
// each key; what is left is a mistake.
#pragma once

#include "base/json.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg::capi {

class JsonObject {
 public:
    /// Nothing is an object without members. Throws `invalid_options` for what is no object.
    explicit JsonObject(std::optional<std::string_view> json);

    // A member, taken out; nothing where it is not given. Throw `invalid_options` for another type.
    std::optional<std::string> take_text(std::string_view name);
    std::vector<std::string> take_texts(std::string_view name);

    /// Throws `invalid_options` when a member was not taken.
    void require_all_taken() const;

 private:
    std::optional<JsonValue> take(std::string_view name, std::string_view wanted,
                                  JsonValue::Type type);

    JsonValue object_;
};

}  // namespace pkgreg::capi

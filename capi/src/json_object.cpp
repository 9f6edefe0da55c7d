#include "json_object.hpp"

#include "pkgreg/error.hpp"

#include <algorithm>
#include <utility>

namespace pkgreg::capi {
namespace {

[[noreturn]] void refuse(const JsonValue& value, std::string_view name, std::string_view wanted) {
    // A number is not shown: it may be meant as a password.
    const std::string found = value.type == JsonValue::Type::number ? "a number" : value.describe();
    throw Error(ErrorCode::invalid_options, "options:" + std::to_string(value.line) + ": " +
                                                std::string(name) + ": must be " +
                                                std::string(wanted) + ", not " + found);
}

}  // namespace

JsonObject::JsonObject(std::optional<std::string_view> json) {
    object_.type = JsonValue::Type::object;
    if (!json) return;
    object_ = parse_json(*json, "options");
    if (object_.type != JsonValue::Type::object) {
        throw Error(ErrorCode::invalid_options,
                    "options: must be an object, not " + object_.describe());
    }
}

std::optional<JsonValue> JsonObject::take(std::string_view name, std::string_view wanted,
                                          JsonValue::Type type) {
    auto& members = object_.members;
    const auto at = std::find_if(members.begin(), members.end(),
                                 [&](const JsonMember& member) { return member.name == name; });
    if (at == members.end()) return std::nullopt;
    JsonValue value = std::move(at->value);
    members.erase(at);
    if (value.type != type) refuse(value, name, wanted);
    return value;
}

std::optional<std::string> JsonObject::take_text(std::string_view name) {
    auto value = take(name, "a string", JsonValue::Type::string);
    if (!value) return std::nullopt;
    return std::move(value->text);
}

std::vector<std::string> JsonObject::take_texts(std::string_view name) {
    std::vector<std::string> texts;
    const auto value = take(name, "an array of strings", JsonValue::Type::array);
    if (!value) return texts;
    for (const JsonValue& item : value->items) {
        if (item.type != JsonValue::Type::string) refuse(item, name, "an array of strings");
        texts.push_back(item.text);
    }
    return texts;
}

void JsonObject::require_all_taken() const {
    if (object_.members.empty()) return;
    const JsonMember& unknown = object_.members.front();
    throw Error(ErrorCode::invalid_options, "options:" + std::to_string(unknown.line) + ": '" +
                                                unknown.name +
                                                "' is no option of this call; pkgreg.h lists them");
}

}  // namespace pkgreg::capi

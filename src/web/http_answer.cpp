#include "web/http_answer.hpp"

#include "pkgreg/http.hpp"

#include "base/printable.hpp"

#include <simdjson.h>

namespace pkgreg {

std::optional<std::string_view> HttpAnswer::field(std::string_view name) const {
    for (const auto& [known, value] : fields) {
        if (same_field_name(known, name)) return value;
    }
    return std::nullopt;
}

std::string status_text(const HttpAnswer& answer) {
    std::string text = "status " + std::to_string(answer.status);
    simdjson::dom::parser parser;
    simdjson::dom::element document;
    std::string_view message;
    const bool readable = parser.parse(answer.body).get(document) == simdjson::SUCCESS;
    if (readable && document["errors"].at(0)["message"].get(message) == simdjson::SUCCESS) {
        text += ": ";
        append_printable(text, message.substr(0, 500));
    }
    return text;
}

}  // namespace pkgreg

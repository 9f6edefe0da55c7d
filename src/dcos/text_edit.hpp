// Changes to a JSON text that leave every other byte of it as it is.
#pragma once

#include "dcos/verbatim_json.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg {

/// Replaces the bytes [begin, end) of a text.
struct TextEdit {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::string replacement = {};
};

/// `text` with `edits`, which are in order and do not overlap.
inline std::string apply_edits(std::string_view text, const std::vector<TextEdit>& edits) {
    std::string result;
    std::size_t at = 0;
    for (const TextEdit& edit : edits) {
        result.append(text.substr(at, edit.begin - at)).append(edit.replacement);
        at = edit.end;
    }
    return result.append(text.substr(at));
}

/// The edits that take the members for which `removed` is true out of an object, each with the
/// comma that it no longer needs.
template <class Predicate>
std::vector<TextEdit> remove_members(JsonNode object, Predicate removed) {
    std::vector<TextEdit> edits;
    bool any_kept = false;
    std::size_t kept_end = 0;
    bool in_run = false;
    std::size_t run_begin = 0;
    std::size_t run_end = 0;
    for (const JsonNode member : object.children()) {
        if (removed(member)) {
            if (!in_run) run_begin = member.key_begin();
            in_run = true;
            run_end = member.end();
            continue;
        }
        if (in_run) edits.push_back({run_begin, member.key_begin()});
        in_run = false;
        any_kept = true;
        kept_end = member.end();
    }
    if (in_run) edits.push_back({any_kept ? kept_end : run_begin, run_end});
    return edits;
}

}  // namespace pkgreg

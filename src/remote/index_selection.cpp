#include "remote/index_selection.hpp"

#include "pkgreg/error.hpp"

#include "dcos/text_edit.hpp"

#include <set>
#include <utility>

namespace pkgreg {
namespace {

/// The list of an index with the entries of these digests alone.
std::string reduced_list(JsonNode manifests, const std::set<std::string>& wanted) {
    std::string list = "[";
    for (const JsonNode entry : manifests.children()) {
        const auto digest = entry.find("digest", JsonKind::string);
        if (!digest || !wanted.contains(std::string(digest->string()))) continue;
        list.append(list.size() == 1 ? "" : ",").append(entry.raw());
    }
    return list + "]";
}

}  // namespace

std::vector<Platform> parse_platforms(const std::vector<std::string>& texts) {
    std::vector<Platform> platforms;
    for (const std::string& text : texts) {
        const auto platform = Platform::try_parse(text);
        if (!platform) {
            throw Error(ErrorCode::invalid_argument,
                        "'" + text.substr(0, 100) +
                            "' is not a platform; one is written os/architecture[/variant], such "
                            "as linux/amd64 or linux/arm/v7");
        }
        platforms.push_back(*platform);
    }
    return platforms;
}

IndexSelection select_platforms(std::string_view index, const std::vector<Platform>& platforms) {
    std::set<std::string> wanted;
    std::optional<Descriptor> image;
    for (const Platform& platform : platforms) {
        image = choose_platform(index, platform);
        wanted.insert(image->digest.to_string());
    }
    if (wanted.size() == 1) return {std::move(image)};
    const JsonText document{std::string(index)};
    const auto manifests = document.root().find("manifests", JsonKind::array);
    if (!manifests) throw Error(ErrorCode::manifest_invalid, "the index has no list of manifests");
    const std::vector<TextEdit> edits{
        {manifests->begin(), manifests->end(), reduced_list(*manifests, wanted)}};
    return {.index = apply_edits(index, edits)};
}

}  // namespace pkgreg

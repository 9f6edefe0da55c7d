// Package metadata from arbitrary bytes: refused with its problems, or taken; what is taken makes
// documents that are JSON, for every release, and comes back from its record. Our reading of JSON
// agrees with simdjson's own tree.
#include "pkgreg/dcos/metadata.hpp"
#include "pkgreg/dcos/universe.hpp"
#include "pkgreg/error.hpp"

#include "dcos/verbatim_json.hpp"

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace pkgreg;

void require(bool holds) {
    if (!holds) std::abort();
}

bool is_json(std::string_view text) {
    try {
        const JsonText document{std::string(text)};
        return true;
    } catch (const Error& error) {
        require(!error.message().empty());
        return false;
    }
}

void compare_parsers(std::string_view text) {
    simdjson::dom::parser parser;
    simdjson::dom::element element;
    require(parser.allocate(text.size(), JsonText::max_depth) == simdjson::SUCCESS);
    const auto error = parser.parse(text.data(), text.size()).get(element);
    if (!error && element.is_object()) require(is_json(text));
    // simdjson's tree takes no number that fits no machine type, and one level less.
    const bool stricter = error == simdjson::NUMBER_ERROR || error == simdjson::DEPTH_ERROR;
    if (error && !stricter) require(!is_json(text));
}

void check_documents(const UniversePackage& package) {
    UniverseDocuments documents;
    documents.set_packages({package});
    for (const char* release : {"1.8", "1.11", "9999"}) {
        UniverseDocuments::Request request;
        request.form = *negotiate_repository("", std::string("dcos/") + release);
        request.address = {"https://host:443", "host:443"};
        const RepositoryDocument document = documents.get(request);
        const std::string text = document.text.str();
        require(text.size() == document.size);
        require(is_json(text));
    }
}

void check_metadata(std::string_view text, MetadataForm form) {
    std::vector<Problem> problems;
    const auto metadata = PackageMetadata::check(std::string(text), form, problems);
    require(metadata.has_value() == problems.empty());
    if (!metadata) return;
    require(metadata->rewrite_assets([](const Asset&) { return std::nullopt; }) == text);
    const auto rewrite = [](const Asset& asset) { return asset.value + "\"\n"; };
    require(is_json(metadata->rewrite_assets(rewrite)));
    if (form == MetadataForm::build_definition) {
        metadata->resolve([](const LocalReference&) { return "{}"; }, problems);
        return;
    }
    const auto locate = [](const Asset& asset) {
        return std::optional(ServedAsset{asset.kind == AssetKind::docker
                                             ? ServedAsset::Base::image_host
                                             : ServedAsset::Base::resource_base,
                                         "/" + asset.name});
    };
    const UniversePackage package(*metadata, 1, true, locate);
    check_documents(package);
    const auto record = std::make_shared<const std::string>(package.record());
    check_documents(UniversePackage(record, *record));
}

void check_record(std::string_view bytes) {
    try {
        const auto record =
            std::make_shared<const std::string>("pkgreg package 1\n" + std::string(bytes));
        const UniversePackage package(record, *record);
        UniverseDocuments documents;
        documents.set_packages({package});
        const RepositoryDocument document = documents.get({});
        require(document.text.str().size() == document.size);
    } catch (const Error& error) {
        require(error.code() == ErrorCode::corrupt);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    compare_parsers(text);
    check_metadata(text, MetadataForm::metadata);
    check_metadata(text, MetadataForm::build_definition);
    check_record(text);
    return 0;
}

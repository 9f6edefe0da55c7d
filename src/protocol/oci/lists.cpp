// Content discovery: end-8, end-12 and Docker's catalog.

#include "base/json_text.hpp"
#include "protocol/oci/handler.hpp"
#include "protocol/oci/locations.hpp"
#include "protocol/oci/visible_catalog.hpp"
#include "protocol/requests.hpp"
#include "protocol/responses.hpp"

#include <utility>

namespace pkgreg::oci {
namespace {

std::string names_as_json(const std::vector<std::string>& names) {
    std::string text = "[";
    for (const std::string& name : names) {
        if (text.size() > 1) text.push_back(',');
        append_json_string(text, name);
    }
    text.push_back(']');
    return text;
}

}  // namespace

awaitable<HttpResponse> Handler::list_tags(const Target& target, const RepositoryName& name) {
    const std::size_t n = page_size(target);
    const NamePage page = co_await registry_.list_tags(name, target.query("last").value_or(""), n);
    HttpResponse response = json_response(200, "{\"name\":" + json_string(name.str()) +
                                                   ",\"tags\":" + names_as_json(page.names) + "}");
    if (page.more) {
        add_next_link(response, repository_path(name, "/tags/list"), n, page.names.back());
    }
    co_return response;
}

awaitable<HttpResponse> Handler::list_catalog(const Target& target, const access::Rights& rights,
                                              const std::function<void()>& costs_another) {
    const std::size_t n = page_size(target);
    const std::string_view last = target.query("last").value_or("");
    NamePage page;
    if (rights.may_everywhere(access::Action::list, access::ResourceKind::repository)) {
        page = co_await registry_.list_repositories(last, n);
    } else {
        page = co_await list_visible(registry_, rights, last, n, costs_another);
    }
    HttpResponse response =
        json_response(200, "{\"repositories\":" + names_as_json(page.names) + "}");
    if (page.more) add_next_link(response, "/v2/_catalog", n, page.names.back());
    co_return response;
}

awaitable<HttpResponse> Handler::list_referrers(const Target& target, const RepositoryName& name,
                                                const Digest& subject) {
    const std::size_t n = page_size(target);
    std::optional<std::string> artifact_type;
    if (const auto text = target.query("artifactType")) artifact_type = std::string(*text);
    const ReferrerPage page = co_await registry_.list_referrers(
        name, subject, artifact_type, target.query("last").value_or(""), n);
    std::string text = "{\"schemaVersion\":2,\"mediaType\":\"" +
                       std::string(media_types::oci_index) + "\",\"manifests\":[";
    bool first = true;
    for (const std::string& descriptor : page.descriptors) {
        if (!std::exchange(first, false)) text.push_back(',');
        text.append(descriptor);
    }
    text.append("]}");
    HttpResponse response = json_response(200, std::move(text), media_types::oci_index);
    if (artifact_type) response.header("OCI-Filters-Applied", "artifactType");
    if (!page.next.empty()) {
        const std::string filter =
            artifact_type ? "&artifactType=" + percent_encode(*artifact_type) : std::string();
        add_next_link(response, repository_path(name, "/referrers/" + subject.to_string()), n,
                      page.next, filter);
    }
    co_return response;
}

}  // namespace pkgreg::oci

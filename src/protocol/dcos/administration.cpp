// The API that adds, shows and removes packages. include/pkgreg/dcos/README.md describes it.

#include "base/json_text.hpp"
#include "protocol/dcos/handler.hpp"
#include "protocol/dcos/package_json.hpp"
#include "protocol/refused.hpp"
#include "protocol/requests.hpp"
#include "protocol/responses.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pkgreg::dcos {
namespace {

/// The Universe at its largest was 30 MB.
constexpr std::size_t max_repository_document = std::size_t{128} << 20;

bool wants_replacement(const Target& target) {
    const auto value = target.query("replace");
    if (!value || *value == "false") return false;
    if (*value == "true") return true;
    throw Error(ErrorCode::invalid_argument, "replace must be true or false");
}

/// What every answer says of a package that is there; the object stays open.
std::string added_members(const PackageCoordinate& coordinate, std::uint64_t release_version) {
    return "{" + coordinate_members(coordinate) +
           ",\"releaseVersion\":" + std::to_string(release_version) + ",\"status\":\"Added\"";
}

std::string addition_json(const PackageAddition& addition) {
    return added_members(addition.coordinate, addition.release_version) + ",\"outcome\":\"" +
           std::string(to_string(addition.outcome)) + "\"}";
}

std::string description_json(const PackageInfo& package) {
    std::string text = added_members(package.coordinate, package.release_version);
    text.append(",\"selected\":")
        .append(!package.selected   ? "null"
                : *package.selected ? "true"
                                    : "false");
    text.append(",").append(content_members(package));
    return text.append(",\"package\":").append(package.metadata).append("}\n");
}

std::string refusal_json(std::string_view package, std::string_view reason) {
    return "{\"package\":" + json_string(package) + ",\"reason\":" + json_string(reason) + "}";
}

std::string display(const PackageCoordinate& coordinate) {
    return coordinate.name().str() + " " + coordinate.version().str();
}

/// Problems of one package, which stand together, become one refusal.
void append_problems(std::string& refused, const std::vector<Problem>& problems) {
    for (std::size_t i = 0; i < problems.size();) {
        const std::string& package = problems[i].file;
        std::string reason;
        for (; i < problems.size() && problems[i].file == package; ++i) {
            if (!reason.empty()) reason.append("; ");
            if (!problems[i].path.empty()) reason.append(problems[i].path).append(": ");
            reason.append(problems[i].message);
        }
        append_item(refused, refusal_json(package, reason));
    }
}

/// Takes out those that the caller may not administer.
std::vector<UniverseRevision> take_closed(std::vector<UniverseRevision>& revisions,
                                          const access::Rights& rights) {
    const auto is_open = [&rights](const UniverseRevision& revision) {
        return rights.may(access::Action::administer, access::ResourceKind::package,
                          revision.metadata.coordinate().name().str());
    };
    const auto closed = std::stable_partition(revisions.begin(), revisions.end(), is_open);
    std::vector<UniverseRevision> taken(std::make_move_iterator(closed),
                                        std::make_move_iterator(revisions.end()));
    revisions.erase(closed, revisions.end());
    return taken;
}

}  // namespace

awaitable<HttpResponse> Handler::list(const Target& target, const access::Rights& rights) {
    const std::size_t n = page_size(target);
    std::optional<PackageName> name;
    if (const auto text = target.query("name")) name = PackageName::parse(*text);
    std::optional<PackageCoordinate> last;
    if (const auto text = target.query("last"); text && !text->empty()) {
        const std::size_t slash = text->find('/');
        if (slash == text->npos) {
            throw Error(ErrorCode::invalid_argument, "last must be <name>/<version>");
        }
        last.emplace(PackageName::parse(text->substr(0, slash)),
                     PackageVersion::parse(text->substr(slash + 1)));
    }
    std::string items;
    PackagePage page;
    const PackageFilter visible = [&rights](const PackageName& package) {
        return rights.may(access::Action::list, access::ResourceKind::package, package.str());
    };
    const bool all = rights.may_everywhere(access::Action::list, access::ResourceKind::package);
    if (n != 0) page = co_await packages_.list(name, last, n, all ? nullptr : &visible);
    for (const PackageInfo& package : page.packages) {
        append_item(items, added_members(package.coordinate, package.release_version) + "}");
    }
    HttpResponse response = json_response(200, "{\"packages\":[" + items + "]}\n");
    if (page.more) {
        const PackageCoordinate& end = page.packages.back().coordinate;
        add_next_link(response, "/api/v1/packages", n, end.name().str() + "/" + end.version().str(),
                      name ? "&name=" + name->str() : "");
    }
    co_return response;
}

awaitable<HttpResponse> Handler::add(const HttpRequest& request, const Target& target,
                                     const access::Rights& rights) {
    const bool replace = wants_replacement(target);
    MemoryBody nothing("");
    BodySource& body = request.body ? *request.body : nothing;
    // Whose bundle it is shows only inside it.
    const PackageCheck check = [&rights](const PackageCoordinate& coordinate) {
        constexpr access::Action action = access::Action::administer;
        constexpr access::ResourceKind kind = access::ResourceKind::package;
        if (rights.may(action, kind, coordinate.name().str())) return;
        throw Refused::on(rights, action, kind, coordinate.name().str());
    };
    const PackageAddition addition = co_await packages_.add(body, replace, &check);
    const bool is_new = addition.outcome == PackageOutcome::added;
    HttpResponse response =
        json_response(is_new ? 201 : 200, "{\"packages\":[" + addition_json(addition) + "]}\n");
    if (is_new) {
        response.header("Location", "/api/v1/packages/" + addition.coordinate.name().str() + "/" +
                                        addition.coordinate.version().str());
    }
    co_return response;
}

awaitable<HttpResponse> Handler::describe(const PackageCoordinate& coordinate) {
    const auto package = co_await packages_.find(coordinate);
    if (!package) {
        throw Error(ErrorCode::package_unknown, "Version [" + coordinate.version().str() +
                                                    "] of package [" + coordinate.name().str() +
                                                    "] not found");
    }
    co_return json_response(200, description_json(*package));
}

awaitable<HttpResponse> Handler::remove(const PackageCoordinate& coordinate) {
    co_await packages_.remove(coordinate);
    co_return json_response(200,
                            "{" + coordinate_members(coordinate) + ",\"status\":\"Removed\"}\n");
}

awaitable<HttpResponse> Handler::import(const HttpRequest& request, const Target& target,
                                        const access::Rights& rights) {
    const bool replace = wants_replacement(target);
    MemoryBody nothing("");
    BodySource& body = request.body ? *request.body : nothing;
    std::string document = co_await read_all(body, max_repository_document, "repository document");
    std::vector<Problem> problems;
    std::vector<UniverseRevision> revisions = read_repository(std::move(document), problems);
    if (!problems.empty() && problems.front().file.empty()) {
        throw Error(ErrorCode::invalid_argument,
                    "not a repository document: " + problems.front().str());
    }
    std::string refused;
    append_problems(refused, problems);
    for (const UniverseRevision& superseded : take_superseded(revisions)) {
        append_item(refused, refusal_json(display(superseded.metadata.coordinate()),
                                          "the same version is there with a higher "
                                          "releaseVersion"));
    }
    for (const UniverseRevision& closed : take_closed(revisions, rights)) {
        append_item(refused, refusal_json(display(closed.metadata.coordinate()),
                                          "you may not administer packages of this name"));
    }
    const UniverseImport result = co_await packages_.import(std::move(revisions), replace);
    std::string added;
    for (const PackageAddition& addition : result.additions) {
        append_item(added, addition_json(addition));
    }
    for (const PackageRefusal& refusal : result.refusals) {
        append_item(refused, refusal_json(display(refusal.coordinate), refusal.reason));
    }
    co_return json_response(200, "{\"packages\":[" + added + "],\"refused\":[" + refused + "]}\n");
}

}  // namespace pkgreg::dcos

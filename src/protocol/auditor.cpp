#include "protocol/auditor.hpp"

#include "protocol/client_address.hpp"
#include "protocol/dcos/route.hpp"
#include "protocol/oci/route.hpp"
#include "protocol/requests.hpp"
#include "protocol/target.hpp"

#include <exception>
#include <utility>

namespace pkgreg {
namespace {

using access::AuditEntry;

/// What a request is to the log.
struct Subject {
    std::string_view action = "read";
    bool changes = false;
    std::string_view repository = {};
    std::string_view package = {};
    std::string_view reference = {};
};

/// Of an upload: its parts change nothing that anybody sees.
Subject upload_subject(std::string_view repository, HttpMethod method, bool complete) {
    switch (method) {
        case HttpMethod::delete_: return {"cancel-upload", true, repository};
        case HttpMethod::get:
        case HttpMethod::head: return {"pull", false, repository};
        default: return {"push-blob", complete, repository};
    }
}

Subject subject_of(const oci::Route& route, HttpMethod method, const Target& target,
                   unsigned status) {
    using oci::Endpoint;
    const bool removal = method == HttpMethod::delete_;
    const bool digest = route.item.find(':') != std::string_view::npos;
    switch (route.endpoint) {
        case Endpoint::blob:
            if (removal) return {"delete-blob", true, route.name, {}, route.item};
            return {"pull", false, route.name, {}, route.item};
        case Endpoint::uploads: {
            // 202: a mount that became an upload, or the beginning of one.
            Subject subject = upload_subject(route.name, method, status != 202);
            if (target.query("mount") && status != 202) subject.action = "mount-blob";
            return subject;
        }
        case Endpoint::upload: return upload_subject(route.name, method, method == HttpMethod::put);
        case Endpoint::manifest: {
            Subject subject{"pull", false, route.name, {}, route.item};
            if (removal) subject.action = digest ? "delete-manifest" : "delete-tag";
            if (method == HttpMethod::put) subject.action = "push-manifest";
            subject.changes = removal || method == HttpMethod::put;
            return subject;
        }
        case Endpoint::repository:
            if (removal) return {"delete-repository", true, route.name};
            return {"pull", false, route.name};
        case Endpoint::tags:
        case Endpoint::referrers: return {"pull", false, route.name};
        case Endpoint::catalog: return {"list", false};
        case Endpoint::base:
        case Endpoint::none: break;
    }
    return {"log-in", false};
}

Subject subject_of(const dcos::Route& route, HttpMethod method) {
    using dcos::Endpoint;
    switch (route.endpoint) {
        case Endpoint::packages:
            if (method == HttpMethod::post) return {"add-package", true};
            return {"list", false};
        case Endpoint::universe: return {"import-packages", method == HttpMethod::post};
        case Endpoint::version: {
            const bool removal = method == HttpMethod::delete_;
            return {removal ? "remove-package" : "pull", removal, {}, route.package, route.item};
        }
        case Endpoint::package:
        case Endpoint::resource: return {"pull", false, {}, route.package};
        case Endpoint::root:
        case Endpoint::repository:
        case Endpoint::none: break;
    }
    return {"list", false};
}

bool brought_credentials(const HttpRequest& request) noexcept {
    // In a form, where a client asks for a token so.
    if (request.method == HttpMethod::post && request.target.starts_with("/token")) return true;
    return request.identity != nullptr || request.certificate != nullptr ||
           request.header("Authorization");
}

/// Takes the next name and version off an answer that lists packages; false when there is none.
/// Neither has a character that JSON would escape.
bool next_package(std::string_view& answer, std::string_view& name, std::string_view& version) {
    const auto take = [&answer](std::string_view before, std::string_view& value) {
        const std::size_t at = answer.find(before);
        if (at == answer.npos) return false;
        answer.remove_prefix(at + before.size());
        value = answer.substr(0, answer.find('"'));
        return true;
    };
    return take("{\"name\":\"", name) && take("\"version\":\"", version);
}

}  // namespace

Auditor::Auditor(std::string file, const std::vector<std::string>& trusted_proxies, LogCallback log)
    : trusted_("trusted-proxies", trusted_proxies), log_(std::move(file), std::move(log)) {}

void Auditor::tell(const HttpRequest& request, const Visit& visit,
                   const HttpResponse& response) noexcept {
    const unsigned status = response.status();
    const bool refused = status == 403 || (status == 401 && brought_credentials(request));
    // Most requests end here: they read, and they may.
    if (!refused && (reads(request.method) || status == 401 || status == 405 || status == 429)) {
        return;
    }
    try {
        tell_all(request, visit, response);
    } catch (const std::exception&) {
        // A target that cannot be read changed nothing.
    }
}

void Auditor::tell_all(const HttpRequest& request, const Visit& visit,
                       const HttpResponse& response) {
    const unsigned status = response.status();
    const bool refused = status == 401 || status == 403;
    const Target target = Target::parse(request.target);
    const oci::Route route = oci::find_route(target.path());
    const dcos::Route package_route = dcos::find_route(target.path());
    const bool images = route.endpoint != oci::Endpoint::none;
    // What is served at no path changes nothing.
    if (!images && package_route.endpoint == dcos::Endpoint::none && !refused) return;
    Subject subject = images ? subject_of(route, request.method, target, status)
                             : subject_of(package_route, request.method);
    if (!subject.changes && !refused) return;
    // Nobody was recognised: it was no attempt at anything else.
    if (status == 401 && !visit.caller) subject.action = "log-in";

    AuditEntry entry;
    entry.request_id = request.id;
    if (visit.caller) entry.identity = &visit.caller->identity;
    entry.client = client_address(request, trusted_);
    entry.action = subject.action;
    entry.repository = subject.repository;
    entry.package = subject.package;
    entry.reference = subject.reference;
    entry.status = status;
    entry.error = visit.error;
    if (refused) entry.reason = visit.reason;
    const bool done = status < 400;
    if (done) entry.digest = response.find("Docker-Content-Digest").value_or("");
    std::vector<std::string_view> tags;
    if (subject.action == "push-manifest") tags = target.queries("tag");
    entry.tags = tags;
    if (!done || (subject.action != "add-package" && subject.action != "import-packages")) {
        log_.write(entry);
        return;
    }
    // Which packages those were is in the answer; who imports nothing has changed nothing.
    std::string_view answer = response.body().bytes();
    answer = answer.substr(0, answer.find("],\"refused\":["));
    while (next_package(answer, entry.package, entry.reference)) log_.write(entry);
}

}  // namespace pkgreg

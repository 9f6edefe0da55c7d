// What clients and proxies say of where a request comes from, and any text in the audit log: the
// address is a part of what came, nobody is believed who is not trusted, and an entry is one line.
#include "access/audit_log.hpp"
#include "access/client_key.hpp"
#include "protocol/client_address.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace pkgreg;

void require(bool holds) {
    if (!holds) std::abort();
}

bool lies_in(std::string_view part, std::string_view whole) {
    return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

/// The first line is the client, the others are fields.
void find_address(std::string_view text) {
    std::vector<HeaderField> fields;
    HttpRequest request;
    request.client = text.substr(0, text.find('\n'));
    std::string_view rest = text.substr(request.client.size());
    while (!rest.empty()) {
        rest.remove_prefix(1);
        const std::string_view line = rest.substr(0, rest.find('\n'));
        fields.push_back({"X-Forwarded-For", line});
        rest.remove_prefix(line.size());
    }
    request.headers = fields;
    static const ClientNetworks nobody;
    static const ClientNetworks some("trusted", {"10.0.0.0/8", "::1", "2001:db8::/32", "unix"});
    static const ClientNetworks all("trusted", {"*"});
    require(client_address(request, nobody).data() == request.client.data());
    for (const ClientNetworks* trusted : {&some, &all}) {
        const std::string_view found = client_address(request, *trusted);
        const bool own = found.data() == request.client.data() && found == request.client;
        require(own || (lies_in(found, text) && access::is_address(found)));
        if (!trusted->contains(request.client)) require(own);
    }
}

void write_line(std::string_view text) {
    const Identity identity{IdentityKind::basic, std::string(text)};
    access::AuditEntry entry;
    entry.identity = &identity;
    entry.client = entry.request_id = entry.repository = entry.reference = entry.reason = text;
    std::string line;
    access::append_audit_line(line, entry, {});
    require(std::ranges::count(line, '\n') == 1 && line.ends_with("}\n"));
    require(std::ranges::none_of(line, [](char c) { return c >= 0 && c < ' ' && c != '\n'; }));
    require(line.size() < 32 * 1024);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    require(access::ClientKey(text).bytes().size() <= 64);
    const std::string_view host = access::host_of(text);
    require(host.empty() || lies_in(host, text));
    find_address(text);
    write_line(text);
    return 0;
}

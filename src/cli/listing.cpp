#include "cli/listing.hpp"

#include "pkgreg/error.hpp"
#include "pkgreg/registry.hpp"

#include "base/blocking.hpp"
#include "base/json_text.hpp"
#include "cli/exit_code.hpp"
#include "cli/http_client.hpp"
#include "cli/log_text.hpp"
#include "cli/storage.hpp"

#include <simdjson.h>

#include <functional>
#include <memory>
#include <ostream>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace pkgreg::cli {
namespace {

constexpr std::size_t page_size = 1000;

/// Takes one page of names.
using TakePage = std::function<void(const std::vector<std::string>&)>;

/// What the server says in the body of an error (OCI distribution specification, "Error Codes").
std::string error_text(const HttpAnswer& answer) {
    simdjson::dom::parser parser;
    simdjson::dom::element document;
    std::string_view message;
    std::string out = "status " + std::to_string(answer.status);
    if (parser.parse(answer.body).get(document) == simdjson::SUCCESS &&
        document["errors"].at(0)["message"].get(message) == simdjson::SUCCESS) {
        out.append(": ");
        append_printable(out, message);
    }
    return out;
}

/// The array of strings under `key`. Some registries say `null` for an empty one.
std::vector<std::string> names_in(const std::string& body, std::string_view key,
                                  const std::string& server) {
    simdjson::dom::parser parser;
    simdjson::dom::element document;
    simdjson::dom::element list;
    std::vector<std::string> names;
    simdjson::error_code error = parser.parse(body).get(document);
    if (!error) error = document[key].get(list);
    if (!error && list.is_null()) return names;
    simdjson::dom::array items;
    if (!error) error = list.get(items);
    if (!error) {
        for (const simdjson::dom::element item : items) {
            std::string_view name;
            error = item.get(name);
            if (error) break;
            names.emplace_back(name);
        }
    }
    if (error) {
        throw ProgramError(ExitCode::server, server +
                                                 " does not answer as a registry does: no list '" +
                                                 std::string(key) + "' in its answer");
    }
    return names;
}

void follow_pages(HttpClient& client, std::string target, std::string_view key,
                  const TakePage& take) {
    std::set<std::string> seen;
    while (!target.empty()) {
        if (!seen.insert(target).second) {
            throw ProgramError(ExitCode::server,
                               client.name() + " sends the same page again and again");
        }
        const HttpAnswer answer = client.get(target);
        if (answer.status != 200) {
            throw ProgramError(answer.status == 404 ? ExitCode::failed : ExitCode::server,
                               client.name() + " refuses the list: " + error_text(answer));
        }
        take(names_in(answer.body, key, client.name()));
        target = next_link(answer.field("Link").value_or(""));
    }
}

std::shared_ptr<Registry> open_to_read(const std::string& location) {
    auto pool = std::make_shared<WorkPool>();
    auto store = open_storage(location, true, pool);
    RegistryOptions options;
    options.read_only = true;
    options.pool = std::move(pool);
    try {
        return run_blocking(Registry::open(std::move(store), std::move(options)));
    } catch (const Error& error) {
        throw ProgramError(ExitCode::storage, error.message());
    }
}

/// Walks through pages that `page` gives for the last name of the one before.
void walk_pages(const std::function<NamePage(std::string_view)>& page, const TakePage& take) {
    std::string last;
    while (true) {
        const NamePage names = page(last);
        take(names.names);
        if (!names.more || names.names.empty()) return;
        last = names.names.back();
    }
}

/// Writes names as they come: one per line, or as the end of a JSON object that is begun.
class NameWriter {
 public:
    NameWriter(std::ostream& out, bool json) : out_(out), json_(json) {}

    void begin(std::string_view head) {
        if (json_) out_ << head << '[';
    }
    void write(const std::vector<std::string>& names) {
        std::string text;
        for (const std::string& name : names) {
            if (json_) {
                if (!std::exchange(first_, false)) text += ',';
                append_json_string(text, name);
            } else {
                append_printable(text, name);
                text += '\n';
            }
        }
        out_ << text;
    }
    void end() {
        if (json_) out_ << "]}\n";
        out_.flush();
        if (!out_) throw ProgramError(ExitCode::failed, "standard output cannot be written");
    }

 private:
    std::ostream& out_;
    bool json_;
    bool first_ = true;
};

}  // namespace

std::string next_link(std::string_view field) {
    while (true) {
        const std::size_t begin = field.find('<');
        const std::size_t end = field.find('>', begin);
        if (begin == std::string_view::npos || end == std::string_view::npos) return {};
        const std::string_view target = field.substr(begin + 1, end - begin - 1);
        field.remove_prefix(end + 1);
        const std::string_view parameters = field.substr(0, field.find('<'));
        if (parameters.find("rel=\"next\"") != std::string_view::npos ||
            parameters.find("rel=next") != std::string_view::npos) {
            return std::string(target);
        }
    }
}

void list_repositories(const ListingOptions& options, std::ostream& out) {
    NameWriter writer(out, options.json);
    const TakePage take = [&](const std::vector<std::string>& names) { writer.write(names); };
    if (options.storage.empty()) {
        HttpClient client(options.server);
        writer.begin("{\"repositories\":");
        follow_pages(client, "/v2/_catalog?n=" + std::to_string(page_size), "repositories", take);
    } else {
        const auto registry = open_to_read(options.storage);
        writer.begin("{\"repositories\":");
        walk_pages(
            [&](std::string_view last) {
                return run_blocking(registry->list_repositories(last, page_size));
            },
            take);
    }
    writer.end();
}

void list_tags(const std::string& repository, const ListingOptions& options, std::ostream& out) {
    if (!RepositoryName::is_valid(repository)) {
        try {
            RepositoryName::parse(repository);
        } catch (const Error& error) {
            throw ProgramError(ExitCode::usage, error.message());
        }
    }
    const RepositoryName name = RepositoryName::parse(repository);
    NameWriter writer(out, options.json);
    const std::string head = "{\"name\":" + json_string(repository) + ",\"tags\":";
    bool begun = false;
    // Nothing is written before the first page is there: the repository may be unknown.
    const TakePage take = [&](const std::vector<std::string>& names) {
        if (!std::exchange(begun, true)) writer.begin(head);
        writer.write(names);
    };
    if (options.storage.empty()) {
        HttpClient client(options.server);
        follow_pages(client, "/v2/" + repository + "/tags/list?n=" + std::to_string(page_size),
                     "tags", take);
    } else {
        const auto registry = open_to_read(options.storage);
        walk_pages(
            [&](std::string_view last) {
                return run_blocking(registry->list_tags(name, last, page_size));
            },
            take);
    }
    writer.end();
}

}  // namespace pkgreg::cli

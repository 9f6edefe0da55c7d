#include "cli/listing.hpp"

#include "pkgreg/blocking.hpp"
#include "pkgreg/error.hpp"
#include "pkgreg/registry.hpp"
#include "pkgreg/storage.hpp"

#include "base/json_text.hpp"
#include "base/printable.hpp"
#include "cli/exit_code.hpp"
#include "cli/http_client.hpp"

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

std::shared_ptr<Registry> open_to_read(const Options& storage) {
    auto pool = std::make_shared<WorkPool>();
    const StorageUse use{true, pool};
    RegistryOptions options;
    options.read_only = true;
    options.pool = std::move(pool);
    try {
        return run_blocking(Registry::open(open_storage(storage, use), std::move(options)));
    } catch (const Error& error) {
        end_for_storage(error);
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

/// Writes names as they come: one per line, or in a JSON object of which `head` is all before the
/// array. Nothing is written before the first names are there, so a command that fails at once
/// leaves no half an object.
class NameWriter {
 public:
    NameWriter(std::ostream& out, bool json, std::string head)
        : out_(out), json_(json), head_(std::move(head)) {}

    void write(const std::vector<std::string>& names) {
        std::string text;
        for (const std::string& name : names) {
            if (json_) {
                text += std::exchange(first_, false) ? head_ + '[' : ",";
                append_json_string(text, name);
            } else {
                append_printable(text, name);
                text += '\n';
            }
        }
        out_ << text;
    }
    void end() {
        if (json_) out_ << (first_ ? head_ + '[' : "") << "]}\n";
        out_.flush();
        if (!out_) throw ProgramError(ExitCode::failed, "standard output cannot be written");
    }

 private:
    std::ostream& out_;
    const bool json_;
    const std::string head_;
    bool first_ = true;
};

RepositoryName parse_name(const std::string& text) {
    try {
        return RepositoryName::parse(text);
    } catch (const Error& error) {
        throw ProgramError(ExitCode::usage, error.message());
    }
}

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
    NameWriter writer(out, options.json, "{\"repositories\":");
    const TakePage take = [&](const std::vector<std::string>& names) { writer.write(names); };
    if (!options.storage) {
        HttpClient client(options.server, client_options(options.access));
        follow_pages(client, "/v2/_catalog?n=" + std::to_string(page_size), "repositories", take);
    } else {
        const auto registry = open_to_read(*options.storage);
        walk_pages(
            [&](std::string_view last) {
                return run_blocking(registry->list_repositories(last, page_size));
            },
            take);
    }
    writer.end();
}

void list_tags(const std::string& repository, const ListingOptions& options, std::ostream& out) {
    const RepositoryName name = parse_name(repository);
    NameWriter writer(out, options.json, "{\"name\":" + json_string(repository) + ",\"tags\":");
    const TakePage take = [&](const std::vector<std::string>& names) { writer.write(names); };
    if (!options.storage) {
        HttpClient client(options.server, client_options(options.access));
        follow_pages(client, "/v2/" + repository + "/tags/list?n=" + std::to_string(page_size),
                     "tags", take);
    } else {
        const auto registry = open_to_read(*options.storage);
        walk_pages(
            [&](std::string_view last) {
                return run_blocking(registry->list_tags(name, last, page_size));
            },
            take);
    }
    writer.end();
}

}  // namespace pkgreg::cli

#include "protocol/oci/visible_catalog.hpp"

#include "base/suspend.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace pkgreg::oci {
namespace {

constexpr std::size_t names_at_once = 1000;

/// Leads from one run of names that may be visible to the next.
class Runs {
 public:
    explicit Runs(std::vector<std::string> prefixes) : prefixes_(std::move(prefixes)) {}

    /// Moves `after`, behind which to look, to where the next name can be; false: there is none.
    bool skip(std::string& after) const {
        for (const std::string& prefix : prefixes_) {
            if (after.starts_with(prefix)) return true;
            if (prefix < after) continue;
            // Behind its longest beginning, in the order of names, comes the prefix itself.
            std::string before = prefix.substr(0, prefix.size() - 1);
            if (before > after) after = std::move(before);
            return true;
        }
        return false;
    }

    bool could_have(std::string_view name) const {
        const auto next = std::ranges::upper_bound(prefixes_, name);
        return next != prefixes_.begin() && name.starts_with(*std::prev(next));
    }

 private:
    std::vector<std::string> prefixes_;  // in byte order, none the beginning of another
};

}  // namespace

awaitable<NamePage> list_visible(Registry& registry, const access::Rights& rights,
                                 std::string_view last, std::size_t n,
                                 const std::function<void()>& costs_another) {
    using access::Action;
    using access::ResourceKind;
    const Runs runs(rights.prefixes(Action::list, ResourceKind::repository));
    NamePage result;
    std::string after(last);
    std::size_t looked_at = 0;
    while (n > 0 && runs.skip(after)) {
        if (looked_at >= names_of_a_request) {
            if (!result.names.empty()) {
                result.more = true;
                co_return result;
            }
            costs_another();
            looked_at = 0;
        }
        if (looked_at != 0) co_await let_others_run();
        NamePage page = co_await registry.list_repositories(after, names_at_once);
        looked_at += page.names.size();
        bool run_ended = false;
        for (std::string& name : page.names) {
            after = name;
            run_ended = !runs.could_have(name);
            if (run_ended) break;  // the next one may be far away
            if (!rights.may(Action::list, ResourceKind::repository, name)) continue;
            if (result.names.size() == n) {
                result.more = true;
                co_return result;
            }
            result.names.push_back(std::move(name));
        }
        if (!run_ended && !page.more) break;
    }
    co_return result;
}

}  // namespace pkgreg::oci

// Listings of the engine: each is the listing of a prefix.

#include "registry/engine.hpp"
#include "registry/layout.hpp"
#include "registry/page_size.hpp"

#include <algorithm>

namespace pkgreg {
awaitable<bool> Engine::is_known(const RepositoryName& repository) {
    const std::string prefix = layout::catalog_prefix(repository.str());
    const ListPage page = co_await store_->list(prefix, "", 1);
    co_return !page.keys.empty();
}

awaitable<NamePage> Engine::list_tags(const RepositoryName& repository, std::string_view last,
                                      std::size_t n) {
    NamePage result = co_await tags_.list(repository, last, n);
    bool known = !result.names.empty();
    if (!known) known = co_await is_known(repository);
    if (!known) {
        throw Error(ErrorCode::name_unknown, "no repository '" + repository.str() + "' here");
    }
    co_return result;
}

awaitable<NamePage> Engine::list_repositories(std::string_view last, std::size_t n) {
    n = std::min(n, max_page);
    NamePage result;
    const std::string root(layout::catalog_root);
    std::string after = last.empty() ? std::string() : layout::catalog_end(last);
    while (n > 0) {
        const ListPage page = co_await store_->list(root, after, std::min(n + 1, max_page));
        for (const std::string& key : page.keys) {
            std::string name = layout::catalog_name(key);
            // Two instances may have made an entry each.
            if (!result.names.empty() && result.names.back() == name) continue;
            if (result.names.size() == n) {
                result.more = true;
                co_return result;
            }
            result.names.push_back(std::move(name));
        }
        if (!page.more) break;
        after = page.keys.back();
    }
    co_return result;
}

}  // namespace pkgreg

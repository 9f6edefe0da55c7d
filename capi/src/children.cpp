#include "children.hpp"

#include "base/threads.hpp"
#include "core.hpp"

#include <algorithm>
#include <utility>

namespace pkgreg::capi {

void Children::add(std::shared_ptr<Child> child) {
    bool late = false;
    {
        const std::lock_guard lock(mutex_);
        children_.push_back(child);
        late = cut_off_;
    }
    // Made by a call that began before closing did, which waits for it.
    if (late) child->cut_off();
}

void Children::remove(const std::shared_ptr<Child>& child) noexcept {
    if (child->release_waits() && !may_wait()) return;
    std::list<std::shared_ptr<Child>> taken;
    {
        const std::lock_guard lock(mutex_);
        const auto at = std::find(children_.begin(), children_.end(), child);
        if (at == children_.end()) return;
        taken.splice(taken.begin(), children_, at);
    }
    // Outside the lock: a server waits for its threads, and a callback on one of them may be
    // freeing another child.
    child->release();
}

void Children::cut_off_all() noexcept {
    // Nodes of the list are moved, so no memory is needed.
    std::list<std::shared_ptr<Child>> done;
    while (true) {
        std::shared_ptr<Child> child;
        {
            const std::lock_guard lock(mutex_);
            cut_off_ = true;
            if (children_.empty()) break;
            child = children_.front();
            done.splice(done.end(), children_, children_.begin());
        }
        child->cut_off();
    }
    const std::lock_guard lock(mutex_);
    children_.splice(children_.begin(), done);
}

void Children::release_all() noexcept {
    std::list<std::shared_ptr<Child>> taken;
    {
        const std::lock_guard lock(mutex_);
        taken.swap(children_);
    }
    for (const std::shared_ptr<Child>& child : taken) child->release();
}

void detail::add_child(Core& core, std::shared_ptr<Child> child) {
    core.children.add(std::move(child));
}

void detail::remove_child(pkgreg_registry* key, const std::shared_ptr<Child>& child) noexcept {
    try {
        const Call call(key);
        call->children.remove(child);
    } catch (...) {
        // Closed, or about to be: closing releases the child, and waits for that.
    }
}

}  // namespace pkgreg::capi

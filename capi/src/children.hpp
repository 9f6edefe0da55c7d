// Children: what holds a part of a registry's storage or its threads (open objects, servers), so
// that closing can take it away. The handle stays with its owner.
#pragma once

#include "fork.hpp"
#include "pkgreg.h"
#include "registry_table.hpp"

#include <list>
#include <memory>
#include <mutex>

namespace pkgreg::capi {

class Child {
 public:
    Child() = default;
    virtual ~Child() = default;
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    /// Ends what runs on threads of the library. May be called while calls use the child.
    virtual void cut_off() noexcept {}
    /// Gives up what is held of the registry. No call uses the child.
    virtual void release() noexcept = 0;
    /// Whether `release` waits for threads of the library, as nothing may on one of them.
    virtual bool release_waits() const noexcept { return false; }
};

/// The children of one registry. Any thread.
class Children {
 public:
    void add(std::shared_ptr<Child> child);
    /// Takes a child out and releases it, unless closing has done so, or has to do it.
    void remove(const std::shared_ptr<Child>& child) noexcept;

    // For closing, when no new calls begin; the second one when none runs any more.
    void cut_off_all() noexcept;
    void release_all() noexcept;

 private:
    std::mutex mutex_;
    std::list<std::shared_ptr<Child>> children_;
    bool cut_off_ = false;
};

/// A handle's share of its child: the handle's end gives the child up, in the process that made it.
template <class T>
class ChildHolder {
 public:
    /// @param core the registry `key` stands for
    ChildHolder(Core& core, pkgreg_registry* key, std::shared_ptr<T> child);
    ~ChildHolder();
    ChildHolder(const ChildHolder&) = delete;
    ChildHolder& operator=(const ChildHolder&) = delete;

    T* operator->() const noexcept { return child_.get(); }

 private:
    pkgreg_registry* const key_;
    std::shared_ptr<T> child_;
};

/// Frees a handle that holds something of the registry. After a fork nothing is done: what it holds
/// are the parent's threads and files.
template <class Handle>
void free_handle(Handle* handle) noexcept {
    if (handle && !made_before_fork(handle->epoch)) delete handle;
}

namespace detail {
void add_child(Core& core, std::shared_ptr<Child> child);
void remove_child(pkgreg_registry* key, const std::shared_ptr<Child>& child) noexcept;
}  // namespace detail

template <class T>
ChildHolder<T>::ChildHolder(Core& core, pkgreg_registry* key, std::shared_ptr<T> child)
    : key_(key), child_(std::move(child)) {
    detail::add_child(core, child_);
}

template <class T>
ChildHolder<T>::~ChildHolder() {
    detail::remove_child(key_, child_);
}

}  // namespace pkgreg::capi

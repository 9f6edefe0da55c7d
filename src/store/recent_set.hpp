// RecentSet: a set of names that forgets the ones which were not asked for lately, so that it stays
// small. Forgetting is harmless where the set only saves work.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_set>
#include <utility>

namespace pkgreg {

/// Holds the last `capacity` names used, and up to as many more. Not safe to use from two threads.
class RecentSet {
 public:
    explicit RecentSet(std::size_t capacity) : capacity_(capacity) {}

    bool contains(const std::string& name) {
        if (young_.contains(name)) return true;
        if (old_.erase(name) == 0) return false;
        insert(name);
        return true;
    }
    void insert(const std::string& name) {
        if (young_.size() >= capacity_) old_ = std::exchange(young_, {});
        young_.insert(name);
    }
    void erase(const std::string& name) {
        young_.erase(name);
        old_.erase(name);
    }

 private:
    const std::size_t capacity_;
    std::unordered_set<std::string> young_;
    std::unordered_set<std::string> old_;
};

}  // namespace pkgreg

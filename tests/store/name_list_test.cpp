// NameList against a std::set.
#include "store/name_list.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <vector>

namespace pkgreg {
namespace {

std::vector<std::string> names_from(const NameList& list, std::string_view from,
                                    std::size_t limit) {
    std::vector<std::string> names;
    list.visit(from, [&](std::string_view name) {
        names.emplace_back(name);
        return names.size() < limit;
    });
    return names;
}

TEST(NameList, holds_what_a_set_holds_in_the_same_order) {
    std::mt19937 random(1);
    std::set<std::string> expected;
    const auto random_name = [&] {
        // Short ones meet again, long ones fill blocks.
        const std::size_t size = 1 + random() % (random() % 10 == 0 ? 256 : 3);
        std::string name;
        for (std::size_t i = 0; i < size; ++i) name.push_back("-./abz"[random() % 6]);
        return name;
    };
    std::vector<std::string> initial;
    for (int i = 0; i < 500; ++i) initial.push_back(random_name());
    expected.insert(initial.begin(), initial.end());
    NameList list(initial);
    for (int i = 0; i < 20'000; ++i) {
        const std::string name = random_name();
        if (random() % 2 == 0) {
            list.insert(name);
            expected.insert(name);
        } else {
            list.erase(name);
            expected.erase(name);
        }
        ASSERT_EQ(list.contains(name), expected.contains(name));
        if (i % 100 != 0) continue;
        const std::string from = random_name();
        ASSERT_EQ(names_from(list, "", 1'000'000),
                  std::vector<std::string>(expected.begin(), expected.end()));
        ASSERT_EQ(names_from(list, from, 1'000'000),
                  std::vector<std::string>(expected.lower_bound(from), expected.end()));
    }
}

TEST(NameList, emptied_and_filled_again_accounts_for_its_memory) {
    NameList list;
    const std::size_t empty = list.memory();
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 1000; ++i) list.insert("name-" + std::to_string(i));
        // Nine or so bytes a name, and not many times that.
        EXPECT_GT(list.memory(), 9'000U);
        EXPECT_LT(list.memory(), 40'000U);
        for (int i = 0; i < 1000; ++i) list.erase("name-" + std::to_string(i));
        EXPECT_EQ(list.memory(), empty);
        EXPECT_TRUE(names_from(list, "", 1).empty());
    }
}

}  // namespace
}  // namespace pkgreg

// How a policy is asked: patterns lie by their leading components, the most exact ones first; which
// of them fit an identity, and what they allow it together, is worked out once and remembered.

#include "access/policy.hpp"

#include "access/pattern.hpp"
#include "access/policy_document.hpp"
#include "access/selectors.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace pkgreg::access {
namespace {

/// What the rules with one pattern allow one identity.
struct Outcome {
    bool fits = false;     ///< a rule fits
    bool nothing = false;  ///< one of those has no action
    ActionSet actions;

    void add(ActionSet more) noexcept {
        fits = true;
        nothing = nothing || more.empty();
        actions = actions | more;
    }
    void add(const Outcome& other) noexcept {
        fits = fits || other.fits;
        nothing = nothing || other.nothing;
        actions = actions | other.actions;
    }
    ActionSet allowed() const noexcept { return nothing ? ActionSet() : actions; }
};

/// Lets a map be asked with a view.
struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
        return std::hash<std::string_view>{}(text);
    }
};

/// The patterns of one kind of resource.
class PatternTable {
 public:
    explicit PatternTable(std::string_view everything) : everything_(everything) {}

    /// The number of the pattern with that text.
    std::uint32_t add(const std::string& text) {
        const auto [place, fresh] =
            numbers_.try_emplace(text, static_cast<std::uint32_t>(patterns_.size()));
        if (fresh) patterns_.emplace_back(text);
        return place->second;
    }

    /// Call it when all patterns are there.
    void arrange() {
        for (std::uint32_t number = 0; number < patterns_.size(); ++number) {
            const Pattern& pattern = patterns_[number];
            by_components_[std::string(pattern.literal_components())].push_back(number);
            depth_ = std::max(depth_, pattern.literal_depth());
        }
        for (const auto& [components, numbers] : by_components_) {
            most_tried_ = std::max(most_tried_, numbers.size());
        }
        for (auto& [components, numbers] : by_components_) {
            std::ranges::stable_sort(numbers, [this](std::uint32_t a, std::uint32_t b) {
                return patterns_[a].exactness() > patterns_[b].exactness();
            });
        }
    }

    /// Whether so many patterns may have to be tried that an answer is worth remembering.
    bool is_slow() const noexcept { return most_tried_ > 8; }
    std::size_t size() const noexcept { return patterns_.size(); }
    const Pattern& operator[](std::size_t number) const noexcept { return patterns_[number]; }

    /// The number of the pattern that every name fits, or `size()`.
    std::size_t everything() const {
        const auto found = numbers_.find(everything_);
        return found == numbers_.end() ? size() : found->second;
    }

    /// What the most exact patterns that fit say. More leading components without a star are more
    /// exact, so the first table with a pattern that fits has the answer.
    ActionSet decide(const std::vector<Outcome>& outcomes, std::string_view name) const {
        std::size_t depth = 1 + static_cast<std::size_t>(std::ranges::count(name, '/'));
        std::string_view leading = name;
        while (true) {
            if (depth <= depth_) {
                const auto bucket = by_components_.find(leading);
                if (bucket != by_components_.end()) {
                    const Outcome outcome = decide_among(bucket->second, outcomes, name);
                    if (outcome.fits) return outcome.allowed();
                }
            }
            if (depth == 0) return {};
            --depth;
            const std::size_t slash = leading.rfind('/');
            leading = leading.substr(0, slash == leading.npos ? 0 : slash);
        }
    }

 private:
    using Numbers = std::vector<std::uint32_t>;

    Outcome decide_among(const Numbers& numbers, const std::vector<Outcome>& outcomes,
                         std::string_view name) const {
        Outcome united;
        const std::u16string* exactness = nullptr;
        for (const std::uint32_t number : numbers) {
            if (exactness && patterns_[number].exactness() != *exactness) break;
            if (!outcomes[number].fits || !patterns_[number].fits(name)) continue;
            exactness = &patterns_[number].exactness();
            united.add(outcomes[number]);
        }
        return united;
    }

    std::string everything_;
    std::vector<Pattern> patterns_;
    std::unordered_map<std::string, std::uint32_t> numbers_;
    std::unordered_map<std::string, Numbers, TextHash, std::equal_to<>> by_components_;
    std::size_t depth_ = 0;  ///< of the deepest key in it
    std::size_t most_tried_ = 0;
};

/// What was decided on the names that were asked about last, bounded.
class Decisions {
 public:
    template <class Decide>
    ActionSet get(std::string_view name, const Decide& decide) {
        {
            const std::lock_guard lock(mutex_);
            const auto found = by_name_.find(name);
            if (found != by_name_.end()) return found->second;
        }
        const ActionSet decided = decide();
        const std::lock_guard lock(mutex_);
        if (by_name_.size() >= limit) by_name_.clear();
        by_name_.emplace(name, decided);
        return decided;
    }

 private:
    static constexpr std::size_t limit = 64;
    std::mutex mutex_;
    std::unordered_map<std::string, ActionSet, TextHash, std::equal_to<>> by_name_;
};

/// What the policy says of one identity.
struct View {
    struct Kind {
        std::vector<Outcome> outcomes;  ///< by the pattern's number
        ActionSet somewhere;
        ActionSet everywhere;
        mutable Decisions decisions;
    };
    Kind repositories;
    Kind packages;

    const Kind& of(ResourceKind kind) const noexcept {
        return kind == ResourceKind::package ? packages : repositories;
    }
};

using ViewPtr = std::shared_ptr<const View>;

/// The views of identities that asked lately, bounded.
class ViewCache {
 public:
    explicit ViewCache(std::size_t limit) : limit_(std::max<std::size_t>(1, limit / shards)) {}

    template <class Make>
    ViewPtr get(const Identity& identity, const Make& make) {
        const std::size_t hash = hash_of(identity);
        Shard& shard = shards_[hash % shards];
        {
            const std::lock_guard lock(shard.mutex);
            const auto found = shard.entries.find(hash);
            if (found != shard.entries.end() && found->second.identity == identity) {
                return found->second.view;
            }
        }
        ViewPtr view = make(identity);
        const std::lock_guard lock(shard.mutex);
        if (shard.entries.size() >= limit_) shard.entries.clear();
        shard.entries.insert_or_assign(hash, Entry{identity, view});
        return view;
    }

 private:
    static constexpr std::size_t shards = 8;
    struct Entry {
        Identity identity;
        ViewPtr view;
    };
    struct Shard {
        std::mutex mutex;
        std::unordered_map<std::size_t, Entry> entries;
    };

    static std::size_t hash_of(const Identity& identity) noexcept {
        constexpr std::size_t factor = 0x9e3779b97f4a7c15;
        const std::hash<std::string_view> hash;
        std::size_t result = hash(identity.name) + static_cast<std::size_t>(identity.kind);
        for (const std::string& group : identity.groups) result = result * factor + hash(group);
        return result;
    }

    std::size_t limit_;
    std::array<Shard, shards> shards_;
};

class CompiledPolicy final : public Policy {
 public:
    explicit CompiledPolicy(const PolicyDocument& document) : cache_(cached_views(document)) {
        for (std::uint32_t g = 0; g < document.groups.size(); ++g) {
            groups_.push_back(document.groups[g].name);
            for (const Selector& member : document.groups[g].members) members_.add(member, g);
        }
        for (std::uint32_t r = 0; r < document.rules.size(); ++r) {
            const PolicyRule& rule = document.rules[r];
            for (const Selector& selector : rule.who) who_.add(selector, r);
            Rule compiled{rule.kind, {}, rule.actions};
            PatternTable& table = table_of(rule.kind);
            for (const std::string& text : rule.patterns) {
                compiled.patterns.push_back(table.add(text));
            }
            rules_.push_back(std::move(compiled));
        }
        repositories_.arrange();
        packages_.arrange();
        anonymous_ = make_view({});
    }

    ActionSet allowed(const Identity& identity, ResourceKind kind,
                      std::string_view name) const override {
        const ViewPtr view = view_of(identity);
        if (kind == ResourceKind::catalog) return view->repositories.somewhere & Action::list;
        const PatternTable& table = table_of(kind);
        const View::Kind& own = view->of(kind);
        const auto decide = [&] { return table.decide(own.outcomes, name); };
        return table.is_slow() ? own.decisions.get(name, decide) : decide();
    }

    bool allowed_somewhere(const Identity& identity, ResourceKind kind,
                           Action action) const override {
        return view_of(identity)->of(kind).somewhere.has(action);
    }

    bool allowed_everywhere(const Identity& identity, ResourceKind kind,
                            Action action) const override {
        return view_of(identity)->of(kind).everywhere.has(action);
    }

    std::vector<std::string> prefixes(const Identity& identity, ResourceKind kind,
                                      Action action) const override {
        const ViewPtr view = view_of(identity);
        const std::vector<Outcome>& outcomes = view->of(kind).outcomes;
        const PatternTable& table = table_of(kind);
        std::vector<std::string> result;
        for (std::size_t i = 0; i < outcomes.size(); ++i) {
            if (!outcomes[i].allowed().has(action)) continue;
            result.emplace_back(table[i].literal_prefix());
        }
        std::ranges::sort(result);
        std::size_t kept = 0;
        for (std::string& prefix : result) {
            if (kept != 0 && prefix.starts_with(result[kept - 1])) continue;
            if (&prefix != &result[kept]) result[kept] = std::move(prefix);
            ++kept;
        }
        result.resize(kept);
        return result;
    }

 private:
    struct Rule {
        ResourceKind kind;
        std::vector<std::uint32_t> patterns;
        ActionSet actions;
    };

    /// As many views as take 4 MiB, and 1,024 at most.
    static std::size_t cached_views(const PolicyDocument& document) {
        std::size_t patterns = 0;
        for (const PolicyRule& rule : document.rules) patterns += rule.patterns.size();
        const std::size_t size = 256 + patterns * sizeof(Outcome);
        return std::min<std::size_t>(1024, (std::size_t{4} << 20) / size);
    }

    PatternTable& table_of(ResourceKind kind) noexcept {
        return kind == ResourceKind::package ? packages_ : repositories_;
    }
    const PatternTable& table_of(ResourceKind kind) const noexcept {
        return kind == ResourceKind::package ? packages_ : repositories_;
    }

    ViewPtr view_of(const Identity& identity) const {
        if (identity.kind == IdentityKind::anonymous) return anonymous_;
        return cache_.get(identity, [this](const Identity& who) { return make_view(who); });
    }

    std::vector<std::uint32_t> rules_for(const Identity& identity) const {
        std::vector<std::uint32_t> numbers;
        std::vector<std::string_view> groups;
        members_.find(identity, groups, numbers);
        for (const std::uint32_t group : numbers) groups.push_back(groups_[group]);
        groups.insert(groups.end(), identity.groups.begin(), identity.groups.end());
        numbers.clear();
        who_.find(identity, groups, numbers);
        return numbers;
    }

    ViewPtr make_view(const Identity& identity) const {
        auto view = std::make_shared<View>();
        view->repositories.outcomes.resize(repositories_.size());
        view->packages.outcomes.resize(packages_.size());
        for (const std::uint32_t number : rules_for(identity)) {
            const Rule& rule = rules_[number];
            auto& outcomes = rule.kind == ResourceKind::package ? view->packages.outcomes
                                                                : view->repositories.outcomes;
            for (const std::uint32_t pattern : rule.patterns) outcomes[pattern].add(rule.actions);
        }
        summarize(view->repositories, repositories_);
        summarize(view->packages, packages_);
        return view;
    }

    static void summarize(View::Kind& kind, const PatternTable& table) {
        const std::size_t everything = table.everything();
        if (everything < table.size()) kind.everywhere = kind.outcomes[everything].allowed();
        for (const Outcome& outcome : kind.outcomes) {
            if (!outcome.fits) continue;
            kind.somewhere = kind.somewhere | outcome.allowed();
            // Another pattern may be the more exact one for a name.
            kind.everywhere = kind.everywhere & outcome.allowed();
        }
    }

    std::vector<std::string> groups_;
    Selectors members_;  ///< of groups, by their numbers
    Selectors who_;      ///< of rules, by their numbers
    std::vector<Rule> rules_;
    PatternTable repositories_{"**"};
    PatternTable packages_{"*"};
    ViewPtr anonymous_;
    mutable ViewCache cache_;
};

}  // namespace

std::shared_ptr<const Policy> Policy::parse(std::string_view json, std::string_view source) {
    return std::make_shared<CompiledPolicy>(parse_policy_document(json, source));
}

}  // namespace pkgreg::access

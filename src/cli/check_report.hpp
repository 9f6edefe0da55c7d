// The table of `pkgreg storage check`: a line for each thing that was tried, as soon as it was, and
// at the end what to fix.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg::cli {

enum class Outcome : std::uint8_t {
    works,
    attention,  ///< Works, but the operator should know something.
    fails,      ///< A registry cannot work like this.
    lacking,    ///< Not there, and not needed.
    not_tried,  ///< Needs what failed before.
};

/// What came out of one check.
struct Finding {
    Finding(Outcome outcome_, std::string detail_, std::string advice_ = {})
        : outcome(outcome_), detail(std::move(detail_)), advice(std::move(advice_)) {}

    Outcome outcome;
    /// A few words for the table.
    std::string detail;
    /// What happened and what to do, in a sentence or two; for `attention` and `fails`.
    std::string advice;
};

class CheckReport {
 public:
    explicit CheckReport(std::ostream& out) : out_(out) {}

    /// A line above the table.
    void head(std::string_view name, std::string_view text);
    void add(std::string_view check, const Finding& finding);
    /// Adds to what is told at the end.
    void note(std::string_view text);
    /// Writes what is to be fixed and to be known.
    void end();

    unsigned failures() const noexcept { return failures_; }

 private:
    void list(std::string_view title, const std::vector<std::string>& texts);

    std::ostream& out_;
    unsigned failures_ = 0;
    std::vector<std::string> to_fix_;
    std::vector<std::string> to_know_;
};

}  // namespace pkgreg::cli

#include "cli/check_report.hpp"

#include <fmt/core.h>
#include <ostream>

namespace pkgreg::cli {
namespace {

std::string_view word_of(Outcome outcome) {
    switch (outcome) {
        case Outcome::works: return "works";
        case Outcome::attention: return "look";
        case Outcome::fails: return "FAILS";
        case Outcome::lacking: return "no";
        case Outcome::not_tried: return "-";
    }
    return "?";
}

}  // namespace

void CheckReport::head(std::string_view name, std::string_view text) {
    out_ << fmt::format("{:<9}{}\n", name, text) << std::flush;
}

void CheckReport::add(std::string_view check, const Finding& finding) {
    std::string line =
        fmt::format("  {:<24}{:<8}{}", check, word_of(finding.outcome), finding.detail);
    line.resize(line.find_last_not_of(' ') + 1);
    out_ << line << '\n' << std::flush;
    if (finding.outcome == Outcome::fails) ++failures_;
    if (finding.advice.empty()) return;
    auto& list = finding.outcome == Outcome::fails ? to_fix_ : to_know_;
    list.push_back(fmt::format("{}: {}", check, finding.advice));
}

void CheckReport::note(std::string_view text) {
    to_know_.emplace_back(text);
}

void CheckReport::end() {
    list("To fix:", to_fix_);
    list("To know:", to_know_);
    out_.flush();
}

void CheckReport::list(std::string_view title, const std::vector<std::string>& texts) {
    if (texts.empty()) return;
    out_ << '\n' << title << '\n';
    for (const std::string& text : texts) out_ << "  " << text << '\n';
}

}  // namespace pkgreg::cli

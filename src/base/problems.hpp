// Problems: what is wrong with a document that people write, a line for each problem, so that one
// look mends all of them.
#pragma once

#include "pkgreg/error.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace pkgreg {

class Problems {
 public:
    /// @param source what the document is called in messages; empty: nothing
    explicit Problems(std::string_view source) : source_(source) {}

    bool is_full() const noexcept { return count_ == 20; }
    bool empty() const noexcept { return count_ == 0; }

    /// Adds `source:line: path: problem`; beyond 20 nothing.
    /// @param line 0: not known
    void add(std::size_t line, std::string_view path, std::string_view problem) {
        if (is_full()) return;
        ++count_;
        if (!text_.empty()) text_ += '\n';
        if (!source_.empty()) text_.append(source_).append(":");
        if (line != 0) text_.append(std::to_string(line)).append(":");
        if (!source_.empty() || line != 0) text_ += ' ';
        text_.append(path).append(": ").append(problem);
    }
    /// Throws `invalid_options` with all of them, if there are any.
    void throw_if_any() {
        if (!text_.empty()) throw Error(ErrorCode::invalid_options, std::move(text_));
    }

 private:
    std::string_view source_;
    std::string text_;
    std::size_t count_ = 0;
};

}  // namespace pkgreg

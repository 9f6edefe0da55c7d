// The variables of the process's environment that tell an S3 client something.
#pragma once

#include <map>
#include <string>
#include <utility>

namespace pkgreg::s3 {

/// A copy, so that what is done with it depends on nothing that another thread may change.
class Environment {
 public:
    Environment() = default;
    explicit Environment(std::map<std::string, std::string> variables)
        : variables_(std::move(variables)) {}

    /// `HOME` and what begins with `AWS_`.
    static Environment of_this_process();

    /// Empty when it is not set.
    std::string get(const std::string& name) const {
        const auto at = variables_.find(name);
        return at == variables_.end() ? std::string() : at->second;
    }

 private:
    std::map<std::string, std::string> variables_;
};

}  // namespace pkgreg::s3

#include "cli/build/report.hpp"

#include "base/json_text.hpp"
#include "cli/exit_code.hpp"

#include <ostream>
#include <string>

namespace pkgreg::cli {

void report_created(std::string_view what, const PackageCoordinate& package,
                    const std::filesystem::path& path, bool json, std::ostream& out) {
    if (json) {
        out << "{\"name\":" << json_string(package.name().str())
            << ",\"version\":" << json_string(package.version().str())
            << ",\"path\":" << json_string(path.string()) << "}" << std::endl;
    } else {
        out << "Created " << what << ' ' << path.string() << std::endl;
    }
    if (!out) throw ProgramError(ExitCode::failed, "standard output cannot be written");
}

void fail_with(const std::vector<Problem>& problems, const std::filesystem::path& file,
               const std::filesystem::path& folder) {
    std::vector<Problem> named = problems;
    for (Problem& problem : named) {
        problem.file = problem.file.empty() ? file.string() : (folder / problem.file).string();
    }
    throw ProgramError(ExitCode::failed, to_string(named));
}

}  // namespace pkgreg::cli

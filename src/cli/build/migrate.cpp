#include "cli/build/migrate.hpp"

#include "pkgreg/dcos/universe_import.hpp"

#include "cli/build/interruption.hpp"
#include "cli/build/output_file.hpp"
#include "cli/build/report.hpp"
#include "cli/build/text_file.hpp"

#include <string_view>
#include <vector>

namespace pkgreg::cli {
namespace {

/// The definition is a text for people: it ends with a line break.
void write_definition(const std::filesystem::path& path, std::string_view text) {
    OutputFile file(path);
    file.write(text);
    if (!text.ends_with('\n')) file.write("\n");
    file.commit();
}

}  // namespace

void migrate(const MigrateOptions& options, std::ostream& out) {
    require_folder(options.package_folder, "--package-directory");
    require_folder(options.output_folder, "--output-directory");
    std::vector<Problem> problems;
    const auto revision = read_package_folder(options.package_folder, problems);
    if (!revision) fail_with(problems, options.package_folder, options.package_folder);
    const PackageCoordinate& package = revision->metadata.coordinate();
    const std::filesystem::path path =
        options.output_folder / (package.name().str() + "-" + package.version().str() + ".json");
    // A signal comes before the file is in place, or after.
    run_interruptible(
        [&](const Interruption&) { write_definition(path, revision->metadata.text()); });
    report_created("DC/OS Build Definition", package, path, options.json, out);
}

}  // namespace pkgreg::cli

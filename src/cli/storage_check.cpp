#include "cli/storage_check.hpp"

#include "pkgreg/storage.hpp"

#include "base/mask_secrets.hpp"
#include "cli/bucket_check.hpp"
#include "cli/check_report.hpp"
#include "cli/directory_check.hpp"
#include "cli/exit_code.hpp"
#include "cli/signals.hpp"
#include "store/storage_places.hpp"

#include <string>

namespace pkgreg::cli {

void check_storage(const Options& options, std::ostream& out) {
    const std::string location = storage_location(options);
    // Before any thread starts; a check that is interrupted still tidies up.
    StopSignals signals;
    CheckReport report(out);
    if (const auto bucket = options.s3_storage()) {
        check_bucket(s3_store_options(*bucket, options.program.secrets_dir), signals, report);
    } else if (is_memory_storage(location)) {
        report.head("storage", "memory, which keeps nothing; there is nothing to check");
    } else {
        check_directory(directory_of(location), report);
    }
    report.end();
    if (report.failures() == 0) return;
    throw ProgramError(ExitCode::storage,
                       masked_url(location) +
                           " cannot be used as it is: " + std::to_string(report.failures()) +
                           (report.failures() == 1 ? " check failed" : " checks failed"));
}

}  // namespace pkgreg::cli

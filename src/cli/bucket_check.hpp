// What a bucket must allow to hold a registry, found out by doing it.
#pragma once

#include "pkgreg/s3_store.hpp"

#include "cli/check_report.hpp"
#include "cli/signals.hpp"

namespace pkgreg::cli {

/// Tries the operations of S3 that a registry needs, on keys below `check/` in the options' path,
/// and removes what it wrote, also when a signal ends it early.
void check_bucket(S3StoreOptions options, StopSignals& signals, CheckReport& report);

}  // namespace pkgreg::cli

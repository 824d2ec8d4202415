#include "controller/cli/offline.h"

#include <algorithm>

#include <fmt/format.h>

#include "controller/cli/bundle_file.h"
#include "controller/cli/clock.h"
#include "controller/cli/progress.h"
#include "controller/cli/table.h"
#include "controller/cli/time_argument.h"
#include "controller/localize/localizer.h"
#include "controller/localize/verdict_json.h"

namespace faultline::cli {
namespace {

// Observations without a time are in any horizon.
std::int64_t newest_window(const localize::ObservationSet& set) {
  auto newest = localize::kNoTime;
  for (const auto& observation : set.observations()) newest = std::max(newest, observation.time_s);
  return newest;
}

Outcome<localize::LocalizeOptions> horizon_of(const OfflineOptions& options,
                                              const localize::ObservationSet& set) {
  localize::LocalizeOptions result{.suspects_max = options.suspects_max};
  if (!options.at.empty()) {
    FAULTLINE_CLI_TRY(const auto at, parse_time_argument(options.at, now_wall()));
    result.until_s = unix_seconds(at);
  }
  if (!options.horizon.empty()) {
    FAULTLINE_CLI_TRY(const auto length, parse_duration_argument(options.horizon));
    const auto end = options.at.empty() ? newest_window(set) : result.until_s;
    const auto length_s = std::chrono::ceil<std::chrono::seconds>(length).count();
    if (end != localize::kNoTime) result.after_s = end - length_s;
  }
  return result;
}

// What the reader accepted, but its writer may not have meant.
std::string sentences(const localize::BundleNotes& notes) {
  std::string result;
  if (notes.unknown_records.count > 0) {
    result += fmt::format("{} records of unknown kind skipped, the first in line {}\n",
                          notes.unknown_records.count, notes.unknown_records.first);
  }
  if (notes.other_ends.count > 0) {
    result += fmt::format(
        "{} observations have a path that does not lead from src to dst, the first in line {}\n",
        notes.other_ends.count, notes.other_ends.first);
  }
  if (notes.repeated_windows > 0) {
    result += fmt::format(
        "{} observations repeat a flow and its window and were added up, the first: {}\n",
        notes.repeated_windows, notes.repeated_flow);
  }
  return result;
}

}  // namespace

Outcome<std::string> localize_offline(const OfflineOptions& options) {
  Progress progress;
  const auto on_piece = [&](const BundleProgress& done) {
    progress.update(fmt::format("reading {}: {}, {} lines", options.file,
                                bytes(static_cast<double>(done.bytes)), done.lines));
  };
  FAULTLINE_CLI_TRY(const auto bundle, read_bundle_file(options.file, on_piece));
  const auto& set = bundle.observations;
  FAULTLINE_CLI_TRY(const auto horizon, horizon_of(options, set));
  progress.update(fmt::format("localizing over {} observations", set.observations().size()));
  const auto started = now_instant();
  const auto verdict = localize::localize(set, horizon);
  const std::chrono::duration<double, std::milli> taken = now_instant() - started;
  progress.end();
  fmt::print(stderr, "{}", sentences(bundle.notes));
  return localize::verdict_json(verdict, taken.count(), bundle.notes.unknown_records.count);
}

}  // namespace faultline::cli

// Roll-ups as they are stored: the steps of one pair in one bucket of time (tiers.h).
//
//   value | length 4 | columns n | ...        one or more parts, each:
//   columns  layout v | count v | step numbers v (differences) | one column per field | histograms
//
// Merging adds a part; a compaction folds parts into one. Both orders and all groupings of the same
// additions mean the same, which is what lets late results be added without reading.
//
// Pure. Thread safety: none needed.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "controller/store/history.h"

namespace faultline::store {

// The steps of one pair within a bucket, by number from 0. Start and nodes are not set.
using RollupSteps = std::map<std::uint32_t, Rollup>;

[[nodiscard]] std::string encode_rollups(const RollupSteps& steps);
// Adds what the value holds. False when a part is damaged; those before it were added.
[[nodiscard]] bool add_rollups(std::string_view value, RollupSteps& steps);

}  // namespace faultline::store

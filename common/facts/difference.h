// What changed between two snapshots of one node: a JSON Patch (RFC 6902) of their documents.
//
// Why it exists: a node's facts hardly change from one collection to the next; a difference is
// what did. Thread safety: pure.
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/facts/facts.h"

namespace faultline::facts {

// Operations of a patch; a longer one is refused when applied, and the sender sends a snapshot
// instead.
inline constexpr std::size_t kOperationsMax = 20'000;

// apply_difference(before, difference(before, after)) == after.
[[nodiscard]] std::string difference(const Facts& before, const Facts& after);
[[nodiscard]] Result<Facts> apply_difference(const Facts& before, std::string_view difference);

}  // namespace faultline::facts

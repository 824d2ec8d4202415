// What a scan of the store came to.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace faultline::store {

inline constexpr std::size_t kDamagedPlacesMax = 16;

struct ScanSummary {
  std::uint64_t visited = 0;
  std::uint64_t damaged = 0;                // places whose stored bytes do not match: skipped
  std::vector<std::string> damaged_places;  // the first kDamagedPlacesMax, for the log

  bool operator==(const ScanSummary&) const = default;
};

}  // namespace faultline::store

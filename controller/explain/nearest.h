// What may have been meant where nothing matched. Thread safety: pure.
#pragma once

#include <string_view>
#include <vector>

#include "controller/explain/catalogue.h"

namespace faultline::explain {

inline constexpr std::size_t kNearestMax = 5;

// The candidates whose name, other name or number is closest to `text` (normalized), best first.
// What would need more than a third of its letters changed is not near: it is told only where no
// name is, and never of a number, nor where not one letter in four fits.
[[nodiscard]] std::vector<const Code*> nearest(const std::vector<const Code*>& candidates,
                                               std::string_view text);

}  // namespace faultline::explain

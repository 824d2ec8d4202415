// Findings: the chosen components as an engineer would name them.
//
// Why it exists: a device whose links lose at different rates, or that harms only half of its
// links, is chosen link by link, yet it is one fault. A device with k of m bad links costs one
// prior, the number k and one of C(m, k) subsets; k independent faults cost k priors, each the
// smaller the more faults the rest of the network has. The cheaper description is the finding.
//
// Thread safety: pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "controller/localize/selection.h"

namespace faultline::localize {

// The device that several findings have in common, were they one fault of it.
struct CommonDevice {
  std::uint32_t component = 0;
  double log_odds_against = 0;  // the findings as faults of their own against the one device
};

struct Finding {
  std::vector<std::size_t> members;  // indexes of Selection::chosen(); the leading one first
  std::uint32_t component = 0;       // that is named
  std::vector<std::uint32_t> links;  // that are bad: the component's, or a subset of a device's
  double log_odds_as_links = 0;  // of a device of parts, against its links as faults of their own
  bool of_parts = false;         // a device of which only `links` are bad
  std::optional<CommonDevice> common_device = std::nullopt;  // the likeliest; of links and cables
};

[[nodiscard]] std::vector<Finding> findings(const Selection& selection,
                                            const ComponentTable& components);

}  // namespace faultline::localize

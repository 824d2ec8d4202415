// Background: the loss exponent of a link that has no fault, one for host links and one for the
// fabric.
//
// Why it exists: a fault is what stands out of the background, so the background must not swallow
// the faults. Expectation-maximization shares the losses of each lossy flow out over the links it
// crossed; links whose share is far above that of their tier are left out of the average. It is
// fitted again whenever a suspect was added, because it falls as the big faults are explained.
//
// Thread safety: pure.
#pragma once

#include <vector>

#include "controller/localize/components.h"
#include "controller/localize/likelihood.h"

namespace faultline::localize {

struct Background {
  double host = 5e-5;
  double fabric = 5e-5;
};

// `excluded` (by link) marks the links of present suspects: their losses are the suspects'.
[[nodiscard]] Background fit_background(const Likelihood& likelihood, const Problem& problem,
                                        const ComponentTable& components,
                                        const std::vector<std::uint8_t>& excluded);

[[nodiscard]] std::vector<double> background_by_link(const Background& background,
                                                     const ComponentTable& components,
                                                     std::size_t link_count);

}  // namespace faultline::localize

// Flow names: how a verdict quotes a flow, and which of equally telling flows it quotes.
//
// Why it exists: the same observations reach the localizer in another order from a bundle than
// live, and the verdict must not differ by that.
//
// Thread safety: pure.
#pragma once

#include <string>

#include "controller/localize/problem.h"

namespace faultline::localize {

// "h1:61003>h5"; "h1 to h5" for a flow without a name.
[[nodiscard]] std::string flow_name(const ObservationSet& set, const FlowRecord& flow);
// An order of flows that depends on names only.
[[nodiscard]] bool named_before(const ObservationSet& set, const FlowRecord& a,
                                const FlowRecord& b);

}  // namespace faultline::localize

// Counsel: which further measurement would change a verdict, in words and numbers.
//
// Why it exists: at 03:00 the question after "who is it" is "how would I know if that is wrong".
// Numbers of packets come from the sequential probability ratio (Wald, 1945): each packet across
// the suspect alone is worth the log ratio of what the fault and the background make of it.
//
// Thread safety: pure.
#pragma once

#include <cstdint>
#include <string>

#include "controller/localize/localizer.h"

namespace faultline::localize {

struct CounselInput {
  double log_odds = 0;       // of the suspect against "no fault here", now
  double background = 0;     // share lost per packet without a fault
  std::string own_flow;      // a flow that crosses the suspect and no other; may be empty
  std::string telling_flow;  // one that crosses only one of the group; may be empty
};

// Packets across the suspect but not its rival that tell the two apart at 20 : 1.
[[nodiscard]] std::uint64_t packets_to_split(double loss, double background);

// "Of the next 410 packets over h1:50003>h9:862 about 5 should be lost; if none is, this is wrong
// or over (20 : 1)."
[[nodiscard]] std::string what_would_change(const Suspect& suspect, const CounselInput& input);

}  // namespace faultline::localize

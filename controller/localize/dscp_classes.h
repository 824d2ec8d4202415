// DSCP classes: whether a component loses the packets of one class only.
//
// Why it exists: a queue without room, or a policer, drops one class and passes the others. Over
// all classes its loss looks small and random, and the engineer looks at optics instead of the
// queue. Each class that was sent is a model of its own (it loses at some rate, the others only
// what the rest of the network explains) and competes by Bayes factor with one rate for all, as a
// size limit does (size_classes.h).
//
// Thread safety: pure.
#pragma once

#include <optional>
#include <vector>

#include "controller/localize/size_classes.h"

namespace faultline::localize {

struct ClassedFlow {
  std::int16_t dscp = 0;
  SizedFlow flow;  // its size does not matter here
};

struct DscpClass {
  std::int16_t dscp = 0;
  std::uint64_t flows = 0;
  std::uint64_t bad_flows = 0;
  double share = 1;  // of all packets that cross, in this class
  double log_odds = 0;
};

// Empty unless one class is clearly the better explanation. Flows without a DSCP must be left out.
[[nodiscard]] std::optional<DscpClass> find_dscp_class(const std::vector<ClassedFlow>& flows);

}  // namespace faultline::localize

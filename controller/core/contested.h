// What a verdict leaves open, with the flows that could settle it: the localizer's words and
// observations turned into adaptive probing's (controller/plan/adaptive.h).
//
// Contested are suspects below confirmation, the members of an ambiguity group that packets could
// split, and near misses, in this order. Known to be bad is what the confirmed suspects hold.
//
// Pure and reentrant; runs where the solve runs.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "controller/localize/localizer.h"
#include "controller/localize/observation_set.h"
#include "controller/plan/adaptive_flows.h"
#include "controller/plan/sequential_test.h"

namespace faultline::core {

// Near misses that are looked at, per verdict.
inline constexpr std::uint32_t kNearMissesMax = 64;

// A session and the routes it takes.
struct SessionRoutes {
  plan::FlowKey key;
  localize::RouteIndex forward = localize::kNoRoute;
  localize::RouteIndex back = localize::kNoRoute;  // kNoRoute: nothing is known of the way back
};

struct OpenQuestions {
  std::vector<plan::ContestedFlows> contested{};
  std::vector<std::string> suspects{};  // confirmed
  std::size_t nodes_sick = 0;           // whose own measurements mean little
  std::uint64_t packets = 0;            // of the verdict, for what an ordinary flow loses
  std::uint64_t lost = 0;

  bool operator==(const OpenQuestions&) const = default;
};

// Sessions with several candidates for a route, or a hop that stayed silent, are of no use here.
[[nodiscard]] OpenQuestions open_questions(const localize::ObservationSet& set,
                                           const localize::Verdict& verdict,
                                           std::span<const SessionRoutes> sessions);

}  // namespace faultline::core

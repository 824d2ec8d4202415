// Confirmations: what extra packets brought, test by test, for the incidents that they were about.
//
// Why it exists: on suspicion adaptive probing (controller/plan/adaptive.h) spends a short burst on
// flows that tell the leading hypotheses apart. An engineer wants to read that in the incident:
// "confirmed: 0.71 -> 0.99 after 640 extra packets".
//
// Bounds: kConfirmationsMax components; the one that ended first is forgotten.
//
// Thread safety: none; owned by the core.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "common/base/time.h"
#include "controller/core/contested.h"
#include "controller/core/solve.h"
#include "controller/incident/incident.h"
#include "controller/plan/adaptive.h"

namespace faultline::core {

inline constexpr std::size_t kConfirmationsMax = 256;

// How likely each component is at fault by itself, in the words of one verdict: a member of a group
// that cannot be told apart is at most 0.5, whatever the group is.
using Probabilities = std::map<std::string, double>;
[[nodiscard]] Probabilities probabilities_of(const localize::Verdict& verdict,
                                             const std::vector<plan::ContestedFlows>& contested);

class Confirmations {
 public:
  // After a verdict; `events` are what the prober made of it.
  void follow(const std::vector<plan::TestEvent>& events, const plan::AdaptiveProber& prober,
              const Probabilities& probabilities, WallTime end);

  // Of the test that says most of the incident's component: its own, else one of its group's;
  // nothing when the test was over before the incident's onset: it was about something else.
  [[nodiscard]] std::optional<incident::Confirmation> of(const incident::Incident& incident) const;

 private:
  void make_room();

  std::map<std::string, incident::Confirmation> by_component_;
};

}  // namespace faultline::core

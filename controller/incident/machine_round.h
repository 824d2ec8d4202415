// For the sources of the machine only: one window being judged.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "controller/incident/machine.h"

namespace faultline::incident {

// What happens to the incidents in one window. Indexes are those of incidents_.
struct Machine::Round {
  const JudgedWindow& window;
  Outcome outcome;
  std::vector<std::vector<const Suspect*>> attached;  // strongest first
  std::vector<bool> named;  // its present component is one of the suspects
  std::vector<bool> changed;
  std::vector<Hold> holds;

  [[nodiscard]] WallTime heard_at() const { return std::max(window.end, window.judged_at); }
  Incident& touch(std::vector<Incident>& incidents, std::size_t index) {
    changed[index] = true;
    incidents[index].updated_at = window.end;
    return incidents[index];
  }
};

// The node that is the suspect, or that it leads to or from: {"h1", "h1>leaf1", "leaf1=h1"}; null
// when none of `nodes` is.
[[nodiscard]] const std::string* find_end(const std::vector<std::string>& nodes,
                                          const Suspect& suspect);

}  // namespace faultline::incident

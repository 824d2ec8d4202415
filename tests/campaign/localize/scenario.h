// Scenarios of the campaign: what is broken, how much is measured, and what a perfect localizer
// would name.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "controller/localize/observation_set.h"
#include "tests/campaign/localize/fabric.h"

namespace faultline::campaign {

enum class Paths { kKnown, kCandidates, kMixed, kRoundTrip, kSilent };

struct Scenario {
  std::string name;
  std::string what;
  bool small =
      false;  // 4 x 4 leaf-spine with 16 hosts and 8 flows per pair, else the k = 10 fat tree
  std::uint32_t packets_per_host = 1000;  // fat tree: over 165 flows
  std::uint32_t windows = 1;              // leaf-spine: each flow sends 10 packets per window
  std::uint32_t links = 0;
  std::uint32_t cables = 0;
  std::uint32_t devices = 0;
  std::uint32_t half_devices = 0;
  std::uint32_t hosts = 0;
  double loss_min = 0.001;
  double loss_max = 0.01;
  bool log_uniform = false;
  bool host_links = false;  // faults may be on host links
  bool only_host_links = false;
  double black_hole = 0;  // share of flows that the faulty links swallow, instead of loss
  double congested = 0;   // share of links that lose 2e-4 to 8e-4 and are no fault
  double background_min = 1e-5;
  double background_max = 1e-4;
  std::uint32_t healthy_windows = 0;  // before the fault
  Paths paths = Paths::kKnown;
  bool delays = true;            // observations carry delays (delay.h)
  std::uint32_t slow_links = 0;  // add slow_us to every packet and lose nothing
  double slow_us = 200;
  std::uint32_t jammed_links = 0;  // congested so badly that they are a fault: see DelayModel
};

[[nodiscard]] std::vector<Scenario> scenarios();

struct Case {
  localize::ObservationSet set;
  std::set<std::string> truth;
};
[[nodiscard]] Case make_case(const Scenario& scenario, std::uint64_t seed);

}  // namespace faultline::campaign

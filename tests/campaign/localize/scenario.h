// Scenarios of the campaign: what is broken and how much is measured. One setting of the localizer
// serves them all.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace faultline::campaign {

enum class Paths { kKnown, kCandidates, kMixed, kRoundTrip, kSilent };
enum class Shape { kFatTree, kLeafSpine, kOversubscribed, kThreeTier, kWan, kVpc, kEdgeList };

struct Scenario {
  std::string name;
  std::string what;
  Shape shape = Shape::kFatTree;
  std::string edges = {};                 // the text of an edge list, for kEdgeList
  std::uint32_t packets_per_host = 1000;  // fat tree: over 165 flows
  // Elsewhere every pair of hosts has 8 flows, each of which sends so many packets per window.
  std::uint32_t packets_per_window = 10;
  std::uint32_t windows = 1;
  std::uint32_t links = 0;
  std::uint32_t cables = 0;
  std::uint32_t devices = 0;
  std::uint32_t half_devices = 0;
  std::uint32_t hosts = 0;
  std::uint32_t sick_hosts = 0;  // probers that spoil .5-5 % of their packets, and say so
  std::uint32_t mtu_links = 0;   // links that drop what is larger than 1,500 bytes
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
};

[[nodiscard]] const std::vector<Scenario>& scenarios();
// The eleven whose mean F1 is the campaign's headline.
[[nodiscard]] bool is_link_scenario(const Scenario& scenario);

}  // namespace faultline::campaign

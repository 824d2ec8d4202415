// False alarms: how often the localizer accuses anybody in windows without a fault.
//
// The background is that of a production network: of the links that corrupt packets at all, those
// below 1e-4 (CorrOpt, SIGCOMM 2017: 47 in 65 of these lose 1e-8 to 1e-5, 18 in 65 lose 1e-5 to
// 1e-4), and 5 % of links congested by day, with up to 3e-4 of loss and the delays that go with it.
// Higher rates of CorrOpt's mix are faults and would be found rightly. A window is one verdict: of
// ten, eight are over a minute of probes at one per second and flow, two over five minutes.
//
// Fabric: the 4 x 4 leaf-spine with 16 hosts, 1,920 flows.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace faultline::campaign {

struct FalseAlarms {
  std::uint64_t windows = 0;
  std::uint64_t with_suspects = 0;
  std::uint64_t confident = 0;  // with a posterior of .9 or more, which opens an incident
  std::uint64_t packets = 0;
  std::uint64_t lost = 0;
  double cpu_ms = 0;  // mean of a solve
  std::string first;  // the first few accusations, to look at
};

using WindowProgress = std::function<void(std::uint64_t done)>;
[[nodiscard]] FalseAlarms count_false_alarms(std::uint64_t windows, std::uint64_t seed,
                                             const WindowProgress& progress);

}  // namespace faultline::campaign

// Coverage: what a set of flows can see, tell apart and detect, and what it costs each link.
//
// Why it exists: before a fault comes, on-call and whoever changes the plan must know which links
// nobody watches, which ones an alert will name together, and how small a loss can be found at all.
//
// The smallest detectable loss. A verdict needs about five losses on a link (kLossesNeeded;
// measured for this localizer: four to six well above the background, more near it). Where n
// packets cross the link within the horizon, p n losses are expected, so the smallest rate is p = 5
// / n with n = packets per second across the link, in its direction, times the horizon's seconds.
//
// Worst case of a link: every flow that crosses it, as often as planned, and every node whose flows
// cross it tracing just those: kPathHopsMax packets for each trace, forward by the senders, back by
// the reflectors.
//
// Pure.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "controller/plan/flow_routes.h"

namespace faultline::plan {

inline constexpr double kLossesNeeded = 5;
inline constexpr std::array<std::chrono::seconds, 3> kHorizons{
    std::chrono::minutes{1}, std::chrono::minutes{5}, std::chrono::minutes{30}};

struct DirectedLink {
  std::uint32_t from = 0;  // numbers of devices, the caller's
  std::uint32_t to = 0;
};

struct CoverageInput {
  const FlowRoutes& routes;
  std::vector<DirectedLink> links;         // by LinkNumber
  std::vector<bool> is_end;                // by device: flows begin or end there
  std::vector<double> packets_per_second;  // by FlowNumber, in each direction
  double bytes_per_packet = 72;            // STAMP over IPv4, headers included
  std::vector<std::uint16_t> sizes{};      // by FlowNumber; 0: bytes_per_packet. May be empty
  double traces_per_second = 0;            // of each node
};

struct LinkCoverage {
  std::uint32_t flows = 0;
  std::uint32_t host_pairs = 0;
  double packets_per_second = 0;
  double packets_per_second_max = 0;  // with traces
  double bytes_per_second_max = 0;
  std::array<std::optional<double>, kHorizons.size()> loss_min{};  // empty: none can be found
  bool alone = false;   // crossed, and by other rows than any other link
  bool masked = false;  // faults on two others at once would look like one on it as well

  [[nodiscard]] bool covered() const { return flows > 0; }
  bool operator==(const LinkCoverage&) const = default;
};

enum class WhyTogether : std::uint8_t {
  kSeries,        // nothing branches between them: whatever crosses one crosses all
  kNoFlowSplits,  // it could be done, but no measured flow crosses one without the others
};
[[nodiscard]] std::string_view to_string(WhyTogether why);

// Links with equal footprints: a fault on one looks like a fault on any.
struct LinkGroup {
  std::vector<LinkNumber> links{};  // ascending
  WhyTogether why = WhyTogether::kNoFlowSplits;

  bool operator==(const LinkGroup&) const = default;
};

struct Coverage {
  std::vector<LinkCoverage> links{};    // by LinkNumber
  std::vector<LinkNumber> uncovered{};  // ascending
  std::vector<LinkGroup> groups{};      // by their first link
  std::uint32_t covered = 0;
  std::uint32_t identifiable = 0;  // alone, or together only with links in series
  std::uint32_t unmasked = 0;      // of the covered ones

  bool operator==(const Coverage&) const = default;
};

[[nodiscard]] Coverage coverage_of(const CoverageInput& input);

}  // namespace faultline::plan

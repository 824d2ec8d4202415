#include "controller/core/sickness.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "controller/localize/observation_set.h"

namespace faultline::core {
namespace {

// A probe that was never late by so much was not hit, whatever its machine did: the kernel stamps
// what leaves and arrives, answers wait in a socket's buffer, and a round trip is told without the
// time that a reflector takes. Later, queues fill, a burst is sent instead of a flow, and a
// processor that is not running stamps late, too: an error of a hundred round trips in a fabric.
constexpr Duration kLate = std::chrono::milliseconds{10};
// One or two hundredths are everyday on a virtual machine; from here on rules over facts warn, too.
constexpr double kHeldLeast = 0.05;
constexpr double kHeldMost = 0.5;  // that nothing is believed beyond
// Below, chance and start-up.
constexpr double kSoftnetLeast = 0.01;
// Of anybody's packets: how many were the prober's own is not known. Hence counted once, not
// kSickPerLoss times, and a doubt at most: less than what makes a window void (0.5).
constexpr double kSoftnetMost = 0.4;
constexpr Duration kStepTold = std::chrono::milliseconds{100};

double ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

// What the prober itself failed to receive or send looks like loss of the network. A tenth of that
// share is enough to distrust a window in which losses of one in a thousand are looked for.
Sickness of_own_losses(const ProberHealth& health, double sent) {
  const double lost =
      static_cast<double>(health.receive_drops) + static_cast<double>(health.send_failures);
  Sickness sick{.share = std::min(1.0, localize::kSickPerLoss * lost / sent)};
  if (health.receive_drops > 0) {
    sick.why = fmt::format("{} packets dropped on receipt", health.receive_drops);
  }
  if (health.send_failures > 0) {
    sick.why += fmt::format("{}{} not sent", sick.why.empty() ? "" : ", ", health.send_failures);
  }
  return sick;
}

Sickness of_backlog(const ProberHealth& health, double sent) {
  const double share = health.softnet_drops / sent;
  if (share < kSoftnetLeast) return {};
  return {
      .share = std::min(kSoftnetMost, share),
      .why = fmt::format("its kernel dropped {} packets for a full backlog", health.softnet_drops)};
}

Sickness of_processor(double held, std::string_view who, std::string_view what) {
  if (held < kHeldLeast) return {};
  return {.share = std::min(1.0, (held - kHeldLeast) / (kHeldMost - kHeldLeast)),
          .why = fmt::format("{} took {:.0f} % of {} in that window", who,
                             100 * std::min(held, 1.0), what)};
}

// Without its sign. What a peer told may be the least number that there is.
std::string span(std::int64_t nanoseconds) {
  const Duration whole{nanoseconds < 0 ? -(nanoseconds + 1) : nanoseconds};
  return format_duration(std::chrono::round<std::chrono::milliseconds>(whole));
}

}  // namespace

Sickness sickness(const Report& report) {
  std::uint64_t packets = 0;
  for (const auto& flow : report.flows) packets += flow.sent;
  if (packets == 0) return {};
  const auto& health = report.health;
  const auto sent = static_cast<double>(packets);
  std::array<Sickness, 4> found{of_own_losses(health, sent), of_backlog(health, sent)};
  if (health.lateness_max_ns >= static_cast<std::uint64_t>(kLate.count())) {
    // Of a probe that does not tell how many processors there are, nothing is known.
    found[2] = of_processor(
        ratio(static_cast<double>(health.stolen_ns), static_cast<double>(health.processor_ns)),
        "the hypervisor", "its processors");
    found[3] = of_processor(
        ratio(static_cast<double>(health.throttled_ns), static_cast<double>(report.window.count())),
        "the CPU limit of its control group", "the probe's time");
  }
  return *std::ranges::max_element(found, {}, &Sickness::share);
}

bool is_clock_wrong(const ProberHealth& health) {
  const Duration step{health.clock_step_ns};
  return health.clock_offset_ns != 0 || step >= kStepTold || step <= -kStepTold;
}

std::string clock_trouble(const ProberHealth& health) {
  if (health.clock_offset_ns != 0) {
    return fmt::format("its clock is {} {}", span(health.clock_offset_ns),
                       health.clock_offset_ns > 0 ? "ahead" : "behind");
  }
  if (is_clock_wrong(health)) {
    return fmt::format("its clock was set {} by {}", health.clock_step_ns > 0 ? "forward" : "back",
                       span(health.clock_step_ns));
  }
  return health.clock == ClockSync::kFree ? "nothing keeps its clock" : "";
}

}  // namespace faultline::core

// Report: what a probe found in one window, and the paths it traced meanwhile.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/time.h"
#include "common/model/ids.h"
#include "common/model/path.h"
#include "common/stats/histogram.h"

namespace faultline {

inline constexpr std::size_t kReportFlowsMax = 4096;
inline constexpr std::size_t kReportPathsMax = 4096;

// One tracked flow in one window. sent = answered + lost_forward + lost_return + lost_undetermined.
// Undetermined: lost, but the replies at hand cannot tell in which direction (FIELD.md's rule).
struct FlowWindow {
  NodeId target{};
  std::uint16_t source_port = 0;
  std::uint16_t size = 0;  // bytes of its IP packets as sent; 0: as small as they can be
  std::uint8_t dscp = 0;   // as sent
  // With what DSCP its packets come to the far end, and the replies, sent with `dscp`, back: as the
  // newest reply says. Empty: not told, by an older far end or of a flow without a class.
  std::optional<std::uint8_t> dscp_there{};
  std::optional<std::uint8_t> dscp_back{};
  std::uint32_t dscp_rewritten = 0;  // answered packets that came there with another than `dscp`
  std::uint32_t sent = 0;
  std::uint32_t lost_forward = 0;
  std::uint32_t lost_return = 0;
  std::uint32_t lost_undetermined = 0;
  std::uint32_t duplicated = 0;
  std::uint32_t reordered = 0;
  std::uint32_t late = 0;  // answered, but after the plan's reply_timeout
  // Round trip without the reflector's dwell, nanoseconds. All three are 0 when nothing was
  // answered.
  std::uint64_t rtt_min_ns = 0;
  std::uint64_t rtt_mean_ns = 0;
  std::uint64_t rtt_max_ns = 0;

  [[nodiscard]] std::uint32_t answered() const {
    return sent - lost_forward - lost_return - lost_undetermined;
  }
  bool operator==(const FlowWindow&) const = default;
};

// The delay distribution towards one target over all its flows.
struct TargetDelay {
  NodeId target{};
  stats::Histogram rtt{};  // nanoseconds

  bool operator==(const TargetDelay&) const = default;
};

// Whether something keeps the system's clock right, as its kernel knows: chrony, ntpd,
// systemd-timesyncd and phc2sys all tell it (adjtimex(2)).
enum class ClockSync : std::uint8_t { kUnknown, kSynchronised, kFree };

// The prober's own health in the window: what makes a window untrustworthy is said with it.
struct ProberHealth {
  std::uint64_t lateness_max_ns = 0;    // the longest a due packet waited, but for budget
  std::uint32_t receive_drops = 0;      // SO_RXQ_OVFL: the kernel dropped for want of buffer
  std::uint32_t send_failures = 0;      // packets the kernel refused twice in a row
  std::uint32_t budget_deferred = 0;    // packets put off by the packets-per-second budget
  std::uint32_t replies_unmatched = 0;  // replies that fit no open session
  std::uint32_t reflector_refused = 0;  // packets from strangers, not answered
  // Of the machine meanwhile, as far as its kernel tells.
  std::uint32_t softnet_drops = 0;  // packets of anybody, dropped for a full backlog (softnet_stat)
  std::uint64_t throttled_ns = 0;   // the probe held back by the CPU limit of its control group
  std::uint64_t stolen_ns = 0;      // taken by the hypervisor, of all processors together
  std::uint64_t processor_ns = 0;   // that all of them had, stolen_ns included; 0: not known
  ClockSync clock = ClockSync::kUnknown;
  std::int64_t clock_step_ns = 0;  // by how much the wall clock was set; forward is positive
  // Noted by the controller: how far the node's clock was ahead of its own, where that was more
  // than a quarter of a window. The window was moved by the nearest number of whole windows.
  std::int64_t clock_offset_ns = 0;

  bool operator==(const ProberHealth&) const = default;
};

struct Report {
  PlanRevision plan{};
  WallTime window_start{};  // aligned to UTC
  Duration window = std::chrono::seconds{10};
  ProberHealth health{};
  std::vector<FlowWindow> flows{};
  std::vector<TargetDelay> delays{};
  std::vector<PathRecord> paths{};

  bool operator==(const Report&) const = default;
};

}  // namespace faultline

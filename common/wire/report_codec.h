// The wire and store form of a Report (schemas/report.capnp): columns, of which those that hold
// only zeros cost nothing. A flow takes 30 bytes in a window without loss.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/base/result.h"
#include "common/model/report.h"

namespace faultline::wire {

[[nodiscard]] std::vector<std::byte> encode(const Report& report);
// Refuses what breaks a range of schemas/report.capnp, counts that do not add up, and a flow or
// target reported twice.
[[nodiscard]] Result<Report> decode_report(std::span<const std::byte> bytes);
// Of the flows and delays only those to `target`, and no paths: what is left out is not checked.
[[nodiscard]] Result<Report> decode_report(std::span<const std::byte> bytes, NodeId target);

// What a report says of a target, over all flows. Counts as in FlowWindow.
struct TargetSum {
  NodeId target{};
  std::uint64_t flow_windows = 0;
  std::uint64_t sent = 0;
  std::uint64_t lost_forward = 0;
  std::uint64_t lost_return = 0;
  std::uint64_t lost_undetermined = 0;
  stats::Histogram rtt{};
};
// What matrices are made of: columns that they do not need are not read. A target may come in
// pieces: add them up. For what was decoded before, when it was stored: only its form is checked.
[[nodiscard]] Result<std::vector<TargetSum>> decode_sums(std::span<const std::byte> bytes);

}  // namespace faultline::wire

// The wire and store form of a Report (schemas/report.capnp): columns, of which those that hold
// only zeros cost nothing. A flow takes 30 bytes in a window without loss.
#pragma once

#include <cstddef>
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

}  // namespace faultline::wire

// The wire and disk form of a Plan (schemas/plan.capnp).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "common/base/result.h"
#include "common/model/plan.h"

namespace faultline::wire {

[[nodiscard]] std::vector<std::byte> encode(const Plan& plan);
// Refuses what breaks a range of schemas/plan.capnp, a flow without its peer, a peer listed twice.
[[nodiscard]] Result<Plan> decode_plan(std::span<const std::byte> bytes);

// What decode_plan checks, for a plan that was made rather than received.
[[nodiscard]] Status validate_plan(const Plan& plan);

}  // namespace faultline::wire

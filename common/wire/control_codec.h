// The control conversation's wire form (schemas/control.capnp).
//
// decode never throws and never reads outside of `bytes`, which need not be aligned. Errors:
// kUnsupported for a message kind that this build does not know (ignore and count it), kInvalid or
// kLimit for anything malformed. A Join or Hello of another protocol_major decodes with nothing but
// its protocol fields set, so that it can be refused by version; likewise a Welcome.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "common/base/result.h"
#include "common/model/control.h"

namespace faultline::wire {

// Longer free texts (Refusal::text, PlanAck::reason, software) are cut when encoded, and control
// characters become '?'; decode refuses both.
inline constexpr std::size_t kTextLengthMax = 512;
// The range of Welcome::heartbeat_interval.
inline constexpr Duration kHeartbeatIntervalMin = std::chrono::milliseconds{10};
inline constexpr Duration kHeartbeatIntervalMax = std::chrono::minutes{10};

[[nodiscard]] std::vector<std::byte> encode(const ProbeMessage& message);
[[nodiscard]] std::vector<std::byte> encode(const ControllerMessage& message);
[[nodiscard]] Result<ProbeMessage> decode_probe_message(std::span<const std::byte> bytes);
[[nodiscard]] Result<ControllerMessage> decode_controller_message(std::span<const std::byte> bytes);

}  // namespace faultline::wire

// One name for the four codecs, so that a test can be written once for all of them.
#pragma once

#include "common/wire/control_codec.h"
#include "common/wire/mesh_codec.h"
#include "common/wire/plan_codec.h"
#include "common/wire/report_codec.h"
#include "tests/support/random_values.h"

namespace faultline::tests {

struct ProbeCodec {
  using Value = ProbeMessage;
  static Value random(Rng& rng) { return random_probe_message(rng); }
  static auto decode(std::span<const std::byte> bytes) { return wire::decode_probe_message(bytes); }
};
struct ControllerCodec {
  using Value = ControllerMessage;
  static Value random(Rng& rng) { return random_controller_message(rng); }
  static auto decode(std::span<const std::byte> bytes) {
    return wire::decode_controller_message(bytes);
  }
};
struct PlanCodec {
  using Value = Plan;
  static Value random(Rng& rng) { return random_plan(rng); }
  static auto decode(std::span<const std::byte> bytes) { return wire::decode_plan(bytes); }
};
struct ReportCodec {
  using Value = Report;
  static Value random(Rng& rng) { return random_report(rng); }
  static auto decode(std::span<const std::byte> bytes) { return wire::decode_report(bytes); }
};
struct MeshCodec {
  using Value = MeshMessage;
  static Value random(Rng& rng) { return random_mesh_message(rng); }
  static auto decode(std::span<const std::byte> bytes) { return wire::decode_mesh_message(bytes); }
};

}  // namespace faultline::tests

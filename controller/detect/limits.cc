#include "controller/detect/limits.h"

#include <fmt/format.h>

namespace faultline::detect {

std::string_view to_string(PairClass pair_class) {
  switch (pair_class) {
    case PairClass::kHostHost:
      return "host-host";
    case PairClass::kHostVm:
      return "host-vm";
    case PairClass::kVmVm:
      return "vm-vm";
    case PairClass::kWan:
      return "wan";
  }
  return "host-host";
}

Status validate(const DetectConfig& config) {
  for (std::size_t i = 0; i < kPairClasses; ++i) {
    const auto& limit = config.limits[i];
    const auto bad = [&](std::string_view text) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("limits.{}: {}", to_string(static_cast<PairClass>(i)), text));
    };
    if (limit.delay <= Duration::zero()) return bad("delay must be above 0");
    if (!(limit.loss > 0 && limit.loss <= 1)) return bad("loss must be above 0 and at most 1");
    if (limit.shift_min < Duration::zero()) return bad("shift_min must not be negative");
  }
  if (config.accept_after < std::chrono::minutes{10}) {
    return fail(ErrorCode::kInvalid, "accept_after must be at least 10m");
  }
  return {};
}

PairClass class_of(const Party& left, const Party& right) {
  if (!left.zone.empty() && !right.zone.empty() && left.zone != right.zone) return PairClass::kWan;
  if (left.is_vm && right.is_vm) return PairClass::kVmVm;
  return left.is_vm || right.is_vm ? PairClass::kHostVm : PairClass::kHostHost;
}

}  // namespace faultline::detect

// Inputs as the document "faultline.diagnosis_inputs/1": a recorded case, to be answered again
// without a controller, or to become a test. Thread safety: pure.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "common/base/result.h"
#include "controller/diagnose/inputs.h"

namespace faultline::diagnose {

inline constexpr std::size_t kInputsTextMax = 64 << 20;  // bytes

[[nodiscard]] std::string_view to_string(ProbeState state);

[[nodiscard]] nlohmann::json inputs_json(const Inputs& inputs);
// One sentence on the first mistake; members that nobody knows are ignored.
[[nodiscard]] Result<Inputs> inputs_from_json(const nlohmann::json& document);
[[nodiscard]] Result<Inputs> inputs_from_text(std::string_view text);

}  // namespace faultline::diagnose

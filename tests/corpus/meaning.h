// What a message means, as JSON: every field of the domain's value under its own name.
//
// Why it exists: the corpus keeps this beside each frozen message, so that a test can say what an
// old message meant when it was written, without trusting the codec under test.
#pragma once

#include <nlohmann/json.hpp>

#include "common/model/control.h"
#include "common/model/mesh.h"
#include "common/model/report.h"

namespace faultline::corpus {

[[nodiscard]] nlohmann::json meaning(const ProbeMessage& message);
[[nodiscard]] nlohmann::json meaning(const ControllerMessage& message);
[[nodiscard]] nlohmann::json meaning(const MeshMessage& message);
[[nodiscard]] nlohmann::json meaning(const Plan& plan);
[[nodiscard]] nlohmann::json meaning(const Report& report);

}  // namespace faultline::corpus

// The document "faultline.capture/1": a comparison and what it means, for the API and `-o json`.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "controller/capture/verdict.h"

namespace faultline::capture {

[[nodiscard]] nlohmann::ordered_json to_json(const Comparison& comparison, const Verdict& verdict);

}  // namespace faultline::capture

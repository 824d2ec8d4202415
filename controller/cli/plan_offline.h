// `faultline plan coverage --bundle FILE`: what the flows of a bundle cover, without a controller.
#pragma once

#include <string>

#include "controller/cli/failure.h"

namespace faultline::cli {

// The document "faultline.plan_coverage/1". A flow's rate is what it sent over the bundle's time.
[[nodiscard]] Outcome<std::string> coverage_offline(const std::string& file);

}  // namespace faultline::cli

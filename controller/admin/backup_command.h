// `faultline-controller backup`: asks the running controller for a checkpoint, or makes one itself
// where none runs, and packs it.
#pragma once

#include <filesystem>
#include <string>

#include "common/base/result.h"
#include "controller/app/config.h"

namespace faultline::admin {

// One line for stdout on what was packed.
[[nodiscard]] Result<std::string> back_up(const app::ControllerConfig& config,
                                          const std::filesystem::path& to);

}  // namespace faultline::admin

// The list `tests` of the configuration: standing tests.
#pragma once

#include "common/config/document.h"
#include "controller/core/standing_tests.h"

namespace faultline::app {

void read_tests(config::Section& root, core::StandingOptions& options);

}  // namespace faultline::app

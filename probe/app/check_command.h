// `faultline-probe check`: reads what check.h judges, and prints it. Changes nothing: ports are
// opened and closed at once, and a connection to each controller likewise.
#pragma once

#include "probe/app/config.h"

namespace faultline::probe_app {

// Prints a line for each check ("faultline.probe_check/1" with `json`) and returns the exit code: 0
// when nothing failed.
[[nodiscard]] int run_check(const ProbeConfig& config, bool json);

}  // namespace faultline::probe_app

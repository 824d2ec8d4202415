// `faultline-probe --health`: judges the record that the running probe keeps. For container health
// checks, and for deployments that wait until a node measures.
#pragma once

#include <filesystem>
#include <optional>

#include "common/base/time.h"

namespace faultline::probe_app {

// Prints one line on stdout and returns the exit code: 0 healthy, 1 not. With `wait` it looks again
// and again, for so long at most, until the probe is healthy and measuring with its controller;
// what it waits for is said on stderr.
[[nodiscard]] int run_health(const std::filesystem::path& state_dir, std::optional<Duration> wait);

}  // namespace faultline::probe_app

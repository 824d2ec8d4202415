// `faultline-controller --health`: asks the controller of this machine how it is. For container
// health checks, and for deployments that wait until it serves.
#pragma once

#include <filesystem>
#include <optional>

#include "common/base/time.h"

namespace faultline::admin {

// Prints one line on stdout and returns the exit code: 0 healthy, 1 not. With `wait` it asks again
// and again for so long at most; what it waits for is said on stderr.
[[nodiscard]] int run_health(const std::filesystem::path& api_socket, std::optional<Duration> wait);

}  // namespace faultline::admin

// What the manual of faultline-probe says beside its options.
#pragma once

#include "common/manual/facts.h"

namespace faultline::probe_app {

[[nodiscard]] manual::Facts probe_manual();

}  // namespace faultline::probe_app

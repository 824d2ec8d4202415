// What the manual of faultline-controller says beside its options.
#pragma once

#include "common/manual/facts.h"

namespace faultline::admin {

[[nodiscard]] manual::Facts controller_manual();

}  // namespace faultline::admin

// The documents about alerts on their way. Thread safety: pure.
#pragma once

#include <string>

#include "controller/api/views.h"

namespace faultline::api {

[[nodiscard]] std::string alerts_json(const AlertsView& alerts);
[[nodiscard]] std::string alert_test_json(const AlertTestView& test);

}  // namespace faultline::api

// The documents about what changed and what is abnormal. Thread safety: pure.
#pragma once

#include <string>

#include "controller/api/abnormal_views.h"

namespace faultline::api {

[[nodiscard]] std::string changes_json(const ChangesView& view);
[[nodiscard]] std::string anomalies_json(const AnomaliesView& view);

}  // namespace faultline::api

// Who is trusted, as the API shows it. Made on the loop.
#pragma once

#include "controller/api/views.h"
#include "controller/core/core.h"

namespace faultline::app {

// Without the tokens.
[[nodiscard]] api::TrustView trust_view(const core::ControllerCore& core);

}  // namespace faultline::app

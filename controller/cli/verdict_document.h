// The document "faultline.localize/1" back into a Verdict, so that a live answer and an offline one
// are shown by the same code. Thread safety: pure.
#pragma once

#include "controller/cli/document.h"
#include "controller/cli/failure.h"
#include "controller/localize/localizer.h"

namespace faultline::cli {

// A usage failure when it names a kind or class that this build does not know.
[[nodiscard]] Outcome<localize::Verdict> verdict_of(const Json& document);

}  // namespace faultline::cli

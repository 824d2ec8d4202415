// A verdict as the JSON document "faultline.localize/1" (schemas/bundle.md): stable key order,
// numbers as numbers, null where nothing was measured. Thread safety: pure.
#pragma once

#include <optional>
#include <string>

#include "controller/localize/localizer.h"

namespace faultline::localize {

// `solve_ms` is measured by the caller, who owns a clock; null in the document when absent.
// `unknown_records` of a bundle were skipped; without a bundle the document does not have the key.
[[nodiscard]] std::string verdict_json(const Verdict& verdict, std::optional<double> solve_ms,
                                       std::optional<std::uint64_t> unknown_records = {});

}  // namespace faultline::localize

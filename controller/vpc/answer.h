// Answers and import reports as JSON and in words.
// Thread safety: pure.
#pragma once

#include <string>

#include "controller/vpc/importer.h"
#include "controller/vpc/reach.h"

namespace faultline::vpc {

// "web (i-1) may not talk to db (i-2) on tcp 5432: no inbound rule of ..."
[[nodiscard]] std::string sentence(const Answer& answer);
// The document "faultline.vpc_reach/1".
[[nodiscard]] std::string answer_json(const Answer& answer);
// The document "faultline.vpc_check/1"; with the model's inconsistencies (consistency.h).
[[nodiscard]] std::string check_json(const Import& import);

}  // namespace faultline::vpc

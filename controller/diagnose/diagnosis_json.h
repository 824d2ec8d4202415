// A diagnosis as the document "faultline.diagnosis/1" (README.md has its shape). Thread safety:
// pure.
#pragma once

#include <string>

#include "controller/diagnose/diagnosis.h"

namespace faultline::diagnose {

[[nodiscard]] std::string to_json(const Diagnosis& diagnosis);

}  // namespace faultline::diagnose

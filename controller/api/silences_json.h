// Silences and maintenance windows as JSON documents, as views_json.h has it.
#pragma once

#include <string>

#include "controller/api/views.h"

namespace faultline::api {

[[nodiscard]] std::string silences_json(const SilencesView& view);
[[nodiscard]] std::string silence_json(const incident::Silence& silence);

}  // namespace faultline::api

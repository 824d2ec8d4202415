// Facts as JSON: the document "faultline.facts/1", which is a snapshot file and what
// `faultline-probe facts` prints, so that what any machine says is a test case of a rule.
//
// Unknown members are ignored (a newer probe's). What was not read is left out. Thread safety:
// pure.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "common/base/result.h"
#include "common/facts/facts.h"

namespace faultline::facts {

inline constexpr std::string_view kSchema = "faultline.facts/1";
// Bytes of a document; a snapshot at all its bounds stays below it (a test fills one).
inline constexpr std::size_t kDocumentMax = 4 << 20;

[[nodiscard]] nlohmann::json to_json(const Facts& facts);
[[nodiscard]] std::string to_text(const Facts& facts);

// One sentence on the first mistake. Lists longer than the bounds of facts.h are refused.
[[nodiscard]] Result<Facts> from_json(const nlohmann::json& document);
[[nodiscard]] Result<Facts> from_text(std::string_view text);

}  // namespace faultline::facts

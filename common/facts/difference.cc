#include "common/facts/difference.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/facts/facts_json.h"

namespace faultline::facts {

std::string difference(const Facts& before, const Facts& after) {
  return nlohmann::json::diff(to_json(before), to_json(after)).dump();
}

Result<Facts> apply_difference(const Facts& before, std::string_view difference) {
  if (difference.size() > kDocumentMax) {
    return fail(ErrorCode::kLimit,
                fmt::format("a difference of facts has at most {} MiB", kDocumentMax >> 20));
  }
  const auto patch = nlohmann::json::parse(difference, nullptr, false);
  if (!patch.is_array() || patch.size() > kOperationsMax) {
    return fail(ErrorCode::kInvalid,
                "a difference of facts is not a JSON Patch of a reasonable size");
  }
  try {
    return from_json(to_json(before).patch(patch));
  } catch (const nlohmann::json::exception& error) {
    return fail(
        ErrorCode::kInvalid,
        fmt::format("a difference of facts does not fit the snapshot before it: {}", error.what()));
  }
}

}  // namespace faultline::facts

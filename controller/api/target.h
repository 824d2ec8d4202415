// The request target, taken apart: "/api/v1/nodes/a%2Db?x=1" -> segments and query parameters.
// Thread safety: pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace faultline::api {

struct Target {
  std::vector<std::string> segments;  // percent-decoded
  std::map<std::string, std::string> query;
};

// kInvalid for a bad percent escape, a parameter given twice, or a target that is not absolute.
[[nodiscard]] Result<Target> parse_target(std::string_view text);

[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);

}  // namespace faultline::api

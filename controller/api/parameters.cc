#include "controller/api/parameters.h"

#include <fmt/format.h>

namespace faultline::api {

Result<std::optional<WallTime>> time_parameter(const Parameters& query, const std::string& name) {
  const auto found = query.find(name);
  if (found == query.end()) return std::optional<WallTime>{};
  const auto time = parse_rfc3339(found->second);
  if (!time) {
    return fail(ErrorCode::kInvalid,
                fmt::format("'{}' must be an RFC 3339 time such as 2026-11-22T03:00:00Z", name));
  }
  return time;
}

Result<std::optional<Duration>> duration_parameter(const Parameters& query, const std::string& name,
                                                   Duration most) {
  const auto found = query.find(name);
  if (found == query.end()) return std::optional<Duration>{};
  const auto duration = parse_duration(found->second);
  if (!duration || *duration == Duration::zero() || *duration > most) {
    return fail(ErrorCode::kInvalid,
                fmt::format("'{}' must be a duration such as 30s, 10m or 2h, up to {}", name,
                            format_duration(most)));
  }
  return duration;
}

}  // namespace faultline::api

// For the sources of the routes only: parameters of a query that several routes have.
#pragma once

#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/base/time.h"
#include "controller/api/call.h"

namespace faultline::api {

// What one query may read, as app/queries.h has it: of raw windows, and of roll-ups.
inline constexpr Duration kHorizonMax = std::chrono::hours{24};
inline constexpr Duration kRollupHorizonMax = std::chrono::hours{24 * 366 * 3};

// RFC 3339. Empty when it is not given; kInvalid with a sentence for whoever asked.
[[nodiscard]] Result<std::optional<WallTime>> time_parameter(const Parameters& query,
                                                             const std::string& name);

// "10m": above zero, up to `most`. Empty and kInvalid as above.
[[nodiscard]] Result<std::optional<Duration>> duration_parameter(const Parameters& query,
                                                                 const std::string& name,
                                                                 Duration most = kHorizonMax);

}  // namespace faultline::api

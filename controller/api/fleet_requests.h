// Bodies of the requests that change the fleet: JSON -> values. A member that is not known, or has
// the wrong type or range, is refused by name. Thread safety: pure.
#pragma once

#include <string>

#include "common/base/result.h"
#include "controller/api/views.h"

namespace faultline::api {

// {"node": "h7", "labels": {"rack": "r17"}, "lifetime_s": 7200}; all optional, as is the body.
[[nodiscard]] Result<TokenRequest> parse_token_request(const std::string& body);
// {"name": "h7", "key": "64 hex digits", "labels": {...}}; labels are optional.
[[nodiscard]] Result<NodeRequest> parse_node_request(const std::string& body);
// {"force": true}; optional, as is the body.
[[nodiscard]] Result<bool> parse_force_request(const std::string& body);
// {"resolve": true}; optional, as is the body.
[[nodiscard]] Result<bool> parse_resolve_request(const std::string& body);

}  // namespace faultline::api

// For routes.cc only: what the routes of API tokens and the audit log do.
#pragma once

#include "controller/api/call.h"

namespace faultline::api {

[[nodiscard]] Response get_api_tokens(const Call& call);
[[nodiscard]] Response post_api_token(const Call& call);
[[nodiscard]] Response delete_api_token(const Call& call);
[[nodiscard]] Response get_audit(const Call& call);

}  // namespace faultline::api

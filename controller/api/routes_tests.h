// The routes of tests that operators order from nodes.
#pragma once

#include "controller/api/call.h"

namespace faultline::api {

[[nodiscard]] Response post_node_test(const Call& call);
[[nodiscard]] Response delete_test(const Call& call);
[[nodiscard]] Response get_test(const Call& call);
[[nodiscard]] Response get_standing_tests(const Call& call);

}  // namespace faultline::api

// For routes.cc only: what nodes say of themselves, and what is wrong with it.
#pragma once

#include "controller/api/call.h"

namespace faultline::api {

[[nodiscard]] Response get_node_facts(const Call& call);
[[nodiscard]] Response get_node_facts_changes(const Call& call);
[[nodiscard]] Response get_diagnosis(const Call& call);
[[nodiscard]] Response get_check(const Call& call);

}  // namespace faultline::api

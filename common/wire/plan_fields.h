// A Plan inside a message. Internal to this folder.
#pragma once

#include "common/base/result.h"
#include "common/model/plan.h"
#include "plan.capnp.h"

namespace faultline::wire {

void write_plan(schema::Plan::Builder builder, const Plan& plan);
[[nodiscard]] Result<Plan> read_plan(schema::Plan::Reader reader);

}  // namespace faultline::wire

// Ordered tests inside a message. Internal to this folder.
#pragma once

#include "common/base/result.h"
#include "common/model/test.h"
#include "control.capnp.h"

namespace faultline::wire {

void write_test(schema::TestRequest::Builder builder, const TestRequest& request);
[[nodiscard]] Result<TestRequest> read_test(schema::TestRequest::Reader reader);

void write_test(schema::TestProgress::Builder builder, const TestProgress& progress);
[[nodiscard]] Result<TestProgress> read_test(schema::TestProgress::Reader reader);

}  // namespace faultline::wire

// Carries out one TestOrder from beginning to end and says what was found, as the document
// "faultline.test/1" (common/ondemand/README.md).
//
// Blocks its thread until the test is over, the stop token asks it to end, or kTestLifeMax has
// passed. What is stopped early is a report too, of what was seen.
#pragma once

#include <functional>
#include <stop_token>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "common/base/result.h"
#include "common/ondemand/order.h"

namespace faultline::tester {

struct RunContext {
  std::stop_token stop{};
  // One line about how far it is, at most once per second; empty: nobody listens.
  std::function<void(std::string_view)> progress{};
};

// An error: it could not even begin, and why.
[[nodiscard]] Result<nlohmann::ordered_json> run_test(ondemand::TestOrder order,
                                                      const RunContext& context);

}  // namespace faultline::tester

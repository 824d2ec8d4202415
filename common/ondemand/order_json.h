// A test order as JSON: what travels from the API to the controller and on to a probe. Members that
// are not known are refused by name, so that nobody believes in an option that nobody heeds.
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/ondemand/order.h"

namespace faultline::ondemand {

inline constexpr std::size_t kOrderBytesMax = 4096;

// {"kind": "ping", "method": "icmp", "target": "192.0.2.1", "port": 0, "count": 5, ...}, compact.
[[nodiscard]] std::string to_json_text(const TestOrder& order);
// What is left out has the order's default. The result has passed validate().
[[nodiscard]] Result<TestOrder> order_from_json(std::string_view text);

}  // namespace faultline::ondemand

// A test order as JSON: what travels from the API to the controller and on to a probe. Members that
// are not known are refused by name, so that nobody believes in an option that nobody heeds.
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/ondemand/order.h"

namespace faultline::ondemand {

inline constexpr std::size_t kOrderBytesMax = 4096;
// In place of an order: the test that has this number already is to end now, unreported. A probe
// that does not know it refuses it like any order, and the test ends by itself.
inline constexpr std::string_view kEndOrder = R"({"kind":"end"})";

// {"kind": "ping", "method": "icmp", "target": "192.0.2.1", "port": 0, "count": 5, ...}, compact.
[[nodiscard]] std::string to_json_text(const TestOrder& order);
// What is left out has the order's default. The result has passed validate().
[[nodiscard]] Result<TestOrder> order_from_json(std::string_view text);

}  // namespace faultline::ondemand

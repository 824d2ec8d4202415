#include "common/ondemand/order.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace faultline::ondemand {
namespace {

using enum TestKind;
using enum Method;

constexpr std::array<std::string_view, 5> kKinds{"ping", "port", "mtu", "trace", "capture"};
constexpr std::array<std::string_view, 4> kMethods{"icmp", "stamp", "tcp", "quic"};

template <typename T, std::size_t kNames>
std::optional<T> parse(const std::array<std::string_view, kNames>& names, std::string_view text) {
  const auto found = std::ranges::find(names, text);
  if (found == names.end()) return std::nullopt;
  return static_cast<T>(found - names.begin());
}

Status refuse(std::string text) { return fail(ErrorCode::kInvalid, std::move(text)); }

bool fits(TestKind kind, Method method) {
  switch (kind) {
    case kPing:
      return true;
    case kPort:
      return method == kTcp || method == kQuic;
    case kMtu:
      return method == kIcmp || method == kStamp;
    case kTrace:
    case kCapture:
      return method == kStamp;
  }
  return false;
}

Status validate_numbers(const TestOrder& order) {
  if (order.count < 1 || order.count > kCountMax) {
    return refuse(fmt::format("a test has 1 to {} packets, not {}", kCountMax, order.count));
  }
  if (order.interval < kIntervalMin) {
    return refuse(fmt::format("the interval is at least {}", format_duration(kIntervalMin)));
  }
  if (order.timeout <= Duration::zero() || order.timeout > kTimeoutMax) {
    return refuse(fmt::format("the timeout is at most {}", format_duration(kTimeoutMax)));
  }
  for (const auto size : {order.size, order.size_max, order.far_mtu}) {
    if (size != 0 && (size < kSizeMin || size > kSizeMax)) {
      return refuse(fmt::format("a packet has {} to {} octets, not {}", kSizeMin, kSizeMax, size));
    }
  }
  if (order.seconds < 1 || order.seconds > kCaptureSecondsMax) {
    return refuse(
        fmt::format("a capture takes 1 to {} seconds, not {}", kCaptureSecondsMax, order.seconds));
  }
  if (order.dscp > 63) return refuse("a DSCP is 0 to 63");
  if (order.flows < 1 || order.flows > kFlowsMax) {
    return refuse(fmt::format("a trace follows 1 to {} flows, not {}", kFlowsMax, order.flows));
  }
  if (order.source_port != 0 && order.source_port + order.flows - 1 > 65535) {
    return refuse("the source ports go beyond 65535");
  }
  if (order.rate < 1 || order.rate > kRateMax) {
    return refuse(fmt::format("a trace sends 1 to {} packets per second", kRateMax));
  }
  return {};
}

}  // namespace

std::string_view to_string(TestKind kind) { return kKinds.at(static_cast<std::size_t>(kind)); }
std::optional<TestKind> parse_test_kind(std::string_view text) {
  return parse<TestKind>(kKinds, text);
}
std::string_view to_string(Method method) { return kMethods.at(static_cast<std::size_t>(method)); }
std::optional<Method> parse_method(std::string_view text) { return parse<Method>(kMethods, text); }

Status validate(const TestOrder& order) {
  if (!fits(order.kind, order.method)) {
    return refuse(
        fmt::format("{} cannot be tested by {}", to_string(order.kind), to_string(order.method)));
  }
  const auto& address = order.target.address;
  const bool multicast =
      address.is_v4() ? address.v4_host_order() >> 28 >= 14 : address.bytes()[0] == 0xff;
  if (address.is_unspecified() || multicast) {
    return refuse(fmt::format("{} is not the address of one machine", address.to_string()));
  }
  if (order.kind == kCapture && order.target.port == 0 && order.source_port == 0) {
    return refuse("a capture needs a port, its own or the target's");
  }
  if (order.kind != kCapture && order.method != kIcmp && order.target.port == 0) {
    return refuse(fmt::format("{} needs a port", to_string(order.method)));
  }
  if (!order.source.is_unspecified() && order.source.is_v4() != address.is_v4()) {
    return refuse("source and target must both be IPv4 or both IPv6");
  }
  FAULTLINE_TRY_STATUS(validate_numbers(order));
  const bool paced = order.kind == kPing || order.kind == kPort;
  if (paced && order.count * order.interval + order.timeout > kTestLifeMax) {
    return refuse(fmt::format("{} packets every {} take longer than {}", order.count,
                              format_duration(order.interval), format_duration(kTestLifeMax)));
  }
  return {};
}

Duration life_of(const TestOrder& order) {
  if (order.kind == kCapture) return std::chrono::seconds{order.seconds + 5};
  const bool paced = order.kind == kPing || order.kind == kPort;
  if (!paced) return kTestLifeMax;
  return std::min<Duration>(kTestLifeMax,
                            order.count * order.interval + order.timeout + std::chrono::seconds{2});
}

}  // namespace faultline::ondemand

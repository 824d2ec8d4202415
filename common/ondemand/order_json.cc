#include "common/ondemand/order_json.h"

#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace faultline::ondemand {
namespace {

using Json = nlohmann::json;

Status wrong(std::string_view member, std::string_view what) {
  return fail(ErrorCode::kInvalid, fmt::format("the test's \"{}\" must be {}", member, what));
}

template <typename T>
Status read_number(const std::string& member, const Json& value, T& out) {
  constexpr auto kMost = std::numeric_limits<T>::max();
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > kMost) {
    return wrong(member, fmt::format("a whole number up to {}", kMost));
  }
  out = value.get<T>();
  return {};
}

Status read_milliseconds(const std::string& member, const Json& value, Duration& out) {
  std::uint32_t number = 0;
  FAULTLINE_TRY_STATUS(read_number(member, value, number));
  out = std::chrono::milliseconds{number};
  return {};
}

Status read_address(const std::string& member, const Json& value, IpAddress& out) {
  const auto address =
      value.is_string() ? IpAddress::parse(value.get<std::string>()) : std::nullopt;
  if (!address) return wrong(member, "an address");
  out = *address;
  return {};
}

Status read_word(const std::string& member, const Json& value, TestOrder& order) {
  const auto word = value.is_string() ? value.get<std::string>() : std::string();
  if (member == "kind") {
    const auto kind = parse_test_kind(word);
    if (!kind) return wrong(member, "ping, port, mtu, trace or capture");
    order.kind = *kind;
  } else {
    const auto method = parse_method(word);
    if (!method) return wrong(member, "icmp, stamp, tcp or quic");
    order.method = *method;
  }
  return {};
}

Status read_member(const std::string& member, const Json& value, TestOrder& order) {
  if (member == "kind" || member == "method") return read_word(member, value, order);
  if (member == "target") return read_address(member, value, order.target.address);
  if (member == "source") return read_address(member, value, order.source);
  if (member == "port") return read_number(member, value, order.target.port);
  if (member == "source_port") return read_number(member, value, order.source_port);
  if (member == "count") return read_number(member, value, order.count);
  if (member == "interval_ms") return read_milliseconds(member, value, order.interval);
  if (member == "timeout_ms") return read_milliseconds(member, value, order.timeout);
  if (member == "size") return read_number(member, value, order.size);
  if (member == "dscp") return read_number(member, value, order.dscp);
  if (member == "flows") return read_number(member, value, order.flows);
  if (member == "rate") return read_number(member, value, order.rate);
  if (member == "size_max") return read_number(member, value, order.size_max);
  if (member == "far_mtu") return read_number(member, value, order.far_mtu);
  if (member == "seconds") return read_number(member, value, order.seconds);
  return fail(ErrorCode::kInvalid, fmt::format("a test has no member \"{}\"", member));
}

}  // namespace

std::string to_json_text(const TestOrder& order) {
  const auto milliseconds = [](Duration d) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
  };
  Json json{{"kind", to_string(order.kind)},
            {"method", to_string(order.method)},
            {"target", order.target.address.to_string()},
            {"port", order.target.port},
            {"source_port", order.source_port},
            {"count", order.count},
            {"interval_ms", milliseconds(order.interval)},
            {"timeout_ms", milliseconds(order.timeout)},
            {"size", order.size},
            {"dscp", order.dscp},
            {"flows", order.flows},
            {"rate", order.rate},
            {"size_max", order.size_max},
            {"far_mtu", order.far_mtu},
            {"seconds", order.seconds}};
  if (!order.source.is_unspecified()) json["source"] = order.source.to_string();
  return json.dump();
}

Result<TestOrder> order_from_json(std::string_view text) {
  if (text.size() > kOrderBytesMax) return fail(ErrorCode::kLimit, "the test's order is too long");
  const auto json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return fail(ErrorCode::kInvalid, "a test is a JSON object");
  TestOrder order;
  for (const auto& [member, value] : json.items()) {
    FAULTLINE_TRY_STATUS(read_member(member, value, order));
  }
  FAULTLINE_TRY_STATUS(validate(order));
  return order;
}

}  // namespace faultline::ondemand

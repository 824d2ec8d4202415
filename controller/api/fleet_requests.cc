#include "controller/api/fleet_requests.h"

#include <fmt/format.h>

#include "controller/api/request_json.h"

namespace faultline::api {
namespace {

constexpr std::uint64_t kTokenLifetimeSecondsMax = 30 * 86'400;

tl::unexpected<Error> not_a_member(std::string_view key, std::string_view what) {
  return fail(ErrorCode::kInvalid,
              fmt::format("'{}' is not a member of {}, or has a wrong type", key, what));
}

Result<Labels> parse_labels(const RequestJson& json) {
  Labels labels;
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string()) {
      return fail(ErrorCode::kInvalid, fmt::format("label '{}' is not a string", key));
    }
    labels.emplace(key, value.get<std::string>());
  }
  FAULTLINE_TRY_STATUS(validate_labels(labels));
  return labels;
}

// {"name": true}; optional, as is the body.
Result<bool> parse_flag(const std::string& body, std::string_view name) {
  bool value = false;
  FAULTLINE_TRY(const auto json, parse_object(body));
  for (const auto& [key, given] : json.items()) {
    if (key != name || !given.is_boolean()) return not_a_member(key, "this request");
    value = given.get<bool>();
  }
  return value;
}

}  // namespace

Result<TokenRequest> parse_token_request(const std::string& body) {
  TokenRequest request;
  FAULTLINE_TRY(const auto json, parse_object(body));
  for (const auto& [key, value] : json.items()) {
    if (key == "node" && value.is_string()) {
      FAULTLINE_TRY_STATUS(validate_name(value.get_ref<const std::string&>()));
      request.node = value.get<std::string>();
    } else if (key == "labels" && value.is_object()) {
      FAULTLINE_TRY(request.labels, parse_labels(value));
    } else if (key == "lifetime_s" && value.is_number_unsigned()) {
      const auto lifetime_s = value.get<std::uint64_t>();
      if (lifetime_s == 0 || lifetime_s > kTokenLifetimeSecondsMax) {
        return fail(ErrorCode::kInvalid, "'lifetime_s' must be between 1 s and 30 d");
      }
      request.lifetime = std::chrono::seconds{lifetime_s};
    } else {
      return not_a_member(key, "a token request");
    }
  }
  return request;
}

Result<NodeRequest> parse_node_request(const std::string& body) {
  NodeRequest request;
  FAULTLINE_TRY(const auto json, parse_object(body));
  for (const auto& [key, value] : json.items()) {
    if (key == "name" && value.is_string()) {
      request.name = value.get<std::string>();
    } else if (key == "key" && value.is_string()) {
      const auto parsed = parse_public_key(value.get_ref<const std::string&>());
      if (!parsed) return fail(ErrorCode::kInvalid, "'key' must be 64 hex digits");
      request.key = *parsed;
    } else if (key == "labels" && value.is_object()) {
      FAULTLINE_TRY(request.labels, parse_labels(value));
    } else {
      return not_a_member(key, "a node");
    }
  }
  FAULTLINE_TRY_STATUS(validate_name(request.name));
  if (request.key == PublicKey{}) return fail(ErrorCode::kInvalid, "'key' is missing or all zero");
  return request;
}

Result<bool> parse_force_request(const std::string& body) { return parse_flag(body, "force"); }

Result<bool> parse_resolve_request(const std::string& body) { return parse_flag(body, "resolve"); }

}  // namespace faultline::api

#include "controller/api/routes_access.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "controller/api/access_json.h"
#include "controller/api/views_json.h"

namespace faultline::api {
namespace {

constexpr Duration kAuditSinceMax = std::chrono::hours{24 * 3660};

Result<ApiTokenRequest> parse_request(const std::string& body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object()) return fail(ErrorCode::kInvalid, "the body must be a JSON object");
  ApiTokenRequest request;
  bool has_role = false;
  for (const auto& [key, value] : json.items()) {
    if (key == "name" && value.is_string()) {
      request.name = value.get<std::string>();
    } else if (key == "role" && value.is_string()) {
      const auto role = access::parse_role(value.get_ref<const std::string&>());
      if (!role) return fail(ErrorCode::kInvalid, "'role' must be viewer, operator or admin");
      request.role = *role;
      has_role = true;
    } else if (key == "lifetime_s" && value.is_number_unsigned()) {
      const auto lifetime_s = value.get<std::uint64_t>();
      constexpr auto kMax = std::chrono::floor<std::chrono::seconds>(access::kApiTokenLifetimeMax);
      if (lifetime_s == 0 || lifetime_s > static_cast<std::uint64_t>(kMax.count())) {
        return fail(ErrorCode::kInvalid,
                    fmt::format("'lifetime_s' must be between 1 and {}", kMax.count()));
      }
      request.lifetime = std::chrono::seconds{lifetime_s};
    } else {
      return fail(
          ErrorCode::kInvalid,
          fmt::format("'{}' is not a member of a request for an API token, or has a wrong type",
                      key));
    }
  }
  if (request.name.empty() || !has_role) {
    return fail(ErrorCode::kInvalid, "an API token needs a 'name' and a 'role'");
  }
  return request;
}

}  // namespace

Response get_api_tokens(const Call& call) {
  return respond(call.backend.access_control().api_tokens(), api_tokens_json);
}

Response post_api_token(const Call& call) {
  auto request = parse_request(call.body);
  if (!request) return error_response(request.error());
  request->created_by = call.caller.name;
  auto response =
      respond(call.backend.access_control().create_api_token(*request), new_api_token_json);
  if (response.status == 200) response.status = 201;
  response.subject = fmt::format("{} ({})", request->name, to_string(request->role));
  return response;
}

Response delete_api_token(const Call& call) {
  const auto done = call.backend.access_control().revoke_api_token(call.captured[0]);
  return done ? json_response(removed_json("api_token", call.captured[0]))
              : error_response(done.error());
}

Response get_audit(const Call& call) {
  AuditRequest request;
  const auto since = call.query.find("since");
  if (since != call.query.end()) {
    const auto duration = parse_duration(since->second);
    if (!duration || *duration == Duration::zero() || *duration > kAuditSinceMax) {
      return error_response({ErrorCode::kInvalid,
                             fmt::format("'since' must be a duration such as 24h or 30d, up to {}",
                                         format_duration(kAuditSinceMax))});
    }
    request.since = *duration;
  }
  return respond(call.backend.access_control().audit(request), audit_json);
}

}  // namespace faultline::api

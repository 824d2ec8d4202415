#include "controller/api/gate.h"

#include <fmt/format.h>

#include "controller/api/views_json.h"

namespace faultline::api {
namespace {

using access::AuditRecord;
using access::Principal;

Response refusal(unsigned status, std::string_view sentence) {
  auto response = error_response({ErrorCode::kDenied, std::string(sentence)});
  response.status = status;
  return response;
}

std::string too_little(const Request& request, const RouteOf& route, const Principal& who) {
  return fmt::format("{} {} needs the role {}; {} is {}", request.method, route.pattern,
                     to_string(route.role), who.name, to_string(who.role));
}

AuditRecord record_of(const std::string& method, const RouteOf& route, WallTime now) {
  AuditRecord record;
  record.at = now;
  record.method = access::audit_text(method);
  record.route = access::audit_text(route.pattern);
  record.subject = access::audit_text(route.subject);
  return record;
}

void sign(AuditRecord& record, const Principal& who) {
  record.who = who.name;
  record.peer = who.peer;
  record.role = to_string(who.role);
}

}  // namespace

std::optional<Response> deny(const Request& request, const Result<Principal>& who) {
  if (!who) return refusal(401, who.error().context);
  const auto route = route_of(request);
  if (suffices(who->role, route.role)) return std::nullopt;
  return refusal(403, too_little(request, route, *who));
}

AuditRecord denial_record(const Request& request, const Result<Principal>& who,
                          std::string_view peer, WallTime now) {
  const auto route = route_of(request);
  auto record = record_of(request.method, route, now);
  record.who = who ? who->name : "nobody";
  record.peer = access::audit_text(peer);
  if (who) record.role = to_string(who->role);
  record.outcome = access::AuditOutcome::kDenied;
  record.status = who ? 403 : 401;
  record.reason = access::audit_text(who ? too_little(request, route, *who) : who.error().context);
  return record;
}

AuditRecord cause_record(const std::string& method, const RouteOf& route, const Response& response,
                         const Principal& who, WallTime now) {
  auto record = record_of(method, route, now);
  sign(record, who);
  record.subject = access::audit_text(response.subject);
  record.status = response.status;
  record.outcome = access::outcome_of_status(response.status);
  return record;
}

Response carry_out(const Request& request, Backend& backend, WallTime now) {
  if (!is_mutation(request.method)) return handle(request, backend);
  auto record = record_of(request.method, route_of(request), now);
  sign(record, request.caller);
  auto& control = backend.access_control();
  const auto number = control.begin_change(record);
  if (!number) {
    return error_response(
        {ErrorCode::kUnavailable,
         fmt::format("nothing was changed, because it could not be recorded in the audit log: {}",
                     number.error().context)});
  }
  record.number = *number;
  auto response = handle(request, backend);
  if (!response.subject.empty()) record.subject = access::audit_text(response.subject);
  record.status = response.status;
  record.outcome = access::outcome_of_status(response.status);
  control.end_change(std::move(record));
  return response;
}

}  // namespace faultline::api

#include "controller/api/access_json.h"

#include "controller/api/json_parts.h"

namespace faultline::api {
namespace {

Json json(const access::ApiToken& token) {
  return {{"id", token.id},
          {"name", token.name},
          {"role", to_string(token.role)},
          {"created_at", format_rfc3339(token.created_at)},
          {"created_by", token.created_by},
          {"expires", format_rfc3339(token.expires_at)}};
}

Json json(const access::AuditRecord& record) {
  return {{"number", record.number},
          {"at", format_rfc3339(record.at)},
          {"who", record.who},
          {"peer", record.peer},
          {"role", or_null(record.role)},
          {"method", record.method},
          {"route", record.route},
          {"subject", or_null(record.subject)},
          {"outcome", to_string(record.outcome)},
          {"status", record.status == 0 ? Json() : Json(record.status)},
          {"reason", or_null(record.reason)},
          {"suppressed", record.suppressed}};
}

}  // namespace

std::string api_tokens_json(const std::vector<access::ApiToken>& tokens) {
  Json document{{"schema", "faultline.api_tokens/1"}, {"tokens", Json::array()}};
  for (const auto& token : tokens) document["tokens"].push_back(json(token));
  return text(document);
}

std::string new_api_token_json(const NewApiToken& token) {
  Json document{{"schema", "faultline.api_token/1"}, {"token", token.secret}};
  document.update(json(token.token));
  return text(document);
}

std::string audit_json(const AuditList& list) {
  Json document{
      {"schema", "faultline.audit/1"}, {"truncated", list.truncated}, {"records", Json::array()}};
  for (const auto& record : list.records) document["records"].push_back(json(record));
  return text(document);
}

}  // namespace faultline::api

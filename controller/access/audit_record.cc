#include "controller/access/audit_record.h"

#include <algorithm>
#include <array>
#include <optional>

#include <nlohmann/json.hpp>

namespace faultline::access {
namespace {

using Json = nlohmann::json;

constexpr std::array kOutcomes{AuditOutcome::kStarted, AuditOutcome::kDone, AuditOutcome::kRefused,
                               AuditOutcome::kFailed, AuditOutcome::kDenied};

struct TextMember {
  const char* name;
  std::string AuditRecord::*field;
};
constexpr std::array kTexts{
    TextMember{"who", &AuditRecord::who},       TextMember{"peer", &AuditRecord::peer},
    TextMember{"role", &AuditRecord::role},     TextMember{"method", &AuditRecord::method},
    TextMember{"route", &AuditRecord::route},   TextMember{"subject", &AuditRecord::subject},
    TextMember{"reason", &AuditRecord::reason},
};

std::optional<std::uint64_t> number_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number_unsigned()) return std::nullopt;
  return found->get<std::uint64_t>();
}

}  // namespace

std::string_view to_string(AuditOutcome outcome) {
  switch (outcome) {
    case AuditOutcome::kStarted:
      return "started";
    case AuditOutcome::kDone:
      return "done";
    case AuditOutcome::kRefused:
      return "refused";
    case AuditOutcome::kFailed:
      return "failed";
    case AuditOutcome::kDenied:
      return "denied";
  }
  return "unknown";
}

AuditOutcome outcome_of_status(unsigned status) {
  if (status >= 500) return AuditOutcome::kFailed;
  return status >= 400 ? AuditOutcome::kRefused : AuditOutcome::kDone;
}

std::string audit_text(std::string_view text) {
  std::string result(text.substr(0, kAuditTextMax));
  std::ranges::replace_if(
      result, [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return result;
}

std::string to_json(const AuditRecord& record) {
  Json json{{"version", 1},
            {"number", record.number},
            {"at", format_rfc3339(record.at)},
            {"outcome", to_string(record.outcome)},
            {"status", record.status}};
  for (const auto& text : kTexts) json[text.name] = record.*text.field;
  if (record.suppressed > 0) json["suppressed"] = record.suppressed;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<AuditRecord> audit_record_from_json(std::string_view text) {
  const auto json = Json::parse(text, nullptr, false);
  const auto corrupt = [] {
    return fail(ErrorCode::kCorrupt, "it is not an audit record of version 1");
  };
  if (!json.is_object() || json.value("version", Json()) != 1) return corrupt();
  AuditRecord record;
  for (const auto& member : kTexts) {
    const auto found = json.find(member.name);
    if (found == json.end() || !found->is_string()) return corrupt();
    record.*member.field = found->get<std::string>();
  }
  const auto at = json.find("at");
  const auto time = at != json.end() && at->is_string()
                        ? parse_rfc3339(at->get_ref<const std::string&>())
                        : std::nullopt;
  const auto number = number_of(json, "number");
  const auto status = number_of(json, "status");
  const auto outcome = std::ranges::find_if(kOutcomes, [&](AuditOutcome candidate) {
    return json.value("outcome", Json()) == to_string(candidate);
  });
  if (!time || !number || !status || *status > 999 || outcome == kOutcomes.end()) return corrupt();
  record.number = *number;
  record.at = *time;
  record.outcome = *outcome;
  record.status = static_cast<unsigned>(*status);
  record.suppressed = number_of(json, "suppressed").value_or(0);
  return record;
}

}  // namespace faultline::access

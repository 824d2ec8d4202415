#include "controller/fleet/records.h"

#include <fmt/format.h>

#include "controller/fleet/json_fields.h"

namespace faultline::fleet {
namespace {

using json_fields::BadRecord;
using json_fields::Json;
using json_fields::key_of;
using json_fields::kRecordVersion;
using json_fields::number_of;
using json_fields::text_of;
using json_fields::time_of;

Labels labels_of(const Json& json, const char* key) {
  const auto& object = json.at(key);
  if (!object.is_object()) throw BadRecord{fmt::format("{} is not an object", key)};
  Labels labels;
  for (const auto& [name, value] : object.items()) {
    if (!value.is_string()) throw BadRecord{fmt::format("label {} is not a string", name)};
    labels.emplace(name, value.get<std::string>());
  }
  if (const auto status = validate_labels(labels); !status) {
    throw BadRecord{status.error().context};
  }
  return labels;
}

NodeProfile profile_of(const Json& json) {
  NodeProfile profile;
  const auto kind = parse_node_kind(text_of(json, "kind"));
  if (!kind) throw BadRecord{"kind is neither host nor vm"};
  profile.kind = *kind;
  profile.labels = labels_of(json, "labels");
  const auto address = IpAddress::parse(text_of(json, "address"));
  if (!address) throw BadRecord{"address is not an IP address"};
  profile.address = *address;
  profile.reflector_port = number_of<std::uint16_t>(json, "reflector_port");
  profile.source_port_first = number_of<std::uint16_t>(json, "source_port_first");
  profile.source_port_count = number_of<std::uint16_t>(json, "source_port_count");
  profile.mesh_port = number_of<std::uint16_t>(json, "mesh_port");
  if (const auto status = validate_profile(profile); !status) {
    throw BadRecord{status.error().context};
  }
  return profile;
}

Json to_object(const NodeProfile& profile) {
  return {{"kind", to_string(profile.kind)},
          {"labels", profile.labels},
          {"address", profile.address.to_string()},
          {"reflector_port", profile.reflector_port},
          {"source_port_first", profile.source_port_first},
          {"source_port_count", profile.source_port_count},
          {"mesh_port", profile.mesh_port}};
}

Absences absences_of(const Json& json, const char* key) {
  const auto& array = json.at(key);
  if (!array.is_array() || array.size() > kAbsencesKeptMax) {
    throw BadRecord{fmt::format("{} is not a list of at most {}", key, kAbsencesKeptMax)};
  }
  Absences absences;
  for (const auto& each : array) {
    const auto cause = text_of(each, "cause");
    if (cause != "goodbye" && cause != "restart") throw BadRecord{"an absence has no known cause"};
    Absence absence{.from = time_of(each, "from"),
                    .until = {},
                    .cause = cause == "goodbye" ? AbsenceCause::kGoodbye : AbsenceCause::kRestart};
    if (each.contains("until")) absence.until = time_of(each, "until");
    absences.push_back(absence);
  }
  return absences;
}

Json to_array(const Absences& absences) {
  Json array = Json::array();
  for (const auto& each : absences) {
    Json json = {{"from", format_rfc3339(each.from)}, {"cause", to_string(each.cause)}};
    if (each.until) json["until"] = format_rfc3339(*each.until);
    array.push_back(std::move(json));
  }
  return array;
}

Enrollment enrollment_of(const Json& json) {
  const auto text = text_of(json, "enrollment");
  for (const auto enrollment : {Enrollment::kToken, Enrollment::kPrePlaced}) {
    if (text == to_string(enrollment)) return enrollment;
  }
  throw BadRecord{"enrollment is neither token nor pre-placed"};
}

NodeRecord node_of(const Json& json) {
  NodeRecord record;
  record.id = NodeId{number_of<std::uint32_t>(json, "id")};
  if (record.id == NodeId{}) throw BadRecord{"id is 0"};
  record.name = text_of(json, "name");
  if (const auto status = validate_name(record.name); !status) {
    throw BadRecord{status.error().context};
  }
  record.key = key_of(json, "key");
  if (json.contains("enrollment")) record.enrollment = enrollment_of(json);
  if (json.contains("profile") || record.enrollment == Enrollment::kToken) {
    record.profile = profile_of(json.at("profile"));
  }
  record.pinned_labels = labels_of(json, "pinned_labels");
  record.joined_at = time_of(json, "joined_at");
  // Records of before a key could change have the node's first.
  record.key_since = json.contains("key_since") ? time_of(json, "key_since") : record.joined_at;
  if (json.contains("rekey_asked_at")) record.rekey_asked_at = time_of(json, "rekey_asked_at");
  if (json.contains("next_key")) record.next_key = key_of(json, "next_key");
  record.authenticates = json.contains("authenticates") && json.at("authenticates") == true;
  if (json.contains("controllers_revision")) {
    record.controllers_revision = number_of<std::uint64_t>(json, "controllers_revision");
  }
  if (json.contains("removed_at")) record.removed_at = time_of(json, "removed_at");
  // Since 0.2: a record of an older controller has neither, and an older one ignores them.
  if (json.contains("boot")) record.boot = BootId{number_of<std::uint64_t>(json, "boot")};
  if (json.contains("absences")) record.absences = absences_of(json, "absences");
  return record;
}

TokenRecord token_of(const Json& json) {
  TokenRecord record;
  record.key = key_of(json, "key");
  record.name = text_of(json, "name");
  if (!record.name.empty()) {
    if (const auto status = validate_name(record.name); !status) {
      throw BadRecord{status.error().context};
    }
  }
  record.labels = labels_of(json, "labels");
  record.created_at = time_of(json, "created_at");
  record.expires_at = time_of(json, "expires_at");
  if (json.contains("spent_by")) record.spent_by = key_of(json, "spent_by");
  return record;
}

}  // namespace

std::string_view to_string(Enrollment enrollment) {
  switch (enrollment) {
    case Enrollment::kToken:
      return "token";
    case Enrollment::kPrePlaced:
      return "pre-placed";
  }
  return "unknown";
}

bool has_profile(const NodeRecord& record) { return !record.profile.address.is_unspecified(); }

Status validate_profile(const NodeProfile& profile) {
  if (profile.address.is_unspecified()) {
    return fail(ErrorCode::kInvalid, "the node's measurement address is not set");
  }
  if (profile.reflector_port == 0) {
    return fail(ErrorCode::kInvalid, "the reflector port is 0");
  }
  if (profile.source_port_first == 0 || profile.source_port_count == 0 ||
      profile.source_port_first + profile.source_port_count > 65'536) {
    return fail(ErrorCode::kInvalid,
                fmt::format("source ports {} + {} are not a port range", profile.source_port_first,
                            profile.source_port_count));
  }
  return validate_labels(profile.labels);
}

Labels effective_labels(const NodeRecord& record) {
  auto labels = record.pinned_labels;
  labels.insert(record.profile.labels.begin(), record.profile.labels.end());
  return labels;
}

std::string to_json(const NodeRecord& record) {
  Json json = {{"version", kRecordVersion},
               {"id", record.id.value()},
               {"name", record.name},
               {"key", to_string(record.key)},
               {"pinned_labels", record.pinned_labels},
               {"enrollment", to_string(record.enrollment)},
               {"joined_at", format_rfc3339(record.joined_at)},
               {"key_since", format_rfc3339(record.key_since)},
               {"controllers_revision", record.controllers_revision}};
  if (has_profile(record)) json["profile"] = to_object(record.profile);
  if (record.rekey_asked_at) json["rekey_asked_at"] = format_rfc3339(*record.rekey_asked_at);
  if (record.next_key) json["next_key"] = to_string(*record.next_key);
  if (record.authenticates) json["authenticates"] = true;
  if (record.removed_at) json["removed_at"] = format_rfc3339(*record.removed_at);
  if (record.boot != BootId{}) json["boot"] = record.boot.value();
  if (!record.absences.empty()) json["absences"] = to_array(record.absences);
  return json.dump();
}

std::string to_json(const TokenRecord& record) {
  Json json = {{"version", kRecordVersion},
               {"key", to_string(record.key)},
               {"name", record.name},
               {"labels", record.labels},
               {"created_at", format_rfc3339(record.created_at)},
               {"expires_at", format_rfc3339(record.expires_at)}};
  if (record.spent_by) json["spent_by"] = to_string(*record.spent_by);
  return json.dump();
}

Result<NodeRecord> node_record_from_json(std::string_view text) {
  return json_fields::parse<NodeRecord>("node", text, node_of);
}

Result<TokenRecord> token_record_from_json(std::string_view text) {
  return json_fields::parse<TokenRecord>("token", text, token_of);
}

}  // namespace faultline::fleet

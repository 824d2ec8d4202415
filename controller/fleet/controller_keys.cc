#include "controller/fleet/controller_keys.h"

#include <utility>

#include <fmt/format.h>

#include "controller/fleet/json_fields.h"

namespace faultline::fleet {
namespace {

using json_fields::Json;

Json to_object(const ControllerKey& key) {
  return {{"key", to_string(key.key)}, {"since", format_rfc3339(key.since)}};
}

ControllerKey controller_key_of(const Json& json) {
  return {.key = json_fields::key_of(json, "key"), .since = json_fields::time_of(json, "since")};
}

ControllerKeysRecord record_of(const Json& json) {
  ControllerKeysRecord record{.revision = json_fields::number_of<std::uint64_t>(json, "revision"),
                              .current = controller_key_of(json.at("current"))};
  record.named_since = json.contains("named_since")
                           ? json_fields::number_of<std::uint64_t>(json, "named_since")
                           : record.revision;
  if (json.contains("next")) record.next = controller_key_of(json.at("next"));
  return record;
}

}  // namespace

std::string to_json(const ControllerKeysRecord& record) {
  Json json = {{"version", json_fields::kRecordVersion},
               {"revision", record.revision},
               {"named_since", record.named_since},
               {"current", to_object(record.current)}};
  if (record.next) json["next"] = to_object(*record.next);
  return json.dump();
}

Result<ControllerKeysRecord> controller_keys_from_json(std::string_view text) {
  return json_fields::parse<ControllerKeysRecord>("controller's key", text, record_of);
}

bool ControllerKeys::restore(std::optional<ControllerKeysRecord> stored, const PublicKey& own,
                             WallTime now) {
  if (!stored) {
    record_ = {.current = {own, recorded(now)}};
    return true;
  }
  record_ = *std::move(stored);
  if (record_.current.key == own) return false;
  record_.named_since = ++record_.revision;
  record_.current = {own, recorded(now)};
  if (record_.next && record_.next->key == own) record_.next.reset();
  return true;
}

Status ControllerKeys::propose(const PublicKey& next, WallTime now) {
  if (next == record_.current.key) {
    return fail(ErrorCode::kConflict, "this key is the controller's already");
  }
  if (record_.next && record_.next->key != next) {
    return fail(ErrorCode::kConflict, "a change to another key is under way");
  }
  if (record_.next) return {};
  record_.next = {next, recorded(now)};
  record_.named_since = ++record_.revision;
  return {};
}

Status ControllerKeys::switch_over(WallTime now) {
  if (!record_.next) {
    return fail(ErrorCode::kConflict,
                "no change of the controller's key is under way: begin one with `faultline "
                "controller rekey`, and force it only when `faultline trust list` shows that the "
                "nodes which are missing will not answer");
  }
  record_.current = {record_.next->key, recorded(now)};
  record_.next.reset();
  ++record_.revision;
  return {};
}

Controllers ControllerKeys::announcement() const {
  Controllers controllers{.revision = record_.revision, .keys = {record_.current.key}};
  if (record_.next) controllers.keys.push_back(record_.next->key);
  return controllers;
}

std::vector<NodeId> ControllerKeys::missing(const Fleet& fleet) const {
  std::vector<NodeId> nodes;
  for (const auto& [id, node] : fleet.nodes()) {
    if (node.state == NodeState::kRemoved) continue;
    if (node.record.controllers_revision < known_from()) nodes.push_back(id);
  }
  return nodes;
}

}  // namespace faultline::fleet

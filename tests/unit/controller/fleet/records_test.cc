#include "controller/fleet/records.h"

#include "tests/support/catch.h"
#include "tests/unit/controller/fleet/builders.h"

namespace faultline::fleet {
namespace {

NodeRecord full_node() {
  NodeRecord record{.id = NodeId{7},
                    .name = "h7",
                    .key = key_number(7),
                    .profile = profile_at("2001:db8::7"),
                    .pinned_labels = {{"rack", "r1"}},
                    .enrollment = Enrollment::kPrePlaced,
                    .joined_at = at(1.25).wall,
                    .key_since = at(2).wall,
                    .rekey_asked_at = at(3).wall,
                    .next_key = key_number(8),
                    .controllers_revision = 4,
                    .removed_at = at(99).wall,
                    .boot = BootId{0xfedcba9876543210},
                    .absences = {{.from = at(10).wall,
                                  .until = at(12).wall,
                                  .cause = AbsenceCause::kRestart},
                                 {.from = at(20).wall}}};
  record.profile.kind = NodeKind::kVm;
  record.profile.labels = {{"zone", "a \"quoted\" b"}};
  record.profile.mesh_port = 5001;
  return record;
}

TokenRecord full_token() {
  return {.key = key_number(1),
          .name = "h1",
          .labels = {{"rack", "r1"}},
          .created_at = at(0).wall,
          .expires_at = at(3600).wall,
          .spent_by = key_number(2)};
}

void replace(std::string& text, std::string_view from, std::string_view to) {
  const auto position = text.find(from);
  REQUIRE(position != std::string::npos);
  text.replace(position, from.size(), to);
}

TEST_CASE("fleet records survive their JSON form", "[fleet]") {
  auto node = full_node();
  CHECK(node_record_from_json(to_json(node)) == node);
  node.removed_at.reset();
  CHECK(node_record_from_json(to_json(node)) == node);
  auto token = full_token();
  CHECK(token_record_from_json(to_json(token)) == token);
  token.spent_by.reset();
  token.name.clear();
  CHECK(token_record_from_json(to_json(token)) == token);
}

TEST_CASE("a damaged node record is corrupt, never a default", "[fleet]") {
  const std::pair<const char*, const char*> damages[] = {
      {"\"version\":1", "\"version\":2"},
      {"\"id\":7", "\"id\":0"},
      {"\"id\":7", "\"id\":-7"},
      {"\"id\":7", "\"id\":4294967296"},
      {"\"id\":7", "\"id\":\"7\""},
      {"\"id\":7", "\"identity\":7"},
      {"\"h7\"", "\"h 7\""},
      {"\"vm\"", "\"cloud\""},
      {"2001:db8::7", "2001:db8:::7"},
      {"2001:db8::7", "::"},
      {"\"reflector_port\":862", "\"reflector_port\":65537"},
      {"\"source_port_count\":16", "\"source_port_count\":0"},
      {"0707", "07x7"},
      {"2026-", "20x6-"},
      {"\"r1\"", "7"},
      {"}", ""},
  };
  for (const auto& [from, to] : damages) {
    CAPTURE(from, to);
    auto text = to_json(full_node());
    replace(text, from, to);
    const auto record = node_record_from_json(text);
    REQUIRE(!record);
    CHECK(record.error().code == ErrorCode::kCorrupt);
  }
  CHECK(!node_record_from_json(""));
  CHECK(!node_record_from_json("[]"));
  CHECK(!token_record_from_json(to_json(full_node())));
}

}  // namespace
}  // namespace faultline::fleet

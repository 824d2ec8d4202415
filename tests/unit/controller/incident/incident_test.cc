#include "controller/incident/incident.h"

#include "tests/support/catch.h"
#include "tests/unit/controller/incident/story.h"

namespace faultline::incident {
namespace {

bool related(const char* left, const char* right) {
  const auto a = component_of(suspect_of(left));
  const auto b = component_of(suspect_of(right));
  REQUIRE(same_fault(a, b) == same_fault(b, a));
  return same_fault(a, b);
}

TEST_CASE("which components can be the same fault", "[incident]") {
  CHECK(related("a>b", "a>b"));
  CHECK(related("a", "a"));
  CHECK(related("a>b", "a=b"));
  CHECK(related("b>a", "a=b"));
  CHECK(related("a>b#2", "a=b#2"));
  CHECK(related("a", "a>b"));
  CHECK(related("b", "a>b"));
  CHECK(related("a", "a=b"));
  CHECK(!related("a>b", "b>a"));
  CHECK(!related("a>b", "a>c"));
  CHECK(!related("a>b", "a>b#2"));
  CHECK(!related("a>b", "a=b#2"));
  CHECK(!related("a", "b"));
  CHECK(!related("c", "a>b"));
}

TEST_CASE("severity follows class and loss", "[incident]") {
  const std::pair<const char*, Severity> cases[] = {
      {"a>b@0.001", Severity::kWarning},         {"a>b@0.005", Severity::kError},
      {"a>b@0.1", Severity::kCritical},          {"a=b@1!down", Severity::kCritical},
      {"a>b@0.125!blackhole", Severity::kError}, {"a>b@0.001!mtu", Severity::kError},
      {"h1@0.5!sick_host", Severity::kWarning},
  };
  for (const auto& [text, severity] : cases) {
    CAPTURE(text);
    CHECK(to_string(severity_of(suspect_of(text))) == to_string(severity));
  }
}

Incident full_incident() {
  auto suspect = suspect_of("a>b@0.05~b>c");
  suspect.evidence = {31, 30, 2, 209};
  suspect.counter_evidence = {"2 good flows cross it"};
  suspect.affected = {"h1", "h2"};
  suspect.affected_vms = {"h2"};
  suspect.affected_racks = {"r1"};
  suspect.affected_zones = {"east"};
  suspect.labels = {{"rack", {"r1", "r2"}}};
  suspect.depends_on = {"leaf1"};
  suspect.delay_us = 240;
  suspect.mtu = 1400;
  suspect.since = window_end(-1);
  suspect.severity = Severity::kError;
  suspect.remedy = Remedy{.evidence = {"a has mtu 9000", "b has mtu 1500"},
                          .text = "Set one of them.",
                          .command = "ip link set dev eth0 mtu 1500",
                          .run_on = "a"};
  return {.id = "i-00ff",
          .state = State::kResolved,
          .severity = Severity::kCritical,
          .suspect = suspect,
          .components = {{"a", "", ""}, {"a>b", "a", "b"}},
          .since = window_end(-1),
          .opened_at = window_end(1),
          .updated_at = window_end(9),
          .last_present = window_end(6),
          .resolved_at = window_end(9),
          .resolution = "healed",
          .revision = 3,
          .reopened = 1,
          .acknowledged_at = window_end(2),
          .acknowledged_by = "ada",
          .changes = {{window_end(-2), "path", "h1>h2:4000", "spine1", "spine2"}},
          .history = {{window_end(1), "opened", "", "it is a>b"},
                      {window_end(2), "acknowledged", "ada", ""}},
          .history_omitted = 7,
          .held_by = "s-1f",
          .announced = true,
          .resolved_by = "ada",
          .quiet_until = window_end(20),
          .presence = 6,
          .windows_absent = 3,
          .loss_told = 0.05,
          .owed = "now a, before a>b",
          .contender = "a/loss",
          .contender_presence = 4};
}

TEST_CASE("an incident survives its JSON form in every state", "[incident]") {
  auto incident = full_incident();
  CHECK(incident_from_json(to_json(incident)) == incident);
  incident.state = State::kAcknowledged;
  incident.resolved_at.reset();
  CHECK(incident_from_json(to_json(incident)) == incident);
  incident.state = State::kOpen;
  incident.acknowledged_at.reset();
  CHECK(incident_from_json(to_json(incident)) == incident);
  incident.state = State::kPending;
  incident.opened_at.reset();
  incident.suspect.since.reset();
  CHECK(incident_from_json(to_json(incident)) == incident);
}

TEST_CASE("an incident that an older controller stored is read, and was told", "[incident]") {
  auto incident = full_incident();
  incident.state = State::kOpen;
  incident.resolved_at.reset();
  auto text = to_json(incident);
  for (const char* newer : {"history", "depends_on"}) {  // what they know the new members by
    const auto place = text.find("\"" + std::string(newer) + "\"");
    REQUIRE(place != std::string::npos);
    text.insert(place + 1, "not_");
  }
  const auto read = incident_from_json(text);
  REQUIRE(read);
  CHECK(read->announced);
  CHECK(read->history.empty());
  CHECK(read->suspect.labels.empty());
  CHECK(read->suspect.text == incident.suspect.text);
}

TEST_CASE("whatever figures an incident holds, its record can be read back", "[incident]") {
  auto incident = full_incident();
  incident.suspect.posterior = 1 + 1e-12;
  incident.suspect.loss_low = -1e-12;
  incident.suspect.loss_high = std::numeric_limits<double>::quiet_NaN();
  incident.suspect.text = "not UTF-8: \xff";
  const auto read = incident_from_json(to_json(incident));
  REQUIRE(read);
  CHECK(read->suspect.posterior == 1);
  CHECK(read->suspect.loss_low == 0);
  CHECK(read->suspect.loss_high == 0);
}

TEST_CASE("a damaged incident record is corrupt, never a default", "[incident]") {
  const std::pair<const char*, const char*> damages[] = {
      {"\"version\":1", "\"version\":9"},
      {"\"i-00ff\"", "\"\""},
      {"\"resolved\"", "\"closed\""},
      {"\"resolved\"", "\"open\""},
      {"\"critical\"", "\"dire\""},
      {"\"revision\":3", "\"revision\":-3"},
      {"\"reopened\":1", "\"reopened\":1.5"},
      {"\"posterior\":0.99", "\"posterior\":1.99"},
      {"\"posterior\":0.99", "\"posterior\":null"},
      {"[\"h1\",\"h2\"]", "[\"h1\",2]"},
      {"\"healed\"", "[]"},
      {"\"since\":\"2026", "\"since\":\"20x6"},
      {"\"components\"", "\"parts\""},
      {"\"history_omitted\":7", "\"history_omitted\":\"7\""},
      {"\"announced\":true", "\"announced\":1"},
      {"\"mtu\":1400", "\"mtu\":-1"},
      {"\"rack\":[", "\"rack\":[1,"},
      {"\"id\":\"a>b\"", "\"id\":\"a>c\""},
      {"}", ""},
  };
  for (const auto& [from, to] : damages) {
    CAPTURE(from, to);
    auto text = to_json(full_incident());
    const auto position = text.find(from);
    REQUIRE(position != std::string::npos);
    text.replace(position, std::string_view(from).size(), to);
    const auto read = incident_from_json(text);
    REQUIRE(!read);
    CHECK(read.error().code == ErrorCode::kCorrupt);
  }
}

}  // namespace
}  // namespace faultline::incident

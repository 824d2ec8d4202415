// What the fixed answers of FakeBackend are made of: a verdict, a status, what a plan covers.
#pragma once

#include <string>

#include "controller/api/backend.h"
#include "tests/integration/controller/api/fake_incidents.h"
#include "tests/integration/controller/api/fake_reach.h"

namespace faultline::api {

inline localize::Verdict fake_verdict() {
  localize::Verdict verdict;
  localize::Suspect suspect;
  suspect.id = "leaf2>spine3";
  suspect.from = "leaf2";
  suspect.to = "spine3";
  suspect.posterior = 0.998;
  suspect.loss = 0.021;
  suspect.loss_low = 0.017;
  suspect.loss_high = 0.026;
  suspect.since_s = 1'790'000'010;
  suspect.evidence = {.bad_flows = 32,
                      .bad_flows_crossing = 31,
                      .good_flows_crossing = 0,
                      .good_flows = 210,
                      .packets_crossing = 3100,
                      .lost_crossing = 65};
  suspect.alternatives = {{localize::SuspectKind::kDevice, "leaf2", 512}};
  suspect.counter_evidence = {"h1 to h9 crosses it and lost nothing"};
  verdict.suspects = {suspect};
  verdict.observations = 1200;
  verdict.components = 64;
  verdict.packets = 12'000;
  verdict.lost = 65;
  verdict.enough_data = true;
  return verdict;
}

inline StatusView fake_status() {
  StatusView status;
  status.health = Health::kFault;
  status.verdict = "link leaf2>spine3 loses 2.1 % of packets";
  status.controller_version = "0.1.0";
  status.generated_at = kFakeNow;
  status.started_at = kFakeNow - std::chrono::hours{2};
  status.uptime = std::chrono::hours{2};
  status.window = std::chrono::seconds{10};
  status.window_judged = kFakeNow - std::chrono::seconds{10};
  status.plan_revision = 7;
  status.nodes = {.total = 16, .live = 15, .silent = 1};
  status.silent_nodes = {"h9"};
  status.in_question = {{.node = "h9", .reach = fake_reach()}};
  status.sessions = {.planned = 240, .reporting = 225};
  status.paths = {.expected = 240, .forward_known = 240, .return_known = 238};
  status.ingest = {
      .batches = 5000, .duplicates = 3, .refused = 0, .gaps = 1, .results_dropped = 12};
  status.store = {.directory = "/var/lib/faultline",
                  .bytes = 12'582'912,
                  .oldest_window = kFakeNow - std::chrono::hours{2},
                  .state = "ok"};
  status.suspects = {{.kind = "link",
                      .id = "leaf2>spine3",
                      .fault_class = "loss",
                      .posterior = 0.998,
                      .loss = 0.021,
                      .since = kFakeNow - std::chrono::seconds{40}}};
  status.incidents_open = 1;
  return status;
}

inline plan::PlanReport::Node fake_plan_of(const std::string& name) {
  return {.name = name, .revision = PlanRevision{5}, .acknowledged = 5, .peers = 1, .flows = 2};
}

// h1 > leaf2 > spine3 one way, whose two links no flow splits; spine3>leaf2 is declared only.
inline plan::CoverageReport fake_coverage() {
  plan::FabricFlows flows;
  flows.link("spine3>leaf2", "spine3", "leaf2");
  const auto up = flows.link("h1>leaf2", "h1", "leaf2");
  const auto on = flows.link("leaf2>spine3", "leaf2", "spine3");
  flows.add("h1", "h9", {plan::Knowledge::kPart, {up, on}}, {}, 1);
  return flows.report("plan", {.traces_per_second = 1});
}

}  // namespace faultline::api

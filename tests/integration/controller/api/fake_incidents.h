// What the fake Backend says of incidents and of what holds them back.
#pragma once

#include "controller/api/incident_views.h"

namespace faultline::api {

inline constexpr WallTime kFakeNow{std::chrono::seconds{1'790'000'050}};

inline IncidentView fake_incident() {
  IncidentView incident;
  incident.id = "i-42";
  incident.state = "open";
  incident.kind = "link";
  incident.component = "leaf2>spine3";
  incident.from = "leaf2";
  incident.to = "spine3";
  incident.fault_class = "loss";
  incident.posterior = 0.998;
  incident.loss = 0.021;
  incident.loss_low = 0.017;
  incident.loss_high = 0.026;
  incident.since = kFakeNow - std::chrono::seconds{40};
  incident.opened_at = kFakeNow - std::chrono::seconds{20};
  incident.updated_at = kFakeNow - std::chrono::seconds{10};
  incident.summary = "link leaf2>spine3 loses 2.1 % of packets";
  incident.severity = "error";
  incident.affected_nodes = {"h1", "h5"};
  incident.affected_racks = {"r1", "r2"};
  incident.counter_evidence = {"h1 to h9 crosses it and lost nothing"};
  incident.changes = {
      {kFakeNow - std::chrono::seconds{45}, "path", "h1>h5:4000", "leaf2>spine1", "leaf2>spine3"}};
  incident.evidence = {
      .bad_flows = 32, .bad_flows_crossing = 31, .good_flows_crossing = 0, .good_flows = 210};
  incident.events = {
      {kFakeNow - std::chrono::seconds{20}, "opened", "31 of 32 bad flows cross it"}};
  return incident;
}

inline incident::Silence fake_silence() {
  return {.id = "m-1f0c5a9b",
          .kind = incident::SilenceKind::kMaintenance,
          .selector = {{"rack", {"r17"}}},
          .author = "ada",
          .comment = "CHG-4711",
          .created_at = kFakeNow,
          .starts_at = kFakeNow,
          .ends_at = kFakeNow + std::chrono::hours{4},
          .ended_by = {},
          .incidents_held = 1};
}

}  // namespace faultline::api

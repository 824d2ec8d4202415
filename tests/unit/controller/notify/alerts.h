// Alerts for these tests.
#pragma once

#include "controller/notify/alert.h"

namespace faultline::notify {

inline Alert opened_alert() {
  Alert alert;
  alert.incident = "i-42";
  alert.sequence = 1;
  alert.severity = AlertSeverity::kCritical;
  alert.kind = "link";
  alert.component = "leaf2>spine3";
  alert.from = "leaf2";
  alert.to = "spine3";
  alert.fault_class = "loss";
  alert.posterior = 0.998;
  alert.loss = 0.21;
  alert.loss_low = 0.17;
  alert.loss_high = 0.26;
  alert.since = wall_time_from_unix_seconds(1'790'000'000);
  alert.summary = "link leaf2>spine3 loses 21 % of packets";
  alert.evidence = {
      .bad_flows = 32, .bad_flows_crossing = 31, .good_flows_crossing = 0, .good_flows = 210};
  alert.affected_nodes = {"h1", "h5"};
  alert.affected_vms = {"h5"};
  alert.affected_racks = {"r1", "r2"};
  alert.affected_zones = {"east"};
  alert.counter_evidence = {"h1 to h9 crosses it and lost nothing"};
  alert.changes = {{wall_time_from_unix_seconds(1'789'999'990), "path", "h1>h5:4000",
                    "leaf2>spine1", "leaf2>spine3"}};
  alert.confirmation = {.component = "leaf2>spine3",
                        .outcome = "confirmed",
                        .before = 0.71,
                        .after = 0.998,
                        .packets = 640};
  alert.labels = {{"rack", {"r1", "r2"}}};
  alert.generated_at = wall_time_from_unix_seconds(1'790'000'042);
  return alert;
}

inline Alert acknowledged_alert() {
  auto alert = opened_alert();
  alert.event = AlertEvent::kAcknowledged;
  alert.sequence = 2;
  alert.acknowledged_by = "ada";
  return alert;
}

inline Alert resolved_alert() {
  auto alert = opened_alert();
  alert.event = AlertEvent::kResolved;
  alert.sequence = 3;
  alert.resolved_at = wall_time_from_unix_seconds(1'790'000'600);
  alert.resolution = "healed";
  alert.generated_at = *alert.resolved_at;
  return alert;
}

inline Alert finding_alert() {
  auto alert = opened_alert();
  alert.severity = AlertSeverity::kWarning;
  alert.kind = "finding";
  alert.component = "half_duplex:h1";
  alert.from = alert.to = "";
  alert.fault_class = "half_duplex";
  alert.loss = alert.loss_low = alert.loss_high = std::nullopt;
  alert.summary = "h1: eth0 runs half duplex";
  alert.remedy = AlertRemedy{.evidence = {"h1: eth0 100 Mb/s half", "its neighbor runs full"},
                             .text = "Let both ends negotiate.",
                             .command = "ethtool eth0",
                             .run_on = "h1"};
  return alert;
}

// Everything that could break a payload: quotes, markup, line ends, no UTF-8, and much of it.
inline Alert hostile_alert() {
  auto alert = opened_alert();
  alert.event = AlertEvent::kUpdated;
  alert.link = "https://wiki/x?a=1&b=<2>";
  alert.summary = "\"<script>&\\ \n\t\xff " + std::string(9000, '<');
  alert.component = "leaf\"2>sp<ine";
  alert.affected_nodes.assign(kAffectedNodesShownMax, std::string(200, '&'));
  alert.affected_nodes_omitted = 950;
  alert.ambiguous_with.assign(kAmbiguousShownMax, "\xc3\xa4>\xc3\xb6");
  alert.affected_racks.assign(200, std::string(60, '<'));
  alert.counter_evidence.assign(100, std::string(500, '"'));
  alert.changes.assign(50, {alert.generated_at, "path", "<&>", std::string(300, '>'), ""});
  alert.delay_us = 240;
  alert.delay_p95_us = 900;
  alert.mtu = 1400;
  return alert;
}

}  // namespace faultline::notify

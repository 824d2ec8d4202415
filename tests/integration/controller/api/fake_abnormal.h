// What changed and what is abnormal, made up.
#pragma once

#include "controller/api/abnormal_views.h"

namespace faultline::api {

inline ChangesView fake_changes(WallTime now, Duration since) {
  ChangesView view{.since = now - since, .known_since = now - since, .changes = {}};
  view.changes.push_back({.time = now,
                          .kind = "path",
                          .subject = "h1:20003>h9 and 11 others",
                          .before = "leaf1 > spine2 > leaf3",
                          .after = "leaf1 > spine1 > leaf3",
                          .count = 12,
                          .components = {"leaf1>spine2", "h1"}});
  return view;
}
inline AnomaliesView fake_anomalies(WallTime now) {
  AnomaliesView view;
  view.judged_until = now;
  view.pairs = 56;
  view.pairs_learned = 54;
  view.flows = 224;
  view.anomalies.push_back({.kind = "rtt-shift",
                            .node = {},
                            .src = "h1",
                            .dst = "h9",
                            .pair_class = "host-host",
                            .way = {},
                            .since = now,
                            .windows = 5,
                            .usual_ms = 0.4,
                            .now_ms = 3.1,
                            .usual_loss = {},
                            .now_loss = {},
                            .spreads = 12,
                            .source_ports = {},
                            .explained_by = {},
                            .text = "h1 -> h9: round trip 0.40 -> 3.10 ms, 12 spreads"});
  return view;
}

}  // namespace faultline::api

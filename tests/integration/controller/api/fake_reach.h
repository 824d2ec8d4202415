// The view of a node in question that FakeBackend shows.
#pragma once

#include "controller/api/reach_view.h"
#include "tests/integration/controller/api/fake_incidents.h"

namespace faultline::api {

// One was asked about h9, whose probe was killed.
inline ReachView fake_reach() {
  return {.condition = "probe_down",
          .words = "probe down",
          .summary = "its host answers all of the 1 node asked (h1), its probe none of them",
          .doubted_at = kFakeNow - std::chrono::seconds{30},
          .asked_at = kFakeNow - std::chrono::seconds{18},
          .witnesses = {{.name = "h1",
                         .rack = "rack1",
                         .saw = "host",
                         .text = "tcp 7401 refused, stamp refused",
                         .at = kFakeNow - std::chrono::seconds{18}}}};
}

}  // namespace faultline::api

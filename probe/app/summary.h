// One line of counters for the log: what the probe did, and what should not have happened.
#pragma once

#include <string>

#include "probe/core/core.h"
#include "probe/engine/engine.h"
#include "probe/mesh/mesh.h"
#include "probe/uplink/link.h"

namespace faultline::probe_app {

struct CounterSources {
  const probe_core::ProbeCore& core;
  const engine::Engine& engine;
  const mesh::Mesh& mesh;
  const uplink::Link& link;
};

// "sent=9600 replies=9590 ...": counters that are 0 are left out.
[[nodiscard]] std::string summarize(const CounterSources& sources);

}  // namespace faultline::probe_app

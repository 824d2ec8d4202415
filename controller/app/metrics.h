// The controller's OpenMetrics: every counter with the value that means trouble.
#pragma once

#include <string>

#include "common/obs/metrics.h"
#include "common/zmq/handshake_watch.h"
#include "common/zmq/zap_thread.h"
#include "controller/api/counters.h"
#include "controller/app/access_keeper.h"
#include "controller/app/link.h"
#include "controller/app/shell.h"
#include "controller/app/snapshot.h"

namespace faultline::app {

struct MetricSources {
  const Snapshot& snapshot;
  const ControllerLink& link;
  const zmq::ZapThread& zap;
  const zmq::HandshakeWatch& handshakes;
  const Shell& shell;
  const api::HttpServerCounters& api;
  const AccessCounters& access;
};

// Complete with "# EOF". Safe on any thread: reads atomics and the immutable snapshot.
[[nodiscard]] std::string render_metrics(const MetricSources& sources);

}  // namespace faultline::app

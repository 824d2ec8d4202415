// The controller's OpenMetrics: every counter with the value that means trouble.
#pragma once

#include <string>

#include "common/obs/metrics.h"
#include "common/zmq/handshake_watch.h"
#include "common/zmq/zap_thread.h"
#include "controller/api/counters.h"
#include "controller/app/access_keeper.h"
#include "controller/app/disk_use.h"
#include "controller/app/link.h"
#include "controller/app/shell.h"
#include "controller/app/snapshot.h"
#include "controller/store/rocks_store.h"

namespace faultline::app {

struct MetricSources {
  const Snapshot& snapshot;
  const ControllerLink& link;
  const zmq::ZapThread& zap;
  const zmq::HandshakeCounters& handshakes;
  const Shell& shell;
  const api::HttpServerCounters& api;
  const AccessCounters& access;
  store::StoreStats store;
  DiskUse disk;  // of the store's directory
};

// Complete with "# EOF". No label names a node or a flow: the number of series does not grow with the
// fleet, but for those of groups of nodes, which have a limit (core/group_series.h). deploy/README.md documents each of them. Safe on any
// thread: reads atomics and the immutable snapshot.
[[nodiscard]] std::string render_metrics(const MetricSources& sources);

}  // namespace faultline::app

// Events: everything that can happen to the probe's core, as values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/model/control.h"
#include "common/model/mesh.h"
#include "common/model/receipts.h"
#include "common/model/report.h"
#include "probe/trace/trace_order.h"

namespace faultline::probe_core {

// What a probe keeps of having joined: who it is and where its controllers are.
struct Membership {
  NodeId node{};
  std::string name{};
  std::vector<std::string> endpoints{};
  std::vector<PublicKey> controllers{};

  bool operator==(const Membership&) const = default;
};

// Both clocks at one moment, read by the shell.
struct Now {
  Instant instant{};
  WallTime wall{};
};

// Of the link opened last; the shell drops what an earlier one still delivers.
struct ControllerReceived {
  ControllerMessage message;
};
// `sender` is CURVE's User-Id, never something that the peer said.
struct MeshReceived {
  PublicKey sender;
  MeshMessage message;
};
// A message that could not be decoded; kUnsupported is one of a newer peer.
struct ControllerGarbage {
  Error error;
};
struct MeshGarbage {
  PublicKey sender;
  Error error;
};

// From the engine, without paths.
struct WindowClosed {
  Report report;
};
// FlowHint, ReceiptQuestion and ReceiptsRead too come from the engine, as they are.
struct TraceDone {
  trace::TraceResult result;
};

struct SpoolLevel {
  std::uint64_t batches = 0;
  std::uint64_t bytes = 0;
  std::uint64_t results_dropped = 0;  // since this boot

  bool operator==(const SpoolLevel&) const = default;
};
struct SpoolAppended {
  Status status{};  // a failure means that the report's results are lost
  std::uint64_t results = 0;
  std::optional<SpoolLevel> level{};  // empty: not known, the spool was not asked
  std::uint64_t sequence = 0;         // that the report was given, of this boot; 0: none
};
struct SpoolFetched {
  std::vector<Batch> batches{};  // empty: there are no more
  std::optional<SpoolLevel> level{};
  bool refused = false;  // the order was not carried out: where a lane is read did not change
};

// The answer to EffectSink::collect_facts. `update` is empty where nothing of it is news.
struct FactsCollected {
  std::optional<FactsUpdate> update{};
  Duration pause{};  // until the next collection, so that collecting stays cheap
};

// What became of EffectSink::order_test.
struct TestNews {
  TestProgress progress;
};

// The process is to end.
struct StopRequested {};
// The last window has closed.
struct MeasuringEnded {};

// It is durable. Nothing comes for one that could not be written.
struct MembershipKept {
  Membership membership;
};
// Its public half; the pair is durable. Nothing comes for one that could not be written.
struct NextKeyMade {
  PublicKey key;
};

// The configuration says others now (SIGHUP).
struct LabelsChanged {
  Labels labels;
};

// Every kTickInterval: heartbeats, time-outs, traces that are due.
struct Tick {};
inline constexpr Duration kTickInterval = std::chrono::milliseconds{100};

using Event = std::variant<ControllerReceived, ControllerGarbage, MeshReceived, MeshGarbage,
                           WindowClosed, TraceDone, FlowHint, SpoolAppended, SpoolFetched,
                           MembershipKept, NextKeyMade, FactsCollected, TestNews, StopRequested,
                           MeasuringEnded, LabelsChanged, ReceiptQuestion, ReceiptsRead, Tick>;

}  // namespace faultline::probe_core

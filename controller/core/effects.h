// EffectSink: what the controller's core asks of the world.
//
// Why it exists: the core decides, a shell carries out. The application gives each effect to the
// thread that owns the matter; the simulator carries them out in memory. Effects that have an
// answer name the event that brings it (events.h). No function may call back into the core.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/model/control.h"
#include "common/model/path.h"
#include "controller/core/events.h"
#include "controller/core/planning.h"
#include "controller/core/solve.h"
#include "controller/fleet/fleet.h"
#include "controller/ingest/dedup.h"
#include "controller/notify/outbox.h"

namespace faultline::core {

// A batch that is to be journaled. An empty `batch.payload` is a gap.
struct JournalWrite {
  NodeId node;
  Batch batch;
  WallTime window_start{};
  // To be stored instead of the payload, because its clock was wrong; null: as it came.
  std::shared_ptr<const Report> moved{};
};

struct TracedPath {
  NodeId reporter;
  PathRecord path;
};

// One unit: all of it is durable, or none.
struct Append {
  std::vector<JournalWrite> writes;
  std::vector<ingest::DedupRow> dedup;
  std::vector<TracedPath> paths;
};

enum class Document : std::uint8_t {
  kNode,
  kToken,
  kIncident,
  kOutbox,
  kPlan,
  kControllerKeys,
  kSilence,
};

struct DocumentWrite {
  Document document = Document::kNode;
  std::string key;
  std::optional<std::string> value;  // empty: erase
};

// What changed in the fleet without an operator's request, for the audit log.
struct FleetChange {
  std::string who;      // "node h1", "a join token", "the controller"
  std::string peer;     // where from; empty for the controller itself
  std::string what;     // "join", "rejoin", "change-key", "change-controller-key"
  std::string subject;  // the node, or the key
  std::string note;     // what else came of it; may be empty
};

// The facts that are to be looked over together.
struct CheckJob {
  std::vector<std::pair<NodeId, std::string>> nodes;  // with their names
};

enum class Severity : std::uint8_t { kInfo, kWarning };

class EffectSink {
 public:
  virtual ~EffectSink() = default;

  // To the peer's newest connection; dropped (and counted by the shell) when it has none.
  virtual void send(const PublicKey& to, ControllerMessage message) = 0;
  virtual void decode(NodeId node, Batch batch) = 0;  // BatchDecoded
  // Opens what the node sealed, and decodes it.
  virtual void open(NodeId node, const RelayedBy& by,
                    std::vector<std::byte> sealed) = 0;  // BatchDecoded or SealRefused
  // Seals it for the batch's node, and sends it to who brought that batch.
  virtual void send_sealed(const RelayedBy& by, const BatchAck& ack) = 0;
  virtual void append(Append append) = 0;                                            // AppendDone
  virtual void commit(std::uint64_t commit, std::vector<DocumentWrite> writes) = 0;  // CommitDone
  // One of each is under way at most, but both may be asked for in one step: kPlannerJobsMax.
  virtual void plan(PlanningJob job) = 0;  // PlanningDone
  // Both on the solver, which has one LiveLocalizer; one of them is under way at a time.
  virtual void solve(SolveJob job) = 0;                 // SolveDone
  virtual void recall(RecallJob job) = 0;               // RecallDone
  virtual void deliver(notify::OutboxEntry entry) = 0;  // DeliveryDone
  // Follows the update from what is kept of the node, and keeps that with its history.
  virtual void keep_facts(NodeId node, FactsUpdate update) = 0;  // FactsKept
  virtual void check(CheckJob job) = 0;                          // CheckDone
  virtual void publish_trust(const fleet::TrustTable& trust) = 0;
  // From now on probes are served under this key of the controller; connections under another end.
  virtual void serve_under(const PublicKey& key) = 0;
  virtual void answer(std::uint64_t request, Status status) = 0;
  virtual void record(FleetChange change) = 0;
  virtual void log(Severity severity, std::string_view area, std::string text) = 0;
};

}  // namespace faultline::core

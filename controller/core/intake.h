// Intake: the way of a batch from its arrival to its acknowledgement.
//
//   batch() -> decode -> decoded() -> append (one at a time, with all that waits) -> appended()
//
// Why it exists: "nothing is acknowledged before it is durable, nothing is counted twice" is one
// promise, kept in one place. What cannot be taken in now is dropped and counted: the probe keeps
// it in its spool and sends it again.
//
// Fairness: a node that has nothing in hand is always let in, so one that floods starves nobody;
// the credit of an acknowledgement is a fair share of the room. An acknowledgement with a credit of
// 0 says that something of that node was shed since the last one: it need not wait for a timeout to
// send that again, one batch at a time until the next acknowledgement.
//
// Pure. Thread safety: none; owned by the core.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "controller/core/effects.h"
#include "controller/core/events.h"
#include "controller/core/window_book.h"
#include "controller/fleet/fleet.h"
#include "controller/ingest/clock_skew.h"
#include "controller/ingest/dedup.h"

namespace faultline::core {

// Batches between arrival and append; beyond it those of nodes that have one there are shed.
inline constexpr std::size_t kBatchesShared = 1024;
// So this is what there may be at most.
inline constexpr std::size_t kBatchesInHandMax = kBatchesShared + fleet::kNodesMax;
// Batches that a probe may have unacknowledged, and that are in hand of it at most.
inline constexpr std::uint32_t kCreditPerNode = 32;

struct IntakeCounters {
  std::uint64_t batches = 0;          // durable
  std::uint64_t duplicates = 0;       // acknowledged again, not stored again
  std::uint64_t refused = 0;          // no probe of ours sends such a batch
  std::uint64_t malformed = 0;        // payload that is no report: journaled as a gap, never resent
  std::uint64_t shed = 0;             // no room now; trouble when it grows for long
  std::uint64_t append_failures = 0;  // trouble above 0: the disk
  std::uint64_t gaps = 0;             // durable
  std::uint64_t results_dropped = 0;  // by probes' spools, as the gaps say
  std::uint64_t moved = 0;            // durable windows of a wrong clock, and so moved
  std::uint64_t doubtful = 0;         // of a wrong clock, nobody knew how wrong: not taken in yet

  bool operator==(const IntakeCounters&) const = default;
};

struct NodeAck {
  NodeId node;
  BatchAck ack;
};

struct Appended {
  std::vector<NodeAck> acks;
  std::vector<NodeReport> reports;  // that are durable now
};

class Intake {
 public:
  explicit Intake(Duration window) : window_(window) {}

  void restore(std::span<const ingest::DedupRow> rows) { dedup_.restore(rows); }

  void batch(NodeId node, Batch batch, EffectSink& effects);
  // The same of one that another node brought. False: there is no room for it.
  [[nodiscard]] bool relayed(NodeId node, const RelayedBy& by, std::vector<std::byte> sealed,
                             EffectSink& effects);
  // It could not be opened.
  void refused(NodeId node);
  // Acknowledges at once what was durable before.
  // `skew` of the node's clock, where it is known (clock_skew.h). What it names a time for that
  // nobody can tell yet is not taken in: a heartbeat will tell.
  std::vector<NodeAck> decoded(WallTime now, std::optional<ingest::Skew> skew, BatchDecoded decoded,
                               EffectSink& effects);
  [[nodiscard]] Appended appended(const Status& status, EffectSink& effects);

  // Paths to store with the next append; they never wait for long, windows come all the time.
  void store_path(TracedPath path) { paths_.push_back(std::move(path)); }
  void forget(NodeId node) { dedup_.forget(node); }
  [[nodiscard]] std::vector<ingest::DedupRow> durable() const { return dedup_.durable(); }

  [[nodiscard]] const IntakeCounters& counters() const { return counters_; }
  // Why the last append failed; empty since one succeeded.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

 private:
  struct Item {
    NodeId node;
    Batch batch;
    std::shared_ptr<const Report> report;  // null: a gap, or malformed
    WallTime window_start{};
    bool malformed = false;
    bool moved = false;  // its prober's clock was wrong, and the report says so
  };

  // Of a node that has batches between arrival and append.
  struct InHand {
    std::uint32_t batches = 0;
    bool shed = false;  // and one was, since its last acknowledgement
  };

  [[nodiscard]] bool has_room(NodeId node) const;
  [[nodiscard]] static ingest::Timing put_right(WallTime now, std::optional<ingest::Skew> skew,
                                                BatchDecoded& decoded);
  void enter(NodeId node);
  void leave(NodeId node);
  void shed(NodeId node);
  [[nodiscard]] std::vector<NodeAck> turn_away(const Item& item, ingest::Admission admission);
  void begin_append(EffectSink& effects);
  void count_durable(const Item& item, EffectSink& effects);
  [[nodiscard]] NodeAck ack(NodeId node, BootId boot, std::vector<SequenceInterval> durable);
  [[nodiscard]] std::uint32_t credit(NodeId node);

  Duration window_;
  ingest::Dedup dedup_;
  std::size_t batches_in_hand_ = 0;
  std::map<NodeId, InHand> in_hand_;
  std::vector<Item> waiting_;
  std::vector<Item> appending_;
  std::vector<TracedPath> paths_;
  std::vector<TracedPath> appending_paths_;
  IntakeCounters counters_;
  std::string trouble_;
};

}  // namespace faultline::core

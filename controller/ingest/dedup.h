// Dedup: decides for each batch whether it has to be written, so that no result is counted twice
// and none is acknowledged before it is durable (DESIGN.md decision 5).
//
// A batch passes through three states: unknown -> in flight (admitted, not yet durable) -> durable.
// One write is under way at a time, which makes a group commit of everything that arrives
// meanwhile:
//
//   admit(a) admit(b)  begin_write() -> rows     the caller appends {a, b} and rows in one write
//   admit(c)           (c waits for the next write)
//   finish_write() -> acks for a, b    or    abandon() when the append failed: a, b and c are
//                                      forgotten, the caller drops them, the probes resend them
//
// Bounds: at most kSequenceIntervalsMax intervals per (node, boot), beyond which a batch is
// refused; kBootsPerNodeMax boots per node, beyond which the boot not heard for longest makes room.
// A batch of a boot that was forgotten so is written once more, over the same journal key: still
// never twice there. The number of nodes is bounded by the fleet: the caller passes enrolled nodes
// only.
//
// Pure: time is an argument. Thread safety: none; one owner.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "common/base/time.h"
#include "common/model/control.h"
#include "controller/ingest/interval_set.h"

namespace faultline::ingest {

inline constexpr std::size_t kBootsPerNodeMax = 16;

// What is durable of one (node, boot); stored in one write with the batches that it speaks of.
struct DedupRow {
  NodeId node;
  BootId boot;
  std::vector<SequenceInterval> durable;  // empty: the row is to be removed
  WallTime heard_at{};                    // when the newest batch of it arrived

  bool operator==(const DedupRow&) const = default;
};

enum class Admission : std::uint8_t {
  kWrite,           // new: it belongs to the next write
  kAlreadyDurable,  // acknowledge it (again)
  kInFlight,        // it is acknowledged when the write that holds it is durable: drop this copy
  kRefused,         // over a bound: drop it, the probe sends it again later
  kMalformed,       // no probe of ours sends this; drop it and count
};

class Dedup {
 public:
  // At start, with the stored rows; state is empty before. Rows beyond the bounds are left out,
  // oldest first.
  void restore(std::span<const DedupRow> rows);

  [[nodiscard]] Admission admit(NodeId node, const Batch& batch, WallTime now);

  // Takes everything admitted so far into one write and returns its rows: changed and removed ones.
  // Precondition: no write is under way.
  [[nodiscard]] std::vector<DedupRow> begin_write();
  // The write under way is durable. Returns an acknowledgement for each (node, boot) in it.
  struct Durable {
    NodeId node;
    BootId boot;
    std::vector<SequenceInterval> durable;

    bool operator==(const Durable&) const = default;
  };
  [[nodiscard]] std::vector<Durable> finish_write();
  // The write under way failed: forgets everything that is not durable, also what was admitted
  // since begin_write.
  void abandon();

  [[nodiscard]] std::vector<SequenceInterval> durable(NodeId node, BootId boot) const;
  // All that is durable.
  [[nodiscard]] std::vector<DedupRow> durable() const;
  [[nodiscard]] bool write_under_way() const { return write_under_way_; }
  // A removed node: its rows go with the next write. What it has in flight is still written.
  void forget(NodeId node);

 private:
  struct BootState {
    BootId boot;
    SequenceIntervals durable;
    SequenceIntervals writing;  // durable, and what the write under way adds
    SequenceIntervals claimed;  // writing, and what was admitted since
    WallTime heard_at{};

    [[nodiscard]] bool idle() const { return durable == claimed; }
  };
  using Boots = std::vector<BootState>;

  [[nodiscard]] BootState* find_or_make(NodeId node, BootId boot);

  std::map<NodeId, Boots> nodes_;
  std::vector<DedupRow> removed_;   // rows to remove with the next write
  std::vector<DedupRow> removing_;  // rows that the write under way removes
  bool write_under_way_ = false;
};

}  // namespace faultline::ingest

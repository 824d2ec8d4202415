// Sealer: moves reports that are old enough from `windows` into blocks and roll-ups.
//
// Why it exists: a report must be durable within milliseconds of its arrival, one at a time; it is
// small, and quick to read by pair, only beside its neighbors in time. So results are written
// twice, the second time for good.
//
// Crash safety, exactly once: what a slice adds to blocks and roll-ups and what it removes from
// `windows` is one write. A report that is there again after its block was sealed (its boot was
// forgotten by dedup and it was sent again) is found in the node's block by (boot, sequence) and
// only removed. Late reports make a part of their own.
//
// Thread safety: one thread, the journal's (the writer): nothing may be appended between a slice's
// reads and its write. A slice takes some tens of milliseconds, whatever the fleet's size.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "controller/store/database.h"
#include "controller/store/journal.h"
#include "controller/store/window_cursor.h"

namespace faultline::store {

// About so many windows of flows in one slice.
inline constexpr std::size_t kSliceFlowWindows = 100'000;

class Sealer {
 public:
  explicit Sealer(Database& database) : database_(database) {}

  // One slice of what lies in blocks that ended at or before `before`.
  [[nodiscard]] Result<SealProgress> seal_slice(WallTime before);

 private:
  struct Slice;

  void read_slice(WindowCursor& cursor, Slice& slice) const;
  [[nodiscard]] Status finish_block(WallTime block);
  [[nodiscard]] Status write_slice(Slice& slice, SealProgress& progress);

  Database& database_;
  // Where the next slice begins, when the oldest block is still this one.
  WallTime block_{};
  std::uint32_t partition_ = 0;
  std::uint32_t partitions_ = 4096;  // that the next slice takes: follows the size of the fleet
  std::uint32_t partitions_before_ = 4096;  // this block
  std::uint64_t block_flow_windows_ = 0;
  bool block_is_damaged_ = false;
};

}  // namespace faultline::store

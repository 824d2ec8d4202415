// Stream: the counts of the last minute, five minutes and half hour, kept as windows arrive.
//
// Why it exists: a weak fault needs half an hour of packets and a new one shows within a window,
// but keeping every window of every flow for half an hour costs gigabytes. Each horizon is a ring
// of blocks (6 of 10 s, 5 of a minute, 6 of five minutes; all of them in proportion to the window)
// with one count per flow; a window is added to one block of each ring and the oldest block makes
// room, so memory is bounded by the flows and adding a row costs the same whatever the horizon.
// Counts are exact. Within a block of the longer rings windows are one, so there an onset is known
// to the block. Delays are kept for the shortest horizon only.
//
// Bad counts can be taken out again: of the newest windows, the rows that lost packets are kept
// aside, up to a bound.
//
// rows() are immutable values: solving them never holds up the next window.
//
// Thread safety: none. Times are seconds since the Unix epoch.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <unordered_map>
#include <vector>

#include "controller/localize/observation_set.h"

namespace faultline::localize {

enum class Horizon : std::uint8_t { kMinute, kFiveMinutes, kHalfHour };
inline constexpr std::array<Horizon, 3> kHorizons{Horizon::kMinute, Horizon::kFiveMinutes,
                                                  Horizon::kHalfHour};

class Stream {
 public:
  // The horizons in windows: `minute_windows`, five and thirty times that.
  struct Options {
    std::uint32_t window_s = 10;
    std::uint32_t minute_windows = 6;
    std::uint32_t flows_max = 4'000'000;       // rows of flows beyond these are refused and counted
    std::uint32_t take_out_windows = 0;        // how far back take_out() reaches
    std::uint32_t lossy_rows_max = 4'000'000;  // kept for it; beyond, the oldest window's go
  };
  explicit Stream(const Options& options);

  // Adds rows of the window that ends at `end_s`; windows may come in any order and in parts. Rows
  // that are older than a horizon do not count for it. Rows of a window with the same ends, route,
  // flow, size and class are one flow. A row's delay is a place in `delays`, 0 for none; a row may
  // have no packets, but a delay.
  void add_window(std::int64_t end_s, std::span<const Observation> rows,
                  std::span<const Delay> delays = {});

  // Takes back what rows from or to `node` lost in a window within reach, with their packets and
  // delays; what they did not lose stays. Returns how many rows that were.
  std::uint64_t take_out(std::int64_t end_s, DeviceIndex node);

  // Calls visit(key, end_s, sent, lost, delay) for each flow and block of the horizon, in order of
  // blocks and of first appearance; `delay` is null where there is none, and packets may be 0 then.
  template <typename Visitor>
  void visit(Horizon horizon, Visitor visit) const;
  // One row per flow and block. Delays are appended to `delays`, which holds one at least; without
  // it rows have none.
  [[nodiscard]] std::vector<Observation> rows(Horizon horizon,
                                              std::vector<Delay>* delays = nullptr) const;
  // Rows of windows that end later than this are in the horizon.
  [[nodiscard]] std::int64_t begins_after_s(Horizon horizon) const;
  [[nodiscard]] std::int64_t block_seconds(Horizon horizon) const {
    return ring_of(horizon).block_s;
  }
  // Whether the horizon holds windows that the shortest does not.
  [[nodiscard]] bool reaches_back(Horizon horizon) const;

  struct Key {
    DeviceIndex src;
    DeviceIndex dst;
    RouteIndex forward = kNoRoute;
    RouteIndex back = kNoRoute;
    FlowIndex flow = kNoFlow;
    std::uint32_t size = 0;
    std::int16_t dscp = -1;

    bool operator==(const Key&) const = default;
  };
  // Those of flows that are not in use are empty: kNoRoute.
  [[nodiscard]] std::span<const Key> keys() const { return keys_; }
  // Gives every flow in use another name, by number; two may become one.
  void rename(std::span<const Key> keys);

  [[nodiscard]] std::size_t flow_count() const { return keys_.size() - free_.size(); }
  [[nodiscard]] std::uint64_t refused_rows() const { return refused_rows_; }  // too many flows
  [[nodiscard]] std::uint64_t late_rows() const { return late_rows_; }  // too old for every horizon

 private:
  struct KeyHash {
    std::size_t operator()(const Key& key) const;
  };
  struct Loss {
    std::uint32_t flow = 0;
    std::int32_t lost = 0;  // below 0: taken out
  };
  struct LossyRow {
    std::uint32_t flow = 0;
    std::uint32_t sent = 0;
    std::uint32_t lost = 0;
  };
  struct Block {
    std::int64_t start_s = kNoTime;
    std::vector<std::uint32_t> sent;   // by flow; shorter when none of the later ones sent
    std::vector<std::uint32_t> delay;  // likewise: a place in `delays` plus one
    std::vector<Delay> delays;
    std::vector<Loss> losses;  // a flow may be there twice
  };
  struct Ring {
    std::int64_t block_s = 0;
    std::vector<Block> blocks;
  };
  static constexpr std::uint32_t kNone = 0xffffffff;

  [[nodiscard]] std::uint32_t flow_of(const Observation& row);
  [[nodiscard]] Block& place_of(Ring& ring, std::int64_t block_start_s) const;
  [[nodiscard]] Block* block_at(Ring& ring, std::int64_t start_s);
  [[nodiscard]] std::vector<const Block*> blocks_of(const Ring& ring) const;
  [[nodiscard]] std::int64_t oldest_start_s(const Ring& ring) const;
  [[nodiscard]] const Ring& ring_of(Horizon horizon) const {
    return rings_[static_cast<std::size_t>(horizon)];
  }
  void keep_lossy_row(std::int64_t start_s, const LossyRow& row);
  void forget_silent_flows();

  Options options_;
  std::array<Ring, 3> rings_;
  std::int64_t newest_start_s_ = kNoTime;  // of a window
  std::vector<Key> keys_;                  // by flow
  std::unordered_map<Key, std::uint32_t, KeyHash> flow_by_key_;
  std::vector<std::uint32_t> free_;
  std::uint32_t next_ = 0;  // the flow that comes next if rows keep their order
  std::map<std::int64_t, std::vector<LossyRow>> lossy_;  // by start of the window
  std::size_t lossy_count_ = 0;
  std::uint64_t refused_rows_ = 0;
  std::uint64_t late_rows_ = 0;
};

template <typename Visitor>
void Stream::visit(Horizon horizon, Visitor visit) const {
  const Ring& ring = ring_of(horizon);
  std::vector<std::int64_t> lost(keys_.size());
  for (const Block* block : blocks_of(ring)) {
    for (const Loss& loss : block->losses) lost[loss.flow] += loss.lost;
    const std::size_t flows = std::max(block->sent.size(), block->delay.size());
    for (std::uint32_t i = 0; i < flows; ++i) {
      const std::uint64_t sent = i < block->sent.size() ? block->sent[i] : 0;
      const std::uint32_t delay = i < block->delay.size() ? block->delay[i] : 0;
      if (sent == 0 && delay == 0) continue;
      visit(keys_[i], block->start_s + ring.block_s, sent, static_cast<std::uint64_t>(lost[i]),
            delay == 0 ? nullptr : &block->delays[delay - 1]);
    }
    for (const Loss& loss : block->losses) lost[loss.flow] = 0;
  }
}

}  // namespace faultline::localize

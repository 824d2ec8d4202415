// Stream: the counts of the last minute, five minutes and half hour, kept as windows arrive.
//
// Why it exists: a weak fault needs half an hour of packets and a new one shows within a window,
// but keeping every window of every flow for half an hour costs gigabytes. Each horizon is a ring
// of blocks (6 of 10 s, 5 of a minute, 6 of five minutes) with one count per flow; a window is
// added to one block of each ring and the oldest block makes room, so memory is bounded by the
// flows and adding a row costs the same whatever the horizon. Counts are exact. Within a block of
// the longer rings windows are one, so there an onset is known to the block.
//
// rows() are immutable values: solving them never holds up the next window.
//
// Thread safety: none. Times are seconds since the Unix epoch.
#pragma once

#include <array>
#include <cstdint>
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
  struct Options {
    std::uint32_t window_s = 10;
    std::uint32_t flows_max = 4'000'000;  // rows of flows beyond these are refused and counted
  };
  explicit Stream(const Options& options);

  // Adds rows of the window that ends at `end_s`; windows may come in any order and in parts. Rows
  // that are older than a horizon do not count for it. Rows of a window with the same ends, route,
  // flow, size and class are one flow.
  void add_window(std::int64_t end_s, std::span<const Observation> rows);

  // One row per flow and block of the horizon, in order of blocks and of first appearance.
  [[nodiscard]] std::vector<Observation> rows(Horizon horizon) const;
  // Rows of windows that end later than this are in the horizon.
  [[nodiscard]] std::int64_t begins_after_s(Horizon horizon) const;

  [[nodiscard]] std::size_t flow_count() const { return keys_.size() - free_.size(); }
  [[nodiscard]] std::uint64_t refused_rows() const { return refused_rows_; }  // too many flows
  [[nodiscard]] std::uint64_t late_rows() const { return late_rows_; }  // too old for every horizon

 private:
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
  struct KeyHash {
    std::size_t operator()(const Key& key) const;
  };
  struct Loss {
    std::uint32_t flow = 0;
    std::uint32_t lost = 0;
  };
  struct Block {
    std::int64_t start_s = kNoTime;
    std::vector<std::uint32_t> sent;   // by flow; shorter when none of the later ones sent
    std::vector<std::uint32_t> delay;  // likewise, blocks of one window only
    std::vector<Loss> losses;          // a flow may be there twice
  };
  struct Ring {
    std::int64_t block_s = 0;
    std::vector<Block> blocks;
  };
  static constexpr std::uint32_t kNone = 0xffffffff;

  [[nodiscard]] std::uint32_t flow_of(const Observation& row);
  [[nodiscard]] Block* block_at(Ring& ring, std::int64_t start_s);
  [[nodiscard]] std::int64_t oldest_start_s(const Ring& ring) const;
  void forget_silent_flows();

  Options options_;
  std::array<Ring, 3> rings_;
  std::int64_t newest_start_s_ = kNoTime;  // of a window
  std::vector<Key> keys_;                  // by flow
  std::unordered_map<Key, std::uint32_t, KeyHash> flow_by_key_;
  std::vector<std::uint32_t> free_;
  std::uint32_t next_ = 0;  // the flow that comes next if rows keep their order
  std::uint64_t refused_rows_ = 0;
  std::uint64_t late_rows_ = 0;
};

}  // namespace faultline::localize

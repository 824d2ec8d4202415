// FlowBlock: all that one node reported of one target in a stretch of time, as columns.
//
// Why it exists: raw windows are most of what is stored. The same few flows come back window after
// window with nearly the same numbers, so a column holds what differs from a prediction: counts
// from the window before, delays from a running mean. That takes a quarter of the bytes of the
// reports as they were sent, loses nothing, and one pair's day is read without touching any other.
//
// A block has one or more parts, one behind the other: results that come late are a part of their
// own, so that adding them never reads what is there.
//
//   part   | length 4 | columns n |              n bytes, in bits:
//   columns| layout v | id v | windows | ports | presence | counts | delays | histograms |
//     windows     runs of equal distance: (start v, window v, step v, count v); of all reports of
//                 the node in this part, so that a number means the same in every part of one id
//     ports       count v, then differences v, ascending
//     presence    per flow: 1 bit "in every window", else a bit each
//     counts      sent, lost_forward, lost_return, lost_undetermined, duplicated, reordered, late
//     delays      rtt_min, rtt_mean - rtt_min, rtt_max - rtt_mean, of windows with answers
//     histograms  per window: 1 bit "none", or buckets in Rice's code
//   v is a varint; a column of a flow is 1 bit "as predicted" or k (6 bits) and Rice's code
//   (bits.h)
//
// Pure. Thread safety: none needed.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "common/model/report.h"

namespace faultline::store {

// When a report's window was. `start` ascends within a part; two boots may share a window.
struct WindowTime {
  WallTime start{};
  Duration window{};

  bool operator==(const WindowTime&) const = default;
};

inline constexpr std::size_t kPartWindowsMax = 8192;

struct FlowPart {
  struct Row {
    std::uint32_t window = 0;  // index into windows
    FlowWindow flow{};         // its target is the block's

    bool operator==(const Row&) const = default;
  };
  struct Delay {
    std::uint32_t window = 0;
    stats::Histogram rtt{};

    bool operator==(const Delay&) const = default;
  };

  std::uint64_t id = 0;  // of the seal that made it; the same for all targets of the node
  std::vector<WindowTime> windows{};
  std::vector<Row> rows{};      // by source port, then window; unique
  std::vector<Delay> delays{};  // by window; unique

  bool operator==(const FlowPart&) const = default;
};

// Precondition: as the comments on FlowPart say, at most kPartWindowsMax windows.
[[nodiscard]] std::string encode_part(const FlowPart& part);

// Takes all parts of a block, each as soon as it is decoded. False when one is damaged or of a
// layout that is not known: what came before it was passed on.
[[nodiscard]] bool decode_parts(std::string_view block, NodeId target,
                                const std::function<void(FlowPart)>& take);

}  // namespace faultline::store

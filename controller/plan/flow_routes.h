// FlowRoutes: flows with the links that they cross, as coverage and selection look at them.
//
// Why it exists: what a plan can tell apart depends on nothing but who crosses what. Nodes, ports
// and names stay with the caller; here everything is a number, and a million candidates fit in
// little memory.
//
// A flow is a session: it measures two rows of links, forward and return, each for itself
// (RFC 8762's stateful reflector), so one flow yields two measurements. A flow of which only round
// trips are known has all its links in the forward row.
//
// Thread safety: none; build it on one thread, then share it as const.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace faultline::plan {

using LinkNumber = std::uint32_t;  // of a directed link, 0 to links() - 1
using FlowNumber = std::uint32_t;

// The two rows, as bits.
inline constexpr std::uint32_t kForwardRow = 1;
inline constexpr std::uint32_t kReturnRow = 2;

struct Crossing {
  std::uint32_t link : 30 = 0;
  std::uint32_t rows : 2 = 0;  // which of the flow's rows cross it

  bool operator==(const Crossing&) const = default;
};

inline constexpr std::uint32_t kRoutedLinksMax = 1U << 30;

struct FlowEnds {
  std::uint32_t source = 0;  // numbers of nodes, the caller's
  std::uint32_t target = 0;

  // The same for both directions of measuring: a pair of hosts.
  [[nodiscard]] std::uint64_t pair() const {
    const auto low = source < target ? source : target;
    return std::uint64_t{low} << 32 | (source ^ target ^ low);
  }
  bool operator==(const FlowEnds&) const = default;
};

class FlowRoutes {
 public:
  // `links`: how many directed links there are, crossed or not; at most kRoutedLinksMax.
  explicit FlowRoutes(std::uint32_t links = 0) : links_(links) {}

  LinkNumber add_link() { return links_++; }

  // Links may come in any order and repeatedly; an empty row is one of which nothing is known.
  FlowNumber add(const FlowEnds& ends, std::span<const LinkNumber> forward,
                 std::span<const LinkNumber> back);

  [[nodiscard]] std::uint32_t links() const { return links_; }
  [[nodiscard]] FlowNumber size() const { return static_cast<FlowNumber>(ends_.size()); }
  [[nodiscard]] const FlowEnds& ends(FlowNumber flow) const { return ends_[flow]; }
  // Ascending by link, each link once.
  [[nodiscard]] std::span<const Crossing> crossings(FlowNumber flow) const {
    const std::size_t begin = flow == 0 ? 0 : crossing_ends_[flow - 1];
    return std::span(crossings_).subspan(begin, crossing_ends_[flow] - begin);
  }

 private:
  std::uint32_t links_;
  std::vector<FlowEnds> ends_;
  std::vector<Crossing> crossings_;  // flow by flow
  std::vector<std::size_t> crossing_ends_;
};

}  // namespace faultline::plan

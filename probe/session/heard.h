// Heard: from which addresses packets come to this probe's reflector, and when the last one came.
//
// Why it exists: when nothing comes back, the sender cannot tell whether what it sends is lost on
// the way there or its answers on the way back. The far end can: it has heard them, or not. And
// what is refused from an address that nobody knows shows that somebody on the way translates.
//
// Invariant: at most kHeardMax entries, told apart by address and by whether they were refused; at
// the limit the one that was silent for longest is forgotten. Not thread safe. After construction
// it allocates nothing but in told().
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/base/time.h"
#include "common/model/address.h"

namespace faultline::session {

inline constexpr std::size_t kHeardMax = 512;

struct HeardFrom {
  IpAddress address{};
  bool refused = false;  // of a stranger, or not as the plan has it; else it was answered
  std::uint64_t packets = 0;
  WallTime last_at{};

  bool operator==(const HeardFrom&) const = default;
};

class Heard {
 public:
  Heard() { entries_.reserve(kHeardMax); }

  void note(const IpAddress& from, bool refused, WallTime at);
  // Ascending by address, answered before refused.
  [[nodiscard]] std::vector<HeardFrom> told() const { return entries_; }
  [[nodiscard]] std::uint64_t forgotten() const { return forgotten_; }

 private:
  std::vector<HeardFrom> entries_;
  std::uint64_t forgotten_ = 0;
};

}  // namespace faultline::session

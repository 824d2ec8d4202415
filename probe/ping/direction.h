// Which way the pings that were not answered were lost, where the far end counts what it answers.
//
// A stateful STAMP reflector numbers its replies (RFC 8762 section 4.3.1), a stateless one, and
// many of TWAMP Light, copies the sender's number. Nothing in a packet says which of the two it is:
// it is stateful if a number was not copied. One whose every number equals the sender's may be
// either, and then no direction is claimed. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "probe/ping/series.h"
#include "probe/session/attribution.h"

namespace faultline::ping {

class Directions {
 public:
  explicit Directions(std::size_t count) : fates_(count) {}

  // Every reply, also a late one and a second one of the same ping: it says what arrived.
  void heard(const Answer& answer);
  // Of the pings of `series` that were never heard of; empty when the far end does not count.
  [[nodiscard]] std::optional<session::Loss> loss(const Series& series) const;

 private:
  std::vector<session::Fate> fates_;
  bool stateful_ = false;
};

}  // namespace faultline::ping

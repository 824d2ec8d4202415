// How a node's facts get to whoever keeps them: all of them once, then what changed.
//
// Why it exists: both ends of the exchange are here, so that they cannot disagree about it. The
// sender builds on what the keeper last said it has, so that whatever is lost is made up for by the
// next update.
//
// Thread safety: pure; a Sender belongs to one thread.
#pragma once

#include <cstdint>
#include <optional>

#include "common/base/result.h"
#include "common/facts/facts.h"
#include "common/model/control.h"

namespace faultline::facts {

// What only counts upwards or comes and goes by itself travels at least so often.
inline constexpr Duration kRefreshInterval = std::chrono::minutes{10};

// FNV-1a of the compact document; never 0.
[[nodiscard]] std::uint64_t digest_of(const Facts& facts);

// Without counters, times, clients' sockets and neighbors that are no gateways: two snapshots with
// equal ones are worth no message. Not for anything but comparing: totals are left out.
[[nodiscard]] Facts lasting(Facts facts);

class Sender {
 public:
  // What to send for this snapshot; empty: nothing of it is news. kLimit: it does not fit a
  // message.
  [[nodiscard]] Result<std::optional<FactsUpdate>> next(const Facts& facts);
  // What the keeper has. Another digest than that of the last update: the next one is all of it.
  void acknowledged(const FactsAck& ack);

 private:
  struct Held {
    Facts facts{};
    std::uint64_t digest = 0;
  };

  std::optional<Held> base_;     // what the keeper has
  std::optional<Held> pending_;  // what was sent last
};

// The keeper's side: the snapshot after the update. `latest` is what is kept; kConflict: the update
// builds on another one, so that all of it has to be asked for.
[[nodiscard]] Result<Facts> follow(const std::optional<Facts>& latest, const FactsUpdate& update);

}  // namespace faultline::facts

// FailureLimiter: how many failed attempts to authenticate an address may make.
//
// Why it exists: a stranger who tries tokens costs answers, lines of the log and audit records, and
// each of these must be bounded. It is no defense of the secrets, which cannot be guessed, and so
// never keeps a valid token out: many machines may share one address.
//
// Bounds: kFailurePeersMax addresses; those beyond share one budget. Pure; thread safety: none.
#pragma once

#include <map>
#include <string>

#include "common/base/time.h"
#include "common/stats/token_bucket.h"

namespace faultline::access {

inline constexpr double kFailuresBurst = 10;                                 // at once
inline constexpr Duration kFailureInterval = std::chrono::seconds{6};        // then one each
inline constexpr Duration kFailurePeerForgotten = std::chrono::seconds{60};  // full again by then
inline constexpr std::size_t kFailurePeersMax = 1024;

class FailureLimiter {
 public:
  explicit FailureLimiter(Instant now) : others_(fresh(now)) {}

  // Counts a failed attempt; false when the address has had its share.
  [[nodiscard]] bool admit(const std::string& address, Instant now);

 private:
  struct Peer {
    stats::TokenBucket budget;
    Instant last;
  };

  static stats::TokenBucket fresh(Instant now);

  std::map<std::string, Peer> peers_;
  stats::TokenBucket others_;
};

}  // namespace faultline::access

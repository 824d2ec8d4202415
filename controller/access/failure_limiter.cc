#include "controller/access/failure_limiter.h"

namespace faultline::access {

stats::TokenBucket FailureLimiter::fresh(Instant now) {
  return {1 / std::chrono::duration<double>(kFailureInterval).count(), kFailuresBurst, now};
}

bool FailureLimiter::admit(const std::string& address, Instant now) {
  auto peer = peers_.find(address);
  if (peer == peers_.end() && peers_.size() >= kFailurePeersMax) {
    std::erase_if(peers_, [&](const auto& entry) {
      return now - entry.second.last >= kFailurePeerForgotten;
    });
    if (peers_.size() >= kFailurePeersMax) return others_.take(now);
  }
  if (peer == peers_.end()) peer = peers_.emplace(address, Peer{fresh(now), now}).first;
  peer->second.last = now;
  return peer->second.budget.take(now);
}

}  // namespace faultline::access

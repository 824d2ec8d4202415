#include "probe/trace/trace.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace faultline::trace {

bool Trace::in_flight(const Ttl& ttl, Instant now) const {
  return ttl.state == State::kInFlight && now < ttl.sent_at + kProbeTimeout;
}

// Nothing more is to be learned: it answered, or all attempts have timed out.
bool Trace::settled(const Ttl& ttl, Instant now) const {
  if (ttl.state == State::kRouter || ttl.state == State::kEnd) return true;
  return ttl.attempts == ttl.attempts_max && !in_flight(ttl, now);
}

std::optional<std::uint8_t> Trace::wanted(Instant now) const {
  std::uint8_t unsettled = 0;
  for (std::uint8_t ttl = 1; ttl <= last_; ++ttl) {
    const Ttl& candidate = at(ttl);
    if (settled(candidate, now)) continue;
    if (short_quotes_) {
      const bool idle =
          std::ranges::none_of(ttls_, [&](const Ttl& t) { return in_flight(t, now); });
      return idle ? std::optional(ttl) : std::nullopt;
    }
    if (++unsettled > kTtlsAhead) return std::nullopt;
    if (!in_flight(candidate, now)) return ttl;
  }
  return std::nullopt;
}

ProbeTag Trace::send(std::uint8_t ttl, Instant now) {
  FAULTLINE_CHECK(ttl >= 1 && ttl <= kTtlMax, "a TTL beyond the longest path");
  Ttl& probed = ttls_[ttl];
  FAULTLINE_CHECK(probed.attempts < probed.attempts_max, "a TTL is tried attempts_max times");
  probed.state = State::kInFlight;
  probed.sent_at = now;
  return {.run = run_, .attempt = probed.attempts++, .ttl = ttl};
}

Instant Trace::next_timeout(Instant now) const {
  Instant next = Instant::max();
  for (const Ttl& probed : ttls_) {
    if (in_flight(probed, now)) next = std::min(next, probed.sent_at + kProbeTimeout);
  }
  return next;
}

std::optional<std::uint8_t> Trace::only_outstanding(Instant now) const {
  std::optional<std::uint8_t> found;
  for (std::uint8_t ttl = 1; ttl <= kTtlMax; ++ttl) {
    if (!in_flight(at(ttl), now)) continue;
    if (found) return std::nullopt;
    found = ttl;
  }
  return found;
}

bool Trace::issued(ProbeTag tag) const {
  return tag.run == run_ && tag.ttl >= 1 && tag.ttl <= kTtlMax &&
         tag.attempt < at(tag.ttl).attempts;
}

void Trace::settle(std::uint8_t ttl, bool far_end, bool ends_here, const IpAddress& from) {
  Ttl& probed = ttls_[ttl];
  if (probed.state != State::kInFlight) return;  // a second answer to the same TTL
  probed.state = far_end ? State::kEnd : State::kRouter;
  probed.router = from;
  if (ends_here) last_ = std::min(last_, ttl);
  if (far_end && !std::exchange(far_end_heard_, true)) retry_silent(probed.sent_at);
}

// Only attempts that were in flight together with the one that reached the far end count: whatever
// swallowed the older ones may be gone.
void Trace::retry_silent(Instant end_probed_at) {
  for (std::uint8_t ttl = 1; ttl < last_; ++ttl) {
    Ttl& silent = ttls_[ttl];
    if (silent.state != State::kInFlight) continue;
    const bool counts = silent.sent_at + kProbeTimeout > end_probed_at;
    silent.attempts_max =
        static_cast<std::uint8_t>(silent.attempts + kAttemptsMax - (counts ? 1 : 0));
  }
}

bool Trace::on_error(const HopError& error, Instant now) {
  const bool far_end = error.from == order_.remote.address;
  const bool ends_here = far_end || !error.ttl_exceeded;
  if (error.sequence) {
    const auto tag = ProbeTag::from_sequence(*error.sequence);
    if (!issued(tag)) return false;
    settle(tag.ttl, far_end, ends_here, error.from);
    return true;
  }
  short_quotes_ = true;
  const auto ttl = only_outstanding(now);
  if (!ttl) return false;
  settle(*ttl, far_end, ends_here, error.from);
  return true;
}

bool Trace::on_answer(ProbeTag tag) {
  if (!issued(tag)) return false;
  settle(tag.ttl, true, true, order_.remote.address);
  return true;
}

std::optional<Trace::Outcome> Trace::outcome(Instant now) const {
  std::uint8_t silent_run = 0;
  std::uint8_t known = 0;  // hops up to the last that answered
  auto ended = last_ < kTtlMax ? PathEnd::kUnreachable : PathEnd::kTooLong;
  for (std::uint8_t ttl = 1; ttl <= last_; ++ttl) {
    const Ttl& probed = at(ttl);
    if (!settled(probed, now)) return std::nullopt;
    if (probed.state == State::kEnd) {
      return Outcome{.ended = PathEnd::kReached, .hops = static_cast<std::uint8_t>(ttl - 1)};
    }
    if (probed.state == State::kRouter) {
      known = ttl;
      silent_run = 0;
    } else if (++silent_run == kSilentRunMax && last_ == kTtlMax) {
      ended = PathEnd::kSilent;
      break;
    }
  }
  // A router that cannot reach the next hop says so for the TTL after its own.
  const bool twice = known >= 2 && at(known - 1).state == State::kRouter &&
                     at(known - 1).router == at(known).router && known == last_;
  if (twice) --known;
  if (loops(known)) ended = PathEnd::kLoop;
  return Outcome{.ended = ended, .hops = std::min<std::uint8_t>(known, kPathHopsMax)};
}

// Neighbors of one address are a router that answers for two TTLs, which is none.
bool Trace::loops(std::uint8_t hops) const {
  for (std::size_t later = 3; later <= hops; ++later) {
    for (std::size_t ttl = 1; ttl + 1 < later; ++ttl) {
      const bool both = at(ttl).state == State::kRouter && at(later).state == State::kRouter;
      if (both && at(ttl).router == at(later).router && at(later - 1).router != at(later).router) {
        return true;
      }
    }
  }
  return false;
}

TraceResult Trace::result(Instant now) const {
  TraceResult result;
  result.id = order_.id;
  const auto found = outcome(now);
  if (!found) return result;
  result.complete = found->ended == PathEnd::kReached;
  result.ended = found->ended;
  for (std::uint8_t ttl = 1; ttl <= found->hops; ++ttl) {
    const Ttl& probed = at(ttl);
    result.hops.push_back(
        {probed.state == State::kRouter ? std::optional(probed.router) : std::nullopt});
  }
  return result;
}

}  // namespace faultline::trace

#include "probe/paths/exploration.h"

#include <algorithm>

#include "common/base/check.h"

namespace faultline::paths {
namespace {

constexpr double kHopShare = 0.2;  // of the rate
constexpr std::size_t kTtlCount = kTtlMax + 1;

}  // namespace

std::string_view to_string(Ended ended) {
  static constexpr std::array<std::string_view, 6> kNames{"pending", "reached", "unreachable",
                                                          "silent",  "loop",    "ttl-limit"};
  return kNames.at(static_cast<std::size_t>(ended));
}

Exploration::Exploration(const IpAddress& target, const ExplorationOptions& options, Instant now)
    : target_(target),
      options_(options),
      flows_(options.flows),
      cells_(options.flows * kTtlCount),
      budget_(options.rate, 1, now) {
  FAULTLINE_CHECK(options.flows > 0 && options.rate > 0, "validated by the order");
  hop_budget_.assign(kTtlCount, stats::TokenBucket(options.rate * kHopShare, 1, now));
  hop_budget_[0] = stats::TokenBucket(options.rate, 1, now);  // the target is no router
}

Exploration::Cell& Exploration::cell(std::uint16_t flow, std::uint8_t ttl) {
  return cells_[flow * kTtlCount + ttl];
}
const Exploration::Cell& Exploration::cell(std::uint16_t flow, std::uint8_t ttl) const {
  return cells_[flow * kTtlCount + ttl];
}

Probe Exploration::issue(std::uint16_t flow, std::uint8_t ttl, Instant now) {
  (void)budget_.take(now);
  (void)hop_budget_[ttl].take(now);
  const Probe probe{.id = static_cast<std::uint32_t>(probes_.size() + 1), .flow = flow, .ttl = ttl};
  probes_.push_back({.probe = probe, .at = now});
  cell(flow, ttl).probes.push_back(probe.id);
  return probe;
}

void Exploration::expire(Instant now) {
  for (auto i = settled_before_; i < probes_.size(); ++i) {
    if (now >= probes_[i].at + options_.timeout) probes_[i].settled = true;
  }
  while (settled_before_ < probes_.size() && probes_[settled_before_].settled) ++settled_before_;
}

bool Exploration::first_settled(std::uint16_t flow, std::uint8_t ttl) const {
  const auto& probes = cell(flow, ttl).probes;
  return !probes.empty() && probes_[probes.front() - 1].settled;
}

std::optional<IpAddress> Exploration::router(std::uint16_t flow, std::uint8_t ttl) const {
  for (const auto id : cell(flow, ttl).probes) {
    const auto& sent = probes_[id - 1];
    if (sent.answered_at && sent.reply.ttl_exceeded && !sent.reply.from_target) {
      return sent.reply.from;
    }
  }
  return std::nullopt;
}

void Exploration::look_for_ends() {
  for (std::uint16_t flow = 0; flow < options_.flows; ++flow) {
    if (flows_[flow].end == 0) look_for_end(flow);
  }
}

// Looks along the TTLs in order, as far as each is settled.
void Exploration::look_for_end(std::uint16_t flow) {
  auto& state = flows_[flow];
  std::uint8_t silent = 0;
  std::map<IpAddress, std::uint8_t> met;  // how often, of routers
  std::optional<IpAddress> previous;
  for (std::uint8_t ttl = 1; ttl <= state.asked && first_settled(flow, ttl); ++ttl) {
    const auto& sent = probes_[cell(flow, ttl).probes.front() - 1];
    if (!sent.answered_at) {
      if (++silent < kSilentMax) continue;
      state.end = static_cast<std::uint8_t>(ttl - silent + 1);
      state.ended = Ended::kSilent;
      return;
    }
    silent = 0;
    if (sent.reply.from_target || !sent.reply.ttl_exceeded) {
      state.end = ttl;
      state.ended = sent.reply.from_target ? Ended::kReached : Ended::kUnreachable;
      state.ended_by = sent.reply.from;
      state.ended_type = sent.reply.type;
      state.ended_code = sent.reply.code;
      return;
    }
    // A router met a third time, and not in a row, is on a loop; in a row it may rewrite the TTL.
    const bool again = previous != sent.reply.from;
    previous = sent.reply.from;
    if (again && ++met[sent.reply.from] == 3) {
      state.end = ttl;
      state.ended = Ended::kLoop;
      state.ended_by = sent.reply.from;
      return;
    }
    if (ttl == kTtlMax) {
      state.end = ttl;
      state.ended = Ended::kTtlLimit;
    }
  }
}

std::optional<Probe> Exploration::first_pass(Instant now) {
  bool all = true;
  for (std::uint8_t ttl = 1; ttl <= kTtlMax; ++ttl) {
    for (std::uint16_t flow = 0; flow < options_.flows; ++flow) {
      auto& state = flows_[flow];
      if (state.end != 0) continue;
      all = false;
      if (state.asked + 1 != ttl) continue;
      if (ttl > kAhead && !first_settled(flow, static_cast<std::uint8_t>(ttl - kAhead))) continue;
      if (hop_budget_[ttl].next(now) > now) break;
      state.asked = ttl;
      return issue(flow, ttl, now);
    }
  }
  first_done_ = all;
  return std::nullopt;
}

std::optional<Probe> Exploration::later_pass(Instant now) {
  bool all = true;
  for (std::uint16_t attempt = 0; attempt < options_.attempts; ++attempt) {
    for (std::uint8_t ttl = 0; ttl < kTtlMax; ++ttl) {
      for (std::uint16_t flow = 0; flow < options_.flows; ++flow) {
        const auto& state = flows_[flow];
        const auto last = state.ended == Ended::kLoop ? state.end : state.end - 1;
        if (ttl > last || cell(flow, ttl).probes.size() > attempt) continue;
        all = false;
        if (hop_budget_[ttl].next(now) <= now) return issue(flow, ttl, now);
        break;
      }
    }
  }
  done_ = all && settled_before_ == probes_.size();
  return std::nullopt;
}

std::optional<Probe> Exploration::next(Instant now) {
  expire(now);
  if (!first_done_) look_for_ends();
  if (done_ || budget_.next(now) > now) return std::nullopt;
  if (probes_.size() >= kProbesMax) {
    done_ = settled_before_ == probes_.size();
    return std::nullopt;
  }
  if (!first_done_) {
    if (auto probe = first_pass(now)) return probe;
  }
  return first_done_ ? later_pass(now) : std::nullopt;
}

void Exploration::on_reply(std::uint32_t id, const Reply& reply, Instant now) {
  if (id < 1 || id > probes_.size()) return;
  auto& sent = probes_[id - 1];
  if (sent.answered_at) return;
  sent.answered_at = now;
  sent.reply = reply;
  sent.settled = true;
}

void Exploration::on_unnamed_reply(std::uint16_t flow, const Reply& reply, Instant now) {
  std::uint32_t only = 0;
  for (auto i = settled_before_; i < probes_.size(); ++i) {
    if (probes_[i].probe.flow != flow || probes_[i].settled) continue;
    if (only != 0) {
      ++unattributed_;
      return;
    }
    only = probes_[i].probe.id;
  }
  on_reply(only, reply, now);
}

Instant Exploration::next_event(Instant now) {
  if (done_) return Instant::max();
  auto next = Instant::max();
  for (auto i = settled_before_; i < probes_.size(); ++i) {
    if (!probes_[i].settled) next = std::min(next, probes_[i].at + options_.timeout);
  }
  // What is held up by a hop's budget is looked at again with the next token of the whole.
  const Duration turn{static_cast<std::int64_t>(1e9 / options_.rate)};
  return std::min(next, std::max(budget_.next(now), now + turn));
}

}  // namespace faultline::paths

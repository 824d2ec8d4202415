// What an exploration saw, put into words: which paths there are, and what is odd about them.
#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "probe/paths/exploration.h"

namespace faultline::paths {
namespace {

constexpr std::size_t kRemarksOfAKindMax = 4;
constexpr std::uint8_t kFullTtl = 255;
constexpr double kDoubt = 1e-4;  // that a router which answers nothing only suffers from the loss

std::optional<Duration> median(std::vector<Duration>& values) {
  if (values.empty()) return std::nullopt;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

void remark(ExplorationReport& report, std::string_view kind, std::string text) {
  const auto same = std::ranges::count(report.remarks, kind, &Remark::kind);
  if (static_cast<std::size_t>(same) < kRemarksOfAKindMax) {
    report.remarks.push_back({.kind = kind, .text = std::move(text)});
  }
}

std::string name_of(const std::optional<IpAddress>& address) {
  return address ? address->to_string() : "*";
}

double answered_share(const Path& path) {
  return path.sent == 0 ? 0 : static_cast<double>(path.answered) / path.sent;
}

// How the answers of one flow at one hop alternate: once for a change of the route, again and again
// for balancing packet by packet.
std::size_t changes(const std::vector<IpAddress>& in_order) {
  std::size_t count = 0;
  for (std::size_t i = 1; i < in_order.size(); ++i) count += in_order[i] != in_order[i - 1];
  return count;
}

}  // namespace

HopCount Exploration::count(std::uint16_t flow, std::uint8_t ttl) const {
  HopCount hop;
  std::vector<Duration> rtts;
  std::set<IpAddress> addresses;
  for (const auto id : cell(flow, ttl).probes) {
    const auto& sent = probes_[id - 1];
    ++hop.sent;
    // Asked directly, only the target can answer; a router that says why not is no answer.
    if (!sent.answered_at || (ttl == 0 && !sent.reply.from_target)) continue;
    ++hop.answered;
    rtts.push_back(*sent.answered_at - sent.at);
    addresses.insert(sent.reply.from);
    if (!hop.address) hop.address = sent.reply.from;
  }
  hop.addresses = static_cast<std::uint32_t>(std::max<std::size_t>(addresses.size(), 1));
  if (!rtts.empty()) hop.rtt_min = *std::ranges::min_element(rtts);
  hop.rtt_median = median(rtts);
  return hop;
}

Path Exploration::path_of(std::uint16_t flow) const {
  const auto& state = flows_[flow];
  Path path{.flows = {flow},
            .ended = state.ended,
            .ended_by = state.ended_by,
            .ended_code = state.ended_code,
            .ended_type = state.ended_type};
  const auto last = state.ended == Ended::kLoop ? state.end : std::max(state.end - 1, 0);
  for (std::uint8_t ttl = 1; ttl <= last; ++ttl) {
    auto hop = count(flow, ttl);
    if (hop.address == target_) {  // it did not answer at first, and a later packet it did
      path.ended = Ended::kReached;
      path.ended_by = target_;
      break;
    }
    path.hops.push_back(hop);
  }
  const auto target = count(flow, 0);
  path.sent = target.sent;
  path.answered = target.answered;
  if (path.ended == Ended::kSilent && target.answered > 0) {  // nobody on the way says anything
    path.ended = Ended::kReached;
    path.ended_by = target_;
  }
  settle_length(path);
  for (const auto id : cell(flow, 0).probes) {
    const auto& sent = probes_[id - 1];
    path.reflected = path.reflected || (sent.answered_at && sent.reply.type == 0);
  }
  path.rtt_min = target.rtt_min;
  path.rtt_median = target.rtt_median;
  return path;
}

// How many routers there are, as the target saw: what is silent between the last one that answered
// and the target are routers that say nothing, or the target when its answers were lost.
void Exploration::settle_length(Path& path) const {
  const auto flow = path.flows.front();
  const auto routers = routers_seen(flow);
  if (path.ended != Ended::kReached || !routers) return;
  const auto last = std::find_if(path.hops.rbegin(), path.hops.rend(),
                                 [](const HopCount& hop) { return hop.address.has_value(); });
  const auto known = path.hops.rend() - last;
  if (*routers < known || *routers > std::max<int>(flows_[flow].end - 1, flows_[flow].asked))
    return;
  const auto length = static_cast<std::size_t>(*routers);
  for (auto ttl = path.hops.size() + 1; ttl <= length; ++ttl) {
    path.hops.push_back(count(flow, static_cast<std::uint8_t>(ttl)));
  }
  path.hops.resize(length);
}

std::optional<int> Exploration::routers_seen(std::uint16_t flow) const {
  for (const auto id : cell(flow, 0).probes) {
    const auto& sent = probes_[id - 1];
    if (sent.answered_at && sent.reply.arrived_ttl) return kFullTtl - *sent.reply.arrived_ttl;
  }
  return std::nullopt;
}

// The median of medians will do: the flows share the way.
void Exploration::add_to(Path& path, const Path& other) const {
  const auto join = [](std::optional<Duration>& a, const std::optional<Duration>& b) {
    if (b && (!a || *b < *a)) a = b;
  };
  const auto middle = [](std::optional<Duration>& a, const std::optional<Duration>& b) {
    a = a && b ? std::optional((*a + *b) / 2) : a ? a : b;
  };
  path.flows.insert(path.flows.end(), other.flows.begin(), other.flows.end());
  for (std::size_t i = 0; i < path.hops.size(); ++i) {
    path.hops[i].sent += other.hops[i].sent;
    path.hops[i].answered += other.hops[i].answered;
    path.hops[i].addresses = std::max(path.hops[i].addresses, other.hops[i].addresses);
    join(path.hops[i].rtt_min, other.hops[i].rtt_min);
    middle(path.hops[i].rtt_median, other.hops[i].rtt_median);
  }
  path.sent += other.sent;
  path.answered += other.answered;
  path.reflected = path.reflected || other.reflected;
  join(path.rtt_min, other.rtt_min);
  middle(path.rtt_median, other.rtt_median);
}

ExplorationReport Exploration::report() const {
  ExplorationReport report{.sent = sent(), .unattributed = unattributed_};
  const auto same = [](const Path& a, const Path& b) {
    return a.ended == b.ended && a.ended_by == b.ended_by &&
           std::ranges::equal(a.hops, b.hops, {}, &HopCount::address, &HopCount::address);
  };
  for (std::uint16_t flow = 0; flow < options_.flows; ++flow) {
    const auto path = path_of(flow);
    const auto found =
        std::ranges::find_if(report.paths, [&](const Path& other) { return same(other, path); });
    if (found == report.paths.end()) {
      report.paths.push_back(path);
    } else {
      add_to(*found, path);
    }
  }
  std::ranges::stable_sort(report.paths, std::greater{},
                           [](const Path& p) { return p.flows.size(); });
  remark_balancing(report);
  remark_changes(report);
  remark_hops(report);
  remark_target(report);
  return report;
}

void Exploration::remark_balancing(ExplorationReport& report) const {
  for (std::uint8_t ttl = 1; ttl <= kTtlMax; ++ttl) {
    std::map<IpAddress, std::set<IpAddress>> next_hops;
    std::set<IpAddress> first_hops;
    for (std::uint16_t flow = 0; flow < options_.flows; ++flow) {
      const auto here = router(flow, ttl);
      if (!here) continue;
      if (ttl == 1) {
        first_hops.insert(*here);
      } else if (const auto before = router(flow, static_cast<std::uint8_t>(ttl - 1))) {
        next_hops[*before].insert(*here);
      }
    }
    if (first_hops.size() > 1) {
      remark(report, "load-balancing",
             fmt::format("this machine spreads flows over {} routers", first_hops.size()));
    }
    for (const auto& [from, to] : next_hops) {
      if (to.size() < 2) continue;
      remark(report, "load-balancing",
             fmt::format("{} (hop {}) spreads flows over {} next hops", from.to_string(), ttl - 1,
                         to.size()));
    }
  }
}

void Exploration::remark_changes(ExplorationReport& report) const {
  for (std::uint8_t ttl = 1; ttl <= kTtlMax; ++ttl) {
    for (std::uint16_t flow = 0; flow < options_.flows; ++flow) {
      std::vector<IpAddress> seen;
      for (const auto id : cell(flow, ttl).probes) {
        const auto& sent = probes_[id - 1];
        if (sent.answered_at && sent.reply.ttl_exceeded) seen.push_back(sent.reply.from);
      }
      const auto turns = changes(seen);
      if (turns == 1) {
        remark(report, "route-change",
               fmt::format("flow {} went through {} and then through {} at hop {}: its route "
                           "changed during the test",
                           flow, seen.front().to_string(), seen.back().to_string(), ttl));
      } else if (turns > 1) {
        remark(report, "per-packet-balancing",
               fmt::format("packets of flow {} alternate between routers at hop {}", flow, ttl));
      }
    }
  }
}

// Per hop of the paths: answers that lack where later hops do not lack them are the router's own
// limit.
void Exploration::remark_hops(ExplorationReport& report) const {
  std::set<IpAddress> limited;
  std::set<std::size_t> silent, limited_at;
  for (const auto& path : report.paths) {
    const double onward = answered_share(path);
    for (std::size_t i = 0; i < path.hops.size(); ++i) {
      const auto& hop = path.hops[i];
      const bool passes = onward > 0.9 || !path.reflected;
      if (!hop.address || hop.answered * 10 >= hop.sent * 9 || !passes) continue;
      limited_at.insert(i);
      if (limited.insert(*hop.address).second) {
        remark(report, "rate-limited-icmp",
               fmt::format("{} (hop {}) answered {} of {} packets and passed on what it got: it "
                           "limits its ICMP, which is no loss",
                           hop.address->to_string(), i + 1, hop.answered, hop.sent));
      }
    }
  }
  for (const auto& path : report.paths) {
    for (std::size_t i = 0; i < path.hops.size(); ++i) {
      const auto& hop = path.hops[i];
      // Where a router limits its ICMP, some flows get none of it; where packets are lost, too.
      const double all_lost = path.reflected ? std::pow(1 - answered_share(path), hop.sent) : 0;
      const bool mute = !hop.address && path.ended == Ended::kReached && !limited_at.contains(i) &&
                        all_lost < kDoubt;
      if (mute && silent.insert(i).second) {
        remark(report, "silent-hop",
               fmt::format("hop {} says nothing and passes packets on", i + 1));
      }
      if (i > 0 && hop.address && hop.address == path.hops[i - 1].address &&
          path.ended != Ended::kLoop) {
        remark(report, "same-router-twice",
               fmt::format("{} answers as hop {} and hop {}: it passes on packets whose TTL ran "
                           "out, or a NAT answers in its name",
                           hop.address->to_string(), i, i + 1));
      }
    }
    if (path.ended == Ended::kLoop) {
      remark(report, "loop",
             fmt::format("packets come through {} again and again", name_of(path.ended_by)));
    }
  }
}

void Exploration::remark_target(ExplorationReport& report) const {
  for (std::uint16_t flow = 0; flow < options_.flows; ++flow) {
    const auto routers = routers_seen(flow);
    if (!routers) continue;
    const auto path = path_of(flow);
    const auto met = static_cast<int>(path.hops.size());
    if (path.ended != Ended::kReached || *routers == met) continue;
    remark(report, "ttl-tampering",
           fmt::format("the target got flow {} with TTL {}, which is {} routers, but {} were met: "
                       "something rewrites the TTL or hides routers",
                       flow, kFullTtl - *routers, *routers, met));
  }
}

}  // namespace faultline::paths

#include "controller/capture/comparison.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include "controller/capture/ends.h"

namespace faultline::capture {
namespace {

using Seen = std::map<StampIdentity, Sighting>;
// How a reply names its request.
using RequestKey = std::tuple<std::uint64_t, std::uint32_t, std::uint16_t>;
RequestKey request_of(const StampIdentity& identity) {
  return {identity.request_sent_at, identity.request_sequence, identity.ssid};
}

// Leaves only what belongs to the conversation: a capture may hold more.
void narrow(Sightings& near, Sightings& far, const IpAddress& to, std::uint16_t source_port) {
  std::erase_if(near.forward, [&](const auto& row) { return row.second.packet.to.address != to; });
  std::set<IpAddress> senders;
  std::set<RequestKey> requests;
  for (const auto& [identity, sighting] : near.forward) {
    senders.insert(sighting.packet.from.address);
    requests.insert(request_of(identity));
  }
  std::erase_if(far.forward, [&](const auto& row) {
    const auto& from = row.second.packet.from;
    const bool of_flow = source_port == 0 || from.port == source_port;
    return !near.forward.contains(row.first) && !(of_flow && senders.contains(from.address));
  });
  for (const auto& [identity, sighting] : far.forward) requests.insert(request_of(identity));
  std::erase_if(far.back, [&](const auto& row) {
    const auto& asker = row.second.packet.to;
    const bool of_flow = source_port == 0 || asker.port == source_port;
    return !requests.contains(request_of(row.first)) &&
           !(of_flow && senders.contains(asker.address));
  });
  std::erase_if(near.back, [&](const auto& row) {
    return !requests.contains(request_of(row.first)) && row.second.packet.from.address != to;
  });
}

std::optional<Duration> least_delay(const Seen& left, const Seen& arrived) {
  std::optional<Duration> least;
  for (const auto& [identity, sighting] : left) {
    const auto match = arrived.find(identity);
    if (match == arrived.end()) continue;
    const auto delay = match->second.at - sighting.at;
    if (!least || delay < *least) least = delay;
  }
  return least;
}

// The far clock minus the near one, from the fastest packet of each way: what is the same in both
// is the way, what differs the clocks.
std::optional<Duration> clock_difference(const Sightings& near, const Sightings& far) {
  const auto forward = least_delay(near.forward, far.forward);
  const auto back = least_delay(far.back, near.back);
  if (forward && back) return (*forward - *back) / 2;
  if (forward) return *forward;
  if (back) return -*back;
  return std::nullopt;
}

// The times, by the sender's clock, at which a packet that leaves must show at the other end.
struct Judged {
  WallTime from{};
  WallTime until{};

  [[nodiscard]] bool holds(WallTime at) const { return from <= at && at <= until; }
};
Judged judged(const Span& receiver, Duration receiver_minus_sender) {
  return {.from = receiver.from - receiver_minus_sender + kClockSlack,
          .until = receiver.until - receiver_minus_sender - kSettle};
}

struct Compared {
  Way way{};
  std::vector<Fate> fates{};
};

std::uint16_t source_port(const Sighting& sighting, Direction direction) {
  const auto& packet = sighting.packet;
  return direction == Direction::kForward ? packet.from.port : packet.to.port;
}

Compared compare_way(const Seen& left, const Seen& arrived, Direction direction,
                     const Judged& judged_left, Duration receiver_minus_sender) {
  Compared out;
  auto& way = out.way;
  AlterationBook alterations;
  // Per flow in the order of leaving: a packet that arrives before an earlier one swapped places.
  std::map<std::uint16_t, std::map<WallTime, WallTime>> order;
  for (const auto& [identity, sighting] : left) {
    const auto match = arrived.find(identity);
    const bool came = match != arrived.end() && match->second.complete;
    if (match != arrived.end()) {
      alterations.add(sighting, match->second);
      const auto delay = match->second.at - sighting.at - receiver_minus_sender;
      if (!way.delay_min || delay < *way.delay_min) way.delay_min = delay;
      if (!way.delay_max || delay > *way.delay_max) way.delay_max = delay;
      order[source_port(sighting, direction)][sighting.at] = match->second.at;
      if (match->second.copies > sighting.copies) ++way.copies;
    }
    if (!judged_left.holds(sighting.at)) continue;
    ++way.left;
    ++(came ? way.arrived : way.missing);
    if (!came && match != arrived.end()) ++way.cut;
    out.fates.push_back({.size = sighting.packet.size,
                         .source_port = source_port(sighting, direction),
                         .dscp = sighting.packet.dscp,
                         .arrived = came});
  }
  for (const auto& [port, times] : order) {
    auto latest = WallTime::min();
    for (const auto& [at, came] : times) {
      if (came < latest) ++way.swapped;
      latest = std::max(latest, came);
    }
  }
  way.alterations = alterations.rows();
  way.patterns = patterns(out.fates);
  return out;
}

// What arrived although the other end, which was listening, did not see it leave.
void count_unseen(const Seen& left, const Seen& arrived, const Span& sender,
                  Duration receiver_minus_sender, Way& way) {
  for (const auto& [identity, sighting] : arrived) {
    const auto by_sender = sighting.at - receiver_minus_sender;
    const bool covered = sender.from + kSettle <= by_sender && by_sender <= sender.until;
    if (!covered || left.contains(identity)) continue;
    ++way.unseen;
    if (sighting.packet.checksum == Checksum::kBad) ++way.unknown;
  }
}

void count_answers(const Sightings& far, Comparison& out, std::map<std::uint16_t, FlowRow>& flows,
                   const Seen& near_forward) {
  std::set<RequestKey> answered;
  for (const auto& [identity, sighting] : far.back) answered.insert(request_of(identity));
  for (const auto& [identity, sighting] : far.forward) {
    if (!sighting.complete || sighting.at + kSettle > far.span.until) continue;
    ++out.asked;
    if (answered.contains(request_of(identity))) continue;
    ++out.unanswered;
    const auto left = near_forward.find(identity);
    const auto& named = left == near_forward.end() ? sighting : left->second;
    ++flows[source_port(named, Direction::kForward)].unanswered;
  }
}

std::vector<Complaint> merged(const std::vector<Complaint>& a, const std::vector<Complaint>& b) {
  auto all = a;
  for (const auto& complaint : b) {
    const bool known = std::ranges::any_of(a, [&](const Complaint& other) {
      return other.by == complaint.by && other.error.type == complaint.error.type &&
             other.error.code == complaint.error.code;
    });
    if (!known) all.push_back(complaint);
  }
  return all;
}

// The files given the other way around: all requests are the far end's. Empty: they are not.
std::optional<Comparison> compare_turned(const EndOfCapture& near, const EndOfCapture& far) {
  auto asker = far.about;
  asker.source_port = near.about.source_port;
  const auto mine = sightings(far.file, End::kNear, asker);
  const auto others = sightings(near.file, End::kFar, far.about);
  if (!asking(mine, others, named_ends(far.file.comment)).to) return std::nullopt;
  return compare({.node = far.node, .file = far.file, .about = asker, .is_sender = true},
                 {.node = near.node, .file = near.file, .about = far.about});
}

}  // namespace

Comparison compare(const EndOfCapture& near_end, const EndOfCapture& far_end) {
  auto near = sightings(near_end.file, End::kNear, near_end.about);
  auto far = sightings(far_end.file, End::kFar, far_end.about);
  const auto asked = asking(near, far, named_ends(near_end.file.comment));
  if (!asked.to && !near_end.is_sender) {
    const auto turned = compare_turned(near_end, far_end);
    if (turned) return *turned;
  }
  Comparison out{.near = near_end.node, .far = far_end.node};
  out.sender_unclear = asked.unclear;
  out.far_address = asked.to.value_or(IpAddress{});
  narrow(near, far, out.far_address, near_end.about.source_port);
  if (!near.forward.empty()) out.near_address = near.forward.begin()->second.packet.from.address;
  out.clock_difference = clock_difference(near, far);
  const auto difference = out.clock_difference.value_or(Duration::zero());
  const auto there = judged(far.span, difference);
  const auto here = judged(near.span, -difference);
  out.overlap = std::max(near.span.from + difference, far.span.from) + kSettle <
                std::min(near.span.until + difference, far.span.until);
  auto forward = compare_way(near.forward, far.forward, Direction::kForward, there, difference);
  auto back = compare_way(far.back, near.back, Direction::kReturn, here, -difference);
  out.forward = std::move(forward.way);
  out.back = std::move(back.way);
  count_unseen(near.forward, far.forward, near.span, difference, out.forward);
  count_unseen(far.back, near.back, far.span, -difference, out.back);
  std::map<std::uint16_t, FlowRow> flows;
  for (const auto& fate : forward.fates) {
    auto& row = flows[fate.source_port];
    ++row.left;
    if (!fate.arrived) ++row.missing;
  }
  // Behind NAT the far end knows a flow by another port: its row is then that port's.
  for (const auto& fate : back.fates) {
    auto& row = flows[fate.source_port];
    ++row.replies_left;
    if (!fate.arrived) ++row.replies_missing;
  }
  count_answers(far, out, flows, near.forward);
  for (auto& [port, row] : flows) {
    row.source_port = port;
    out.flows.push_back(row);
  }
  out.dropped_near = near.span.dropped;
  out.dropped_far = far.span.dropped;
  out.frames_near = near.frames;
  out.frames_far = far.frames;
  out.complaints = merged(near.complaints, far.complaints);
  return out;
}

}  // namespace faultline::capture

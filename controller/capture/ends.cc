#include "controller/capture/ends.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <vector>

namespace faultline::capture {
namespace {

constexpr std::string_view kMark = "faultline: ";
constexpr std::string_view kWith = " with ";

using RequestKey = std::tuple<std::uint64_t, std::uint32_t, std::uint16_t>;
using Addresses = std::pair<IpAddress, IpAddress>;  // from, to
using Replies = std::map<RequestKey, WallTime>;     // the first of each

// For whose they are: above zero for mine, below for the other end's.
struct Votes {
  int gap = 0;      // who waits longer for the reply is farther from where it is made
  int ttl = 0;      // it only falls
  int reply = 0;    // a reply that is at one end only is there because it left there
  int crossed = 0;  // requests that are in both captures
  int here = 0;

  // The strongest kind that says anything.
  [[nodiscard]] int sum() const { return gap != 0 ? gap : ttl != 0 ? ttl : reply; }
};

Replies replies_of(const Sightings& seen) {
  Replies replies;
  for (const auto& [identity, sighting] : seen.back) {
    const RequestKey key{identity.request_sent_at, identity.request_sequence, identity.ssid};
    const auto [place, fresh] = replies.emplace(key, sighting.at);
    if (!fresh) place->second = std::min(place->second, sighting.at);
  }
  return replies;
}

int sign(auto difference, auto zero) { return (difference > zero) - (difference < zero); }

std::map<Addresses, Votes> count(const Sightings& mine, const Sightings& others) {
  std::map<Addresses, Votes> groups;
  const auto my_replies = replies_of(mine);
  const auto their_replies = replies_of(others);
  for (const auto& [identity, sighting] : mine.forward) {
    auto& votes = groups[{sighting.packet.from.address, sighting.packet.to.address}];
    ++votes.here;
    const auto there = others.forward.find(identity);
    if (there == others.forward.end()) continue;
    ++votes.crossed;
    votes.ttl += sign(int{sighting.packet.ttl} - int{there->second.packet.ttl}, 0);
    const RequestKey key{identity.request_sent_at, identity.request_sequence, identity.ssid};
    const auto mine_back = my_replies.find(key);
    const auto theirs_back = their_replies.find(key);
    const bool here = mine_back != my_replies.end();
    const bool far = theirs_back != their_replies.end();
    if (here && far) {
      // Each by one clock alone, so that the clocks need not agree.
      const auto my_gap = mine_back->second - sighting.at;
      votes.gap += sign(my_gap - (theirs_back->second - there->second.at), Duration::zero());
    } else if (here != far) {
      votes.reply += far ? 1 : -1;
    }
  }
  return groups;
}

// The one address that is an end of all that a host captured of its own packets; empty: several.
std::optional<IpAddress> common_address(const Sightings& seen) {
  std::optional<std::set<IpAddress>> common;
  for (const auto* way : {&seen.forward, &seen.back}) {
    for (const auto& [identity, sighting] : *way) {
      const std::set ends{sighting.packet.from.address, sighting.packet.to.address};
      if (!common) common = ends;
      std::erase_if(*common, [&](const auto& address) { return !ends.contains(address); });
    }
  }
  if (!common || common->size() != 1) return std::nullopt;
  return *common->begin();
}

// Which addresses are on which side, as this end knows them.
struct Sides {
  std::set<IpAddress> own{};
  std::set<IpAddress> peer{};

  [[nodiscard]] int whose(const Addresses& ends) const {
    const auto& [from, to] = ends;
    if (own.contains(to) || peer.contains(from)) return -1;
    return own.contains(from) ? 1 : 0;
  }
};

Sides sides_of(const std::map<Addresses, Votes>& groups, const Sightings& mine,
               const std::optional<NamedEnds>& named) {
  Sides sides;
  for (const auto& [ends, votes] : groups) {
    if (votes.sum() == 0) continue;
    sides.own.insert(votes.sum() > 0 ? ends.first : ends.second);
    sides.peer.insert(votes.sum() > 0 ? ends.second : ends.first);
  }
  if (named) {
    sides.own.insert(named->own);
    sides.peer.insert(named->peer);
  } else if (sides.own.empty()) {
    if (const auto own = common_address(mine)) sides.own.insert(*own);
  }
  return sides;
}

}  // namespace

std::optional<NamedEnds> named_ends(std::string_view comment) {
  if (!comment.starts_with(kMark)) return std::nullopt;
  comment.remove_prefix(kMark.size());
  const auto with = comment.find(kWith);
  if (with == std::string_view::npos) return std::nullopt;
  const auto own = IpAddress::parse(comment.substr(0, with));
  const auto peer = IpAddress::parse(comment.substr(with + kWith.size()));
  if (!own || !peer) return std::nullopt;
  return NamedEnds{.own = *own, .peer = *peer};
}

Asking asking(const Sightings& mine, const Sightings& others,
              const std::optional<NamedEnds>& named) {
  const auto groups = count(mine, others);
  const auto sides = sides_of(groups, mine, named);
  std::map<IpAddress, std::pair<int, int>> sent;  // by destination: crossed, here
  bool unclear = false;
  for (const auto& [ends, votes] : groups) {
    const int whose = votes.sum() != 0 ? votes.sum() : sides.whose(ends);
    // A conversation of one direction that nothing contradicts is the sender's who has the file.
    const bool alone = groups.size() == 1 && votes.crossed == 0;
    if (whose < 0) continue;
    if (whose == 0 && !alone) {
      unclear = true;
      continue;
    }
    auto& [crossed, here] = sent[ends.second];
    crossed += votes.crossed;
    here += votes.here;
  }
  if (sent.empty()) return {.to = std::nullopt, .unclear = unclear};
  if (named && sent.contains(named->peer)) return {.to = named->peer};
  const auto most = std::ranges::max_element(sent, {}, [](const auto& row) { return row.second; });
  // Nothing that left came there: whichever it is, the other end says nothing about it.
  if (most->second.first == 0) {
    const auto far = common_address(others);
    if (far && sent.contains(*far)) return {.to = *far};
    if (sent.size() > 1) return {.to = std::nullopt, .unclear = true};
  }
  return {.to = most->first};
}

}  // namespace faultline::capture

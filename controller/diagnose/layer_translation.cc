// Layer filtering, addresses that somebody rewrites: the ends' own NAT, and NAT on the way, which
// shows in who is heard at the far end.
#include <algorithm>

#include <fmt/format.h>

#include "controller/diagnose/heard.h"
#include "controller/diagnose/layers.h"
#include "controller/diagnose/packet_filter.h"
#include "controller/diagnose/routing.h"

namespace faultline::diagnose {
namespace {

constexpr Symptoms kAny = kDead | kSubset | kLossy;
constexpr int kProven = 84;    // by a rule, or by both ends
constexpr int kInferred = 51;  // above where the localizer sees the trouble

Check rewritten(const Pair& pair, const Side& side, Level level, int weight) {
  return {.layer = Layer::kFiltering,
          .level = level,
          .code = "address_rewritten",
          .nodes = {side.self.name, side.other.name},
          .remedy = fmt::format("Look for NAT rules on the routers between {} and {}, and on both.",
                                pair.in.a.name, pair.in.b.name),
          .command = "nft list ruleset; iptables-save -t nat",
          .run_on = side.other.name,
          .explains = kAny,
          .weight = weight};
}

// A rule of the far end's own takes what `side` sends to it.
void look_at_own_rules(const Pair& pair, const Side& side, Checks& checks) {
  if (side.other_facts == nullptr || !side.other_facts->facts.firewall) return;
  if (!side.self.address || !side.other.address || side.other.probe == ProbeState::kNone) return;
  const auto ruling =
      translation_of(*side.other_facts->facts.firewall, {.protocol = "udp",
                                                         .src = *side.self.address,
                                                         .dst = *side.other.address,
                                                         .port = side.other.probe_port});
  if (!ruling) return;
  const auto level = ruling->fate == Fate::kDropped ? Level::kFail : level_of(pair, kAny);
  auto check = rewritten(pair, side, level, kProven);
  check.nodes = {side.other.name, side.self.name};
  check.summary = fmt::format("{}: its own NAT sends elsewhere what {} sends to its udp port {}",
                              side.other.name, side.self.name, side.other.probe_port);
  check.evidence = {fmt::format("{}: {}: {}", side.other.name, ruling->chain, ruling->rule)};
  check.remedy = fmt::format("Take the probe's port out of the rule on {}.", side.other.name);
  check.command = ruling->iptables ? std::string("iptables -t nat -S PREROUTING")
                                   : fmt::format("nft -a list chain {}", ruling->chain);
  checks.push_back(std::move(check));
}

// Packets of whom nobody knows are answered there: a NAT that the far end is told of.
bool hears_unknown(const Pair& pair, const Side& side) {
  return std::ranges::any_of(side.other_facts->facts.heard->items, [&](const facts::Heard& entry) {
    return !entry.refused && std::ranges::none_of(pair.in.facts, [&](const NodeFacts& node) {
      return configured(node.facts, entry.address) != nullptr;
    });
  });
}

bool is_behind_nat(const Pair& pair, const End& end) {
  const auto* placement = placement_of(pair, end);
  return placement != nullptr && placement->attachment == Attachment::kNat;
}

// What is sent does not arrive, and is answered. A sender that stops is heard no more, either, and
// was answered before: so the far end must have heard nothing in all the time of these answers.
void look_at_answers(const Pair& pair, const Side& side, Checks& checks) {
  if (side.session == nullptr || side.session->now.loss() > 0.5) return;
  if (!is_unheard_throughout(side) || is_behind_nat(pair, side.self)) return;
  auto check =
      rewritten(pair, side, hears_unknown(pair, side) ? Level::kWarn : Level::kFail, kProven);
  check.summary = fmt::format(
      "what {} sends to {} never gets there, and is answered: somebody on "
      "the way translates, and another machine answers",
      side.self.name, side.other.name);
  check.evidence = {evidence_of(side), heard_text(side)};
  checks.push_back(std::move(check));
}

// A third node that refuses packets of this end just now: they were meant for somebody else.
const NodeFacts* who_gets(const Pair& pair, const Side& side) {
  // What a virtual machine sends in its host's name is refused everywhere.
  const bool hides = std::ranges::any_of(pair.placements, [&](const Placement& placement) {
    return placement.host == side.self.name && placement.attachment == Attachment::kNat;
  });
  if (hides) return nullptr;
  for (const auto& node : pair.in.facts) {
    if (node.node == side.self.name || node.node == side.other.name) continue;
    if (!node.facts.heard || node.facts.collected_at < side.session->to) continue;
    for (const auto& entry : node.facts.heard->items) {
      const bool now = node.facts.collected_at - entry.last_at <= 2 * kHeardGrace;
      if (entry.refused && now && entry.address == side.self.address) return &node;
    }
  }
  return nullptr;
}

// What is sent arrives at another node, which refuses it.
void look_at_others(const Pair& pair, const Side& side, Checks& checks) {
  if (side.session == nullptr || !is_dead(*side.session) || arrives(side) != false) return;
  const auto* other = who_gets(pair, side);
  if (other == nullptr) return;
  auto check = rewritten(pair, side, Level::kFail, kProven);
  check.nodes.push_back(other->node);
  check.summary = fmt::format("what {} sends to {} comes to {}: somebody on the way translates",
                              side.self.name, side.other.name, other->node);
  check.evidence = {evidence_of(side), heard_text(side),
                    fmt::format("{}: its reflector refuses packets from {} just now", other->node,
                                side.self.address->to_string())};
  checks.push_back(std::move(check));
}

// What is sent does not arrive, and something arrives from an address that nobody knows.
void look_at_strangers(const Pair& pair, const Side& side, Checks& checks) {
  if (side.session == nullptr || !is_dead(*side.session)) return;
  if (arrives(side) != false) return;
  const auto stranger = stranger_at(pair, side);
  if (!stranger) return;
  auto check = rewritten(pair, side, Level::kFail, kInferred);
  check.summary = fmt::format(
      "what {} sends seems to come to {} from {}, which is no node's "
      "address: somebody on the way translates",
      side.self.name, side.other.name, stranger->to_string());
  check.evidence = {evidence_of(side), heard_text(side),
                    fmt::format("{}: packets from {} are refused just now", side.other.name,
                                stranger->to_string())};
  checks.push_back(std::move(check));
}

// Of the addresses that routers on the way translate to: those that the two go by, and those that
// traces saw.
bool is_on_way(const Side& side, const IpAddress& address) {
  for (const auto* facts : {side.facts, side.other_facts}) {
    if (facts == nullptr) continue;
    const auto& from = facts == side.facts ? side.self.address : side.other.address;
    const auto& to = facts == side.facts ? side.other.address : side.self.address;
    const auto gateways = way_to(facts->facts, *from, *to).gateways();
    if (std::ranges::find(gateways, address) != gateways.end()) return true;
  }
  const auto text = address.to_string();
  return std::ranges::any_of(side.session->flows, [&](const Flow& flow) {
    return flow.there &&
           std::ranges::find(flow.there->hops, text, &Hop::address) != flow.there->hops.end();
  });
}

// Some flows die, and something arrives in a router's name: a NAT that has taken only the flows
// that began after it.
void look_at_new_flows(const Pair& pair, const Side& side, Checks& checks) {
  if (side.session == nullptr || is_dead(*side.session) || !is_partly_dead(*side.session)) return;
  if (side.self.probe != ProbeState::kLive) return;  // what comes now is not of its flows
  if (!side.self.address || !side.other.address) return;
  const auto stranger = stranger_at(pair, side);
  if (!stranger || !is_on_way(side, *stranger)) return;
  auto check = rewritten(pair, side, Level::kFail, kInferred);
  check.summary = fmt::format(
      "some of what {} sends comes to {} from {}, which is a router's address: it translates the "
      "flows that it did not know",
      side.self.name, side.other.name, stranger->to_string());
  check.evidence = {evidence_of(side), fmt::format("{}: packets from {} are refused just now",
                                                   side.other.name, stranger->to_string())};
  checks.push_back(std::move(check));
}

// Of a far end that does not tell whom it hears (a probe before 1.2): by its counters.
void look_at_counters(const Pair& pair, const Side& side, Checks& checks) {
  const bool tells = side.other_facts != nullptr && side.other_facts->facts.heard;
  if (tells || side.session == nullptr || !is_dead(*side.session)) return;
  const auto sent = side.session->now.sent;
  const bool refused = 2 * side.other.strangers_refused >= sent;
  const bool unmatched = 2 * side.self.answers_unmatched >= sent;
  if (!refused && !unmatched) return;
  auto check = rewritten(pair, side, Level::kFail, kInferred);
  check.explains = kDead;
  check.summary = refused ? fmt::format(
                                "what {} sends comes to {} from an address that is not {}'s: "
                                "somebody on the way translates",
                                side.self.name, side.other.name, side.self.name)
                          : fmt::format(
                                "what {} sends to {} is answered by somebody else: somebody "
                                "on the way translates",
                                side.self.name, side.other.name);
  check.evidence = {evidence_of(side),
                    refused ? fmt::format("{}: {} packets from unknown addresses refused meanwhile",
                                          side.other.name, side.other.strangers_refused)
                            : fmt::format("{}: {} answers from others than were asked meanwhile",
                                          side.self.name, side.self.answers_unmatched)};
  checks.push_back(std::move(check));
}

}  // namespace

void look_at_translation(const Pair& pair, Checks& checks) {
  for (const auto& side : {pair.side_a(), pair.side_b()}) {
    const auto before = checks.size();
    for (const auto look : {look_at_own_rules, look_at_answers, look_at_others, look_at_strangers,
                            look_at_new_flows, look_at_counters}) {
      if (checks.size() == before) look(pair, side, checks);
    }
  }
}

}  // namespace faultline::diagnose

#include "controller/diagnose/heard.h"

#include <algorithm>

#include <fmt/format.h>

#include "controller/diagnose/routing.h"

namespace faultline::diagnose {
namespace {

const facts::Heard* entry_of(const Side& side, const IpAddress& from, bool refused) {
  for (const auto& entry : side.other_facts->facts.heard->items) {
    if (entry.address == from && entry.refused == refused) return &entry;
  }
  return nullptr;
}

// The time between two packets of the session.
Duration gap_of(const Session& session) {
  std::uint64_t sent = 0;
  for (const auto& flow : session.flows) sent += flow.now.sent;
  const auto span = session.to - session.from;
  return sent == 0 ? span : span / static_cast<std::int64_t>(sent);
}

Duration patience_of(const Session& session) { return kHeardGrace + 5 * gap_of(session); }

// Until when the sender is known to have sent. A window that a goodbye cut short ends later.
WallTime lived_until(const Side& side) {
  const auto reported = side.session->to;
  return side.self.last_seen ? std::min(reported, *side.self.last_seen) : reported;
}

bool is_recent(const Side& side, const facts::Heard& entry, Duration patience) {
  return side.other_facts->facts.collected_at - entry.last_at <= patience;
}

}  // namespace

std::optional<bool> arrives(const Side& side) {
  if (side.self.probe != ProbeState::kLive) return {};
  if (side.session == nullptr || !is_enough(*side.session) || !side.self.address) return {};
  if (side.other_facts == nullptr || !side.other_facts->facts.heard) return {};
  const auto& facts = side.other_facts->facts;
  if (facts.collected_at < side.session->to) return {};
  const auto* entry = entry_of(side, *side.self.address, false);
  if (entry == nullptr) {
    return facts.heard->complete() ? std::optional(false) : std::nullopt;
  }
  const auto patience = patience_of(*side.session);
  if (is_recent(side, *entry, patience)) return true;
  return entry->last_at + patience < lived_until(side) ? std::optional(false) : std::nullopt;
}

bool is_unheard_throughout(const Side& side) {
  if (arrives(side) != false) return false;
  const auto* entry = entry_of(side, *side.self.address, false);
  return entry == nullptr || entry->last_at <= side.session->from + patience_of(*side.session);
}

bool is_refused_now(const Side& side, const IpAddress& from) {
  if (side.other_facts == nullptr || !side.other_facts->facts.heard) return false;
  const auto* entry = entry_of(side, from, true);
  return entry != nullptr && is_recent(side, *entry, 2 * kHeardGrace);
}

std::optional<IpAddress> stranger_at(const Pair& pair, const Side& side) {
  if (side.other_facts == nullptr || !side.other_facts->facts.heard) return {};
  for (const auto& entry : side.other_facts->facts.heard->items) {
    if (!entry.refused || !is_refused_now(side, entry.address)) continue;
    // In the name of a node: its own packets with a wrong key, or those of a VM behind it.
    const bool known = std::ranges::any_of(pair.in.facts, [&](const NodeFacts& node) {
      return configured(node.facts, entry.address) != nullptr;
    });
    if (!known) return entry.address;
  }
  return {};
}

std::string heard_text(const Side& side) {
  const auto* entry = entry_of(side, *side.self.address, false);
  const auto from = side.self.address->to_string();
  if (entry == nullptr) {
    return fmt::format("{}'s reflector has never heard {}", side.other.name, from);
  }
  return fmt::format("{}'s reflector last heard {} at {}, and it is {} there", side.other.name,
                     from, format_rfc3339(entry->last_at),
                     format_rfc3339(side.other_facts->facts.collected_at));
}

}  // namespace faultline::diagnose

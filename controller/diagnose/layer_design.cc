// What keeps two machines from each other on purpose: how a virtual machine hangs on its host.
#include <algorithm>

#include "controller/diagnose/heard.h"
#include "controller/diagnose/layers.h"

namespace faultline::diagnose {
namespace {

bool is_dead_by(const std::optional<Session>& session) { return session && is_dead(*session); }

// Behind NAT one side may begin and the other may not: what the free one measures must be well, or
// there is a fault beside the design. Unless the packets arrive in the host's name, and are refused
// for not being the host's.
bool explains_all(const Pair& pair, const ByDesign& kept) {
  if (kept.there && kept.back) return true;
  if (!is_dead_by(kept.there ? pair.in.by_b : pair.in.by_a)) return true;
  const auto inside = kept.there ? pair.side_b() : pair.side_a();
  const auto* placement = placement_of(pair, inside.self);
  if (placement == nullptr) return false;
  const auto host = std::ranges::find(pair.in.facts, placement->host, &NodeFacts::node);
  if (host == pair.in.facts.end() || !host->facts.addresses) return false;
  if (!inside.other_facts || !inside.other_facts->facts.heard) {
    return inside.other.strangers_refused > 0;
  }
  return std::ranges::any_of(host->facts.addresses->items, [&](const auto& address) {
    return is_refused_now(inside, address.prefix.address);
  });
}

}  // namespace

void look_at_design(const Pair& pair, Checks& checks) {
  if (pair.measured() && !pair.has(kDead)) return;
  const auto kept = by_design(pair.placements, pair.in.a.name, pair.in.b.name);
  if (!kept || !explains_all(pair, *kept)) return;
  checks.push_back({.layer = Layer::kLink,
                    .level = Level::kOk,
                    .code = "unreachable_by_design",
                    .summary = kept->sentence,
                    .nodes = {pair.in.a.name, pair.in.b.name},
                    .component = {},
                    .evidence = kept->evidence,
                    .remedy = kept->remedy,
                    .command = "faultline topology show",
                    .run_on = {},
                    .explains = kDead,
                    .weight = 99});
}

}  // namespace faultline::diagnose

// What keeps two machines from each other on purpose: how a virtual machine hangs on its host.
#include "controller/diagnose/layers.h"
#include "controller/diagnose/placement.h"

namespace faultline::diagnose {
namespace {

bool is_dead_by(const std::optional<Session>& session) { return session && is_dead(*session); }

// Behind NAT one side may begin and the other may not: what the free one measures must be well, or
// there is a fault beside the design.
bool explains_all(const Pair& pair, const ByDesign& kept) {
  if (kept.there && kept.back) return true;
  return !is_dead_by(kept.there ? pair.in.by_b : pair.in.by_a);
}

}  // namespace

void look_at_design(const Pair& pair, Checks& checks) {
  if (pair.measured() && !pair.has(kDead)) return;
  const auto kept = by_design(place(pair.in.facts), pair.in.a.name, pair.in.b.name);
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

// Ways that are there and lead astray: answers by another interface than a strict filter allows,
// and a network of the host's own that hides the other end's.
#include <algorithm>

#include <fmt/format.h>

#include "controller/diagnose/layers.h"
#include "controller/diagnose/routing.h"

namespace faultline::diagnose {
namespace {

// The kernel drops what comes by one interface while its own way to the sender is by another
// (RFC 3704's strict mode). The larger of `all` and the interface's own value counts (ip-sysctl).
void look_at_filter(const Pair& pair, const Side& side, const facts::Interface& interface,
                    const Way& way, Checks& checks) {
  const auto& facts = side.facts->facts;
  const auto all = facts.sysctls.find("net.ipv4.conf.all.rp_filter");
  if (all == facts.sysctls.end() || !interface.rp_filter || !side.other.address->is_v4()) return;
  const auto out = way.interface();
  if (std::max(all->second, *interface.rp_filter) != 1 || out.empty() || out == interface.name)
    return;
  checks.push_back(
      {.layer = Layer::kFiltering,
       .level = level_of(pair, kDead | kLossy | kSubset),
       .code = "rp_filter_asymmetric",
       .summary = fmt::format("{} drops what {} sends: it comes by {}, and the way back is by {}",
                              side.self.name, side.other.name, interface.name, out),
       .nodes = {side.self.name, side.other.name},
       .component = {},
       .evidence = {fmt::format("{}: rp_filter is 1 (all {}, {} {})", side.self.name, all->second,
                                interface.name, *interface.rp_filter),
                    fmt::format("{}: {}", side.self.name, text_of(*way.route))},
       .remedy = "Answer by the interface asked (a rule and a table for its address, or another "
                 "route), or loosen the filter.",
       .command = fmt::format("sysctl -w net.ipv4.conf.{}.rp_filter=2", interface.name),
       .run_on = side.self.name,
       .explains = kDead | kLossy | kSubset,
       .weight = 91});
}

// Docker's bridge, most often: its network holds the other end's address, which is elsewhere.
void look_at_capture(const Pair& pair, const Side& side, const Way& way, Checks& checks) {
  if (way.kind != WayKind::kDirect) return;
  const auto& facts = side.facts->facts;
  const auto* interface = find_interface(facts, way.interface());
  if (interface == nullptr || interface->kind != "bridge" || leads_out(facts, *interface)) return;
  const auto* neighbor = neighbor_of(facts, *side.other.address);
  if (neighbor != nullptr && neighbor->mac) return;  // it is there
  checks.push_back(
      {.layer = Layer::kRoutes,
       .level = level_of(pair, kDead),
       .code = "route_captured",
       .summary = fmt::format("{} looks for {} behind its own {}, whose network holds that address",
                              side.self.name, side.other.name, interface->name),
       .nodes = {side.self.name},
       .component = {},
       .evidence = {fmt::format("{}: {}", side.self.name, text_of(*way.route)),
                    fmt::format("{}: no port of {} leads out of the machine", side.self.name,
                                interface->name)},
       .remedy = fmt::format("Give {} another network (Docker: default-address-pools in "
                             "daemon.json).",
                             interface->name),
       .command = fmt::format("ip route get {}", side.other.address->to_string()),
       .run_on = side.self.name,
       .explains = kDead,
       .weight = 93});
}

void look_for_detours(const Pair& pair, const Side& side, Checks& checks) {
  if (!side.has_facts() || !side.self.address || !side.other.address) return;
  const auto& facts = side.facts->facts;
  const auto* own = configured(facts, *side.self.address);
  const auto* interface = own == nullptr ? nullptr : find_interface(facts, own->interface);
  const auto way = way_to(facts, *side.self.address, *side.other.address);
  if (interface == nullptr || way.route == nullptr) return;
  look_at_filter(pair, side, *interface, way, checks);
  look_at_capture(pair, side, way, checks);
}

}  // namespace

void look_at_detours(const Pair& pair, Checks& checks) {
  look_for_detours(pair, pair.side_a(), checks);
  look_for_detours(pair, pair.side_b(), checks);
}

}  // namespace faultline::diagnose

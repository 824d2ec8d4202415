// What the rules over facts (check.h) found about either end, as checks of their layers.
#include <algorithm>
#include <array>

#include "controller/diagnose/layers.h"
#include "controller/diagnose/routing.h"

namespace faultline::diagnose {
namespace {

struct Place {
  const char* code;
  Layer layer;
  Symptoms explains;
  int weight;
};
constexpr Symptoms kAll = kDead | kSubset | kLossy;

// Where a finding belongs, what it would explain, and how much it says against others that would.
constexpr std::array kPlaces{Place{"duplicate_address", Layer::kAddressing, kAll, 90},
                             Place{"vip_held_twice", Layer::kHa, kAll, 85},
                             Place{"duplicate_mac", Layer::kLink, kAll, 88},
                             Place{"wrong_mask", Layer::kAddressing, kAll, 87},
                             Place{"overlapping_subnets", Layer::kAddressing, kDead, 66},
                             Place{"mtu_mismatch", Layer::kMtu, kMtuLow, 60},
                             Place{"vlan_mismatch", Layer::kLink, kDead, 76},
                             Place{"vxlan_mismatch", Layer::kLink, kDead, 83},
                             Place{"vxlan_mtu", Layer::kMtu, kMtuLow | kLossy, 62},
                             Place{"half_duplex", Layer::kQuality, kLossy | kSlow, 58},
                             Place{"bond_speed_mismatch", Layer::kQuality, kSlow, 30},
                             Place{"nic_errors", Layer::kQuality, kLossy, 61},
                             Place{"gateway_missing", Layer::kRoutes, kDead, 80},
                             Place{"gateway_dead", Layer::kRoutes, kDead | kSubset, 85},
                             Place{"forwarding_off", Layer::kRoutes, kDead, 83},
                             Place{"missing_return_route", Layer::kRoutes, kDead, 86},
                             Place{"rp_filter_asymmetric", Layer::kFiltering, kDead, 87},
                             Place{"routes_differ", Layer::kRoutes, kAll, 55},
                             Place{"firewall_drops_probe", Layer::kFiltering, kDead, 79},
                             Place{"address_rewritten", Layer::kFiltering, kAll, 84},
                             Place{"bridge_filter_drop", Layer::kFiltering, kDead, 81},
                             Place{"ra_missing", Layer::kAddressing, 0, 20},
                             Place{"rogue_ra", Layer::kAddressing, 0, 25},
                             Place{"dad_failed", Layer::kAddressing, 0, 25},
                             Place{"cpu_steal", Layer::kQuality, kLossy | kSlow, 64},
                             Place{"cpu_throttled", Layer::kQuality, kLossy | kSlow, 65},
                             Place{"neighbor_table_full", Layer::kLink, kAll, 77},
                             Place{"clock_off", Layer::kProber, 0, 5}};

// The way of a pair on one wire has no gateway: what is odd about one is no cause.
bool is_on_one_wire(const Pair& pair) {
  const auto direct = [](const Side& side) {
    return side.has_facts() && side.self.address && side.other.address &&
           way_to(side.facts->facts, *side.self.address, *side.other.address).kind ==
               WayKind::kDirect;
  };
  return direct(pair.side_a()) && direct(pair.side_b());
}

bool is_about_gateway(const std::string& code) {
  return code == "gateway_dead" || code == "gateway_missing" || code == "forwarding_off" ||
         code == "routes_differ" || code == "missing_return_route";
}

bool names(const Finding& finding, const std::string& node) {
  return std::ranges::find(finding.nodes, node) != finding.nodes.end();
}

// Whether what the end sends enters a tunnel of its own or of its host.
bool uses_overlay(const Pair& pair, const Side& side) {
  const auto* placement = placement_of(pair, side.self);
  if (placement != nullptr && placement->attachment == Attachment::kOverlay) return true;
  if (!side.has_facts() || !side.self.address) return false;
  const auto* own = configured(side.facts->facts, *side.self.address);
  const auto* interface =
      own == nullptr ? nullptr : find_interface(side.facts->facts, own->interface);
  if (interface == nullptr) return false;
  return interface->kind == "vxlan" ||
         std::ranges::any_of(side.facts->facts.interfaces->items, [&](const auto& port) {
           return port.kind == "vxlan" && port.master == interface->name;
         });
}

// Of the hosts of virtual machines only what their packets pass concerns these.
bool is_on_way(const Pair& pair, const Side& side, const Finding& finding) {
  const auto* placement = placement_of(pair, side.self);
  const bool hosts = placement != nullptr && names(finding, placement->host);
  if (finding.code.starts_with("vxlan_")) return uses_overlay(pair, side);
  if (!hosts) return false;
  if (finding.code == "bridge_filter_drop") return !placement->bridge.empty();
  return finding.code == "nic_errors" || finding.code == "cpu_steal" ||
         (finding.code == "forwarding_off" && placement->attachment == Attachment::kNat);
}

// It is about an end as it is asked about, or stands between the two.
bool concerns(const Pair& pair, const Finding& finding) {
  const auto& whose = finding.odd.empty() ? finding.nodes : finding.odd;
  for (const auto& side : {pair.side_a(), pair.side_b()}) {
    if (is_on_way(pair, side, finding)) return true;
    if (finding.code.starts_with("vxlan_") || finding.code == "bridge_filter_drop") continue;
    const auto ours = names_of(pair.in, side.self);
    if (std::ranges::any_of(whose, [&](const auto& node) { return ours.contains(node); })) {
      return true;
    }
  }
  return false;
}

// An address beside those that the two talk by.
bool is_about_another_address(const Pair& pair, const Finding& finding) {
  return finding.address && finding.address != pair.in.a.address &&
         finding.address != pair.in.b.address;
}

Place place_of(const std::string& code) {
  const auto found =
      std::ranges::find_if(kPlaces, [&](const Place& place) { return code == place.code; });
  return found == kPlaces.end() ? Place{"", Layer::kQuality, 0, 1} : *found;
}

std::string run_on(const Finding& finding) {
  if (!finding.run_on.empty() || finding.nodes.empty()) return finding.run_on;
  return finding.nodes.front();
}

// A rule may find what a layer already tells of the same end.
bool is_told(const Checks& checks, const std::string& code, const std::vector<std::string>& nodes) {
  return std::ranges::any_of(checks, [&](const Check& check) {
    const bool alike =
        check.code == code || (code == "firewall_drops_probe" && check.code == "firewall_drops");
    return alike && std::ranges::any_of(check.nodes, [&](const std::string& node) {
             return std::ranges::find(nodes, node) != nodes.end();
           });
  });
}

}  // namespace

void take_findings(const Pair& pair, Checks& checks) {
  const bool one_wire = is_on_one_wire(pair);
  for (const auto& finding : pair.findings) {
    if (is_told(checks, finding.code, finding.nodes) || !concerns(pair, finding)) continue;
    auto place = place_of(finding.code);
    // What the firewall does to this pair's own packets, its layer has looked at.
    const bool beside = (one_wire && is_about_gateway(finding.code)) ||
                        finding.code == "firewall_drops_probe" ||
                        (finding.code != "dad_failed" && is_about_another_address(pair, finding));
    if (beside) place.explains = 0;
    Check check{.layer = place.layer,
                .level = Level::kWarn,
                .code = finding.code,
                .summary = finding.summary,
                .nodes = finding.nodes,
                .evidence = finding.evidence,
                .remedy = finding.remedy,
                .command = finding.command,
                .run_on = run_on(finding),
                .explains = place.explains,
                .weight = place.weight};
    switch (finding.severity) {
      case Severity::kError:
        check.level = beside ? Level::kWarn : Level::kFail;
        break;
      case Severity::kWarning:
        // A NAT rule that takes some senders' packets: whether this pair's, its layer has looked
        // at.
        check.level =
            finding.code == "address_rewritten" ? Level::kOk : level_of(pair, place.explains);
        break;
      case Severity::kNotice:
        check.level = Level::kOk;
        break;
    }
    checks.push_back(std::move(check));
  }
}

}  // namespace faultline::diagnose

#include "controller/diagnose/check.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "controller/diagnose/network.h"
#include "controller/diagnose/rules.h"

namespace faultline::diagnose {
namespace {

constexpr std::array<std::string_view, 29> kCodes{"address_rewritten",
                                                  "bond_speed_mismatch",
                                                  "bridge_filter_drop",
                                                  "clock_off",
                                                  "cpu_steal",
                                                  "cpu_throttled",
                                                  "dad_failed",
                                                  "duplicate_address",
                                                  "duplicate_mac",
                                                  "firewall_drops_probe",
                                                  "forwarding_off",
                                                  "gateway_dead",
                                                  "gateway_missing",
                                                  "half_duplex",
                                                  "missing_return_route",
                                                  "mtu_mismatch",
                                                  "neighbor_table_full",
                                                  "nic_errors",
                                                  "overlapping_subnets",
                                                  "pmtu_discovery_off",
                                                  "ra_missing",
                                                  "rogue_ra",
                                                  "routes_differ",
                                                  "rp_filter_asymmetric",
                                                  "vip_held_twice",
                                                  "vlan_mismatch",
                                                  "vxlan_mismatch",
                                                  "vxlan_mtu",
                                                  "wrong_mask"};

}  // namespace

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::kNotice:
      return "notice";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      return "error";
  }
  return "unknown";
}

std::optional<Severity> parse_severity(std::string_view text) {
  for (const auto severity : {Severity::kNotice, Severity::kWarning, Severity::kError}) {
    if (text == to_string(severity)) return severity;
  }
  return std::nullopt;
}

bool is_check_code(std::string_view code) { return std::ranges::binary_search(kCodes, code); }

std::vector<Finding> check(const std::vector<NodeFacts>& fleet) {
  const auto segments = segments_of(fleet);
  const Fleet view{fleet, segments};
  std::vector<Finding> findings;
  for (const auto rule : {check_duplicates, check_subnets, check_segments, check_links,
                          check_routes, check_filters, check_translations, check_v6, check_hosts}) {
    rule(view, findings);
  }
  std::ranges::sort(findings, [](const Finding& a, const Finding& b) {
    return std::tuple(-static_cast<int>(a.severity), a.code, a.nodes, a.summary) <
           std::tuple(-static_cast<int>(b.severity), b.code, b.nodes, b.summary);
  });
  return findings;
}

}  // namespace faultline::diagnose

// The rules, by what they look at. Each adds its findings; one that lacks a fact concludes nothing.
// Thread safety: pure. Cost: linear in the fleet's facts but for what is said at a rule.
#pragma once

#include <vector>

#include "controller/diagnose/finding.h"
#include "controller/diagnose/network.h"

namespace faultline::diagnose {

struct Fleet {
  const std::vector<NodeFacts>& nodes;
  const std::vector<Segment>& segments;
};

// duplicate_address, vip_held_twice, duplicate_mac
void check_duplicates(const Fleet& fleet, std::vector<Finding>& findings);
// wrong_mask, overlapping_subnets
void check_subnets(const Fleet& fleet, std::vector<Finding>& findings);
// mtu_mismatch, vxlan_mtu, vlan_mismatch, vxlan_mismatch
void check_segments(const Fleet& fleet, std::vector<Finding>& findings);
// half_duplex, bond_speed_mismatch, nic_errors
void check_links(const Fleet& fleet, std::vector<Finding>& findings);
// gateway_missing, gateway_dead, missing_return_route, forwarding_off, rp_filter_asymmetric,
// routes_differ
void check_routes(const Fleet& fleet, std::vector<Finding>& findings);
// firewall_drops_probe, bridge_filter_drop
void check_filters(const Fleet& fleet, std::vector<Finding>& findings);
// ra_missing, rogue_ra, dad_failed
void check_v6(const Fleet& fleet, std::vector<Finding>& findings);
// address_rewritten
void check_translations(const Fleet& fleet, std::vector<Finding>& findings);
// cpu_steal, cpu_throttled, neighbor_table_full, clock_off
void check_hosts(const Fleet& fleet, std::vector<Finding>& findings);

}  // namespace faultline::diagnose

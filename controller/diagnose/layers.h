// The layers of a diagnosis: each looks at the pair and adds its checks, also those that are well.
//
// A layer concludes nothing from what is not known: then it adds a check of level kUnknown, which
// says what is missing. A cause that would explain a symptom which is there is a failure; the same
// cause without the symptom is a warning, unless it breaks something by itself.
// Thread safety: pure.
#pragma once

#include <vector>

#include "controller/diagnose/pair.h"

namespace faultline::diagnose {

using Checks = std::vector<Check>;

// probe_down, probe_silent, prober_overloaded, results_dropped, facts_missing, facts_old
void look_at_prober(const Pair& pair, Checks& checks);
// address_missing, dad_failed, address_tentative, behind_nat, taken_for_neighbor
void look_at_addressing(const Pair& pair, Checks& checks);
// unreachable_by_design; before the other layers, for what it explains needs no other cause
void look_at_design(const Pair& pair, Checks& checks);
// interface_down, no_carrier, neighbor_unresolved, neighbor_mac_wrong, macvlan_parent
void look_at_link(const Pair& pair, Checks& checks);
// no_route, route_discards, next_hop_dead, gateway_unresolved, gateway_unusual, routing_loop
void look_at_routes(const Pair& pair, Checks& checks);
// rp_filter_asymmetric, route_captured
void look_at_detours(const Pair& pair, Checks& checks);
// firewall_drops, firewall_may_drop, port_closed, port_local_only, probe_port_filtered, cloud_*
void look_at_filtering(const Pair& pair, Checks& checks);
// address_rewritten
void look_at_translation(const Pair& pair, Checks& checks);
// icmp_filtered, routing_loop, path_breaks, port_timeout, port_refused, port_filtered,
// port_unreachable: by the tests made just now; after the other layers of routes and filters
void look_at_trials(const Pair& pair, Checks& checks);
// mtu_low, mtu_differs
void look_at_mtu(const Pair& pair, Checks& checks);
// path_*, cut_off, path_breaks
void look_at_path(const Pair& pair, Checks& checks);
// unreachable, one_way, flows_dead, lossy, slow, dscp_rewritten
void look_at_quality(const Pair& pair, Checks& checks);
// What the rules over facts found about either end, each into its layer.
void take_findings(const Pair& pair, Checks& checks);

// A cause: fails where it explains a symptom of the pair, and warns otherwise.
[[nodiscard]] Level level_of(const Pair& pair, Symptoms explains);

// A filter that knows the probes' own port, where a service's is asked for: told after what is
// about that one.
[[nodiscard]] bool is_beside_port(const Question& question, const Check& check);

// Every layer's, by layer, the worst first.
[[nodiscard]] Checks look_at_all(const Pair& pair);
[[nodiscard]] Verdict verdict_of(const Pair& pair, const Checks& checks);

}  // namespace faultline::diagnose

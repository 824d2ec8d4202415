// The members of every value of facts.h and their names in a snapshot file, once for reading and
// writing.
//
// describe(io, value) hands io each member with its name. A required member must be there when
// read; an optional one, a flag that is off and an empty list are left out when written. Internal
// to this folder.
#pragma once

#include "common/facts/facts.h"

namespace faultline::facts {

// NOLINTBEGIN(readability-identifier-naming)
template <typename Io>
void describe(Io& io, Counters& v) {
  io.required("rx_packets", v.rx_packets);
  io.required("tx_packets", v.tx_packets);
  io.required("rx_errors", v.rx_errors);
  io.required("tx_errors", v.tx_errors);
  io.required("rx_dropped", v.rx_dropped);
  io.required("tx_dropped", v.tx_dropped);
  io.optional("collisions", v.collisions);
  io.optional("rx_crc_errors", v.rx_crc_errors);
  io.optional("rx_frame_errors", v.rx_frame_errors);
  io.optional("rx_missed_errors", v.rx_missed_errors);
  io.optional("tx_carrier_errors", v.tx_carrier_errors);
}

template <typename Io>
void describe(Io& io, Vxlan& v) {
  io.required("vni", v.vni);
  io.optional("underlay", v.underlay);
  io.optional("local", v.local);
  io.optional("remote", v.remote);
  io.optional("port", v.port);
  io.optional("learning", v.learning);
}

template <typename Io>
void describe(Io& io, Interface& v) {
  io.required("index", v.index);
  io.required("name", v.name);
  io.optional("kind", v.kind);
  io.optional("driver", v.driver);
  io.optional("bus", v.bus);
  io.optional("speed_mbps", v.speed_mbps);
  io.optional("duplex", v.duplex);
  io.required("mtu", v.mtu);
  io.optional("loopback", v.loopback);
  io.required("up", v.up);
  io.optional("carrier", v.carrier);
  io.optional("state", v.state);
  io.optional("mac", v.mac);
  io.optional("permanent_mac", v.permanent_mac);
  io.optional("master", v.master);
  io.optional("lower", v.lower);
  io.optional("peer_elsewhere", v.peer_elsewhere);
  io.optional("mode", v.mode);
  io.optional("vlan", v.vlan);
  io.optional("vxlan", v.vxlan);
  io.optional("offloads", v.offloads);
  io.optional("counters", v.counters);
  io.optional("carrier_changes", v.carrier_changes);
  io.optional("rp_filter", v.rp_filter);
  io.optional("forwarding", v.forwarding);
}

template <typename Io>
void describe(Io& io, Address& v) {
  io.required("interface", v.interface);
  io.required("address", v.prefix);
  io.optional("scope", v.scope);
  io.optional("origin", v.origin);
  io.optional("valid_seconds", v.valid_seconds);
  io.optional("secondary", v.secondary);
  io.optional("eui64", v.eui64);
  io.optional("temporary", v.temporary);
  io.optional("tentative", v.tentative);
  io.optional("dad_failed", v.dad_failed);
  io.optional("deprecated", v.deprecated);
}

template <typename Io>
void describe(Io& io, NextHop& v) {
  io.optional("gateway", v.gateway);
  io.optional("interface", v.interface);
  io.required("weight", v.weight);
  io.optional("dead", v.dead);
}

template <typename Io>
void describe(Io& io, Route& v) {
  io.required("table", v.table);
  io.optional("type", v.type);
  io.required("destination", v.destination);
  io.optional("next_hops", v.next_hops);
  io.optional("source", v.source);
  io.optional("metric", v.metric);
  io.optional("protocol", v.protocol);
  io.optional("mtu", v.mtu);
}

template <typename Io>
void describe(Io& io, Rule& v) {
  io.required("priority", v.priority);
  io.optional("action", v.action);
  io.optional("table", v.table);
  io.optional("from", v.from);
  io.optional("to", v.to);
  io.optional("input", v.input);
  io.optional("output", v.output);
  io.optional("mark", v.mark);
  io.optional("v6", v.v6);
}

template <typename Io>
void describe(Io& io, Neighbor& v) {
  io.required("address", v.address);
  io.required("interface", v.interface);
  io.optional("mac", v.mac);
  io.optional("state", v.state);
  io.optional("router", v.router);
}

template <typename Io>
void describe(Io& io, BridgeEntry& v) {
  io.required("bridge", v.bridge);
  io.required("port", v.port);
  io.required("mac", v.mac);
}

template <typename Io>
void describe(Io& io, Listener& v) {
  io.required("protocol", v.protocol);
  io.required("address", v.address);
  io.required("port", v.port);
}

template <typename Io>
void describe(Io& io, FirewallChain& v) {
  io.required("source", v.source);
  io.required("family", v.family);
  io.required("table", v.table);
  io.required("chain", v.chain);
  io.required("hook", v.hook);
  io.required("policy", v.policy);
  io.optional("rules", v.rules);
}

template <typename Io>
void describe(Io& io, FirewallRule& v) {
  io.required("source", v.source);
  io.required("family", v.family);
  io.required("table", v.table);
  io.required("chain", v.chain);
  io.required("verdict", v.verdict);
  io.optional("protocol", v.protocol);
  io.optional("ports", v.ports);
  io.optional("other", v.other);
  io.optional("packets", v.packets);
  io.optional("to", v.to);
}

template <typename Io>
void describe(Io& io, Firewall& v) {
  io.required("chains", v.chains);
  io.required("rules", v.rules);
  io.optional("translations", v.translations);
}

template <typename Io>
void describe(Io& io, Machine& v) {
  io.optional("hypervisor", v.hypervisor);
  io.optional("container", v.container);
  io.optional("vendor", v.vendor);
  io.optional("product", v.product);
  io.optional("cloud", v.cloud);
  io.optional("instance", v.instance);
  io.optional("kernel", v.kernel);
  io.optional("boot_id", v.boot_id);
}

template <typename Io>
void describe(Io& io, ModeHint& v) {
  io.required("mode", v.mode);
  io.required("why", v.why);
}

template <typename Io>
void describe(Io& io, CpuTime& v) {
  io.required("total", v.total);
  io.required("idle", v.idle);
  io.required("steal", v.steal);
  io.optional("throttled_us", v.throttled_us);
}

template <typename Io>
void describe(Io& io, ClockState& v) {
  io.required("synchronized", v.synchronized);
  io.required("offset_us", v.offset_us);
  io.required("max_error_us", v.max_error_us);
}

template <typename Io>
void describe(Io& io, LldpNeighbor& v) {
  io.required("interface", v.interface);
  io.required("chassis", v.chassis);
  io.required("port", v.port);
  io.optional("description", v.description);
  io.optional("vlans", v.vlans);
  io.optional("native_vlan", v.native_vlan);
  io.optional("frame_max", v.frame_max);
}

template <typename Io>
void describe(Io& io, Heard& v) {
  io.required("address", v.address);
  io.optional("refused", v.refused);
  io.required("packets", v.packets);
  io.required("last_at", v.last_at);
}

template <typename Io>
void describe(Io& io, Unknown& v) {
  io.required("what", v.what);
  io.required("why", v.why);
}

template <typename Io, typename Item>
void describe(Io& io, Listing<Item>& v) {
  io.required("total", v.total);
  io.required("items", v.items);
}

template <typename Io>
void describe(Io& io, Facts& v) {
  io.required("collected_at", v.collected_at);
  io.optional("host_name", v.host_name);
  io.optional("machine", v.machine);
  io.optional("hints", v.hints);
  io.optional("cpu", v.cpu);
  io.optional("clock", v.clock);
  io.optional("interfaces", v.interfaces);
  io.optional("addresses", v.addresses);
  io.optional("routes", v.routes);
  io.optional("rules", v.rules);
  io.optional("neighbors", v.neighbors);
  io.optional("bridge_entries", v.bridge_entries);
  io.optional("listeners", v.listeners);
  io.optional("firewall", v.firewall);
  io.optional("lldp", v.lldp);
  io.optional("heard", v.heard);
  io.optional("sysctls", v.sysctls);
  io.optional("unknown", v.unknown);
}
// NOLINTEND(readability-identifier-naming)

}  // namespace faultline::facts

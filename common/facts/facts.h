// Facts: a node's own network configuration at one moment, as values.
//
// Why it exists: the questions between two machines ("same subnet? whose firewall? which MTU?") are
// answered by comparing what each says of itself. The collector (probe/facts) fills these values, a
// snapshot file holds them as JSON (facts_json.h), and the rules (controller/diagnose) read nothing
// else.
//
// Invariant: what could not be read is absent (std::nullopt) and named in `unknown` with the
// reason; it is never guessed. An empty list means that there is none. Words (kind, scope, state,
// ...) are the kernel's. Thread safety: plain values. Sources: rtnetlink(7), ethtool, /proc, /sys;
// see probe/facts.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "common/model/address.h"

namespace faultline::facts {

// The first items and how many there are: a full routing table has a million. Invariant: total >=
// items.size().
template <typename Item>
struct Listing {
  std::vector<Item> items{};
  std::uint64_t total = 0;

  [[nodiscard]] bool complete() const { return total == items.size(); }
  bool operator==(const Listing&) const = default;
};

// Bounds of a snapshot; what is beyond is counted only.
inline constexpr std::size_t kInterfacesMax = 1024;
inline constexpr std::size_t kAddressesMax = 2048;
inline constexpr std::size_t kRoutesMax = 512;
inline constexpr std::size_t kRulesMax = 128;
inline constexpr std::size_t kNeighborsMax = 512;
inline constexpr std::size_t kBridgeEntriesMax = 512;
inline constexpr std::size_t kListenersMax = 256;
inline constexpr std::size_t kFirewallRulesMax = 128;
inline constexpr std::size_t kLldpMax = 128;
inline constexpr std::size_t kHeardMax = 512;

// An address with a length: of an interface (host bits kept) or of a route.
struct Prefix {
  IpAddress address{};
  std::uint8_t length = 0;  // 0..32 or 0..128

  bool operator==(const Prefix&) const = default;
};

// Since the interface was made or the driver loaded.
struct Counters {
  std::uint64_t rx_packets = 0;
  std::uint64_t tx_packets = 0;
  std::uint64_t rx_errors = 0;
  std::uint64_t tx_errors = 0;
  std::uint64_t rx_dropped = 0;
  std::uint64_t tx_dropped = 0;
  std::uint64_t collisions = 0;
  std::uint64_t rx_crc_errors = 0;
  std::uint64_t rx_frame_errors = 0;
  std::uint64_t rx_missed_errors = 0;
  std::uint64_t tx_carrier_errors = 0;

  bool operator==(const Counters&) const = default;
};

struct Vxlan {
  std::uint32_t vni = 0;
  std::optional<std::string> underlay{};  // the interface that carries it, where it is bound to one
  std::optional<IpAddress> local{};
  std::optional<IpAddress> remote{};  // a peer or a multicast group
  std::uint16_t port = 0;
  bool learning = false;

  bool operator==(const Vxlan&) const = default;
};

struct Interface {
  std::uint32_t index = 0;
  std::string name{};
  std::string
      kind{};  // "bridge", "vlan", "vxlan", "veth", "bond", "tun", ...; empty: a NIC or loopback
  std::optional<std::string> driver{};
  std::optional<std::string> bus{};  // "0000:3b:00.0", "virtio0"
  std::optional<std::uint32_t> speed_mbps{};
  std::optional<std::string> duplex{};  // "full", "half"
  std::uint32_t mtu = 0;                // bytes
  bool loopback = false;
  bool up = false;  // administratively
  std::optional<bool> carrier{};
  std::string state{};               // operational: "up", "down", "lowerlayerdown", "unknown", ...
  std::optional<std::string> mac{};  // lower case, "52:54:00:12:34:56"
  std::optional<std::string> permanent_mac{};
  std::optional<std::string> master{};  // the bridge, bond, team or VRF that it belongs to
  std::optional<std::string> lower{};   // what it stands on, in this namespace
  bool peer_elsewhere = false;          // what it stands on is in another namespace
  std::optional<std::string> mode{};    // of a bond, macvlan, macvtap, ipvlan or tun
  std::optional<std::uint16_t> vlan{};  // of an 802.1Q device
  std::optional<Vxlan> vxlan{};
  std::map<std::string, bool>
      offloads{};  // "tso", "gso", "gro", "lro", "rx_checksum", "tx_checksum"
  std::optional<Counters> counters{};
  std::optional<std::uint32_t> carrier_changes{};
  std::optional<std::int64_t> rp_filter{};   // IPv4, as set on the interface; `all` is a sysctl
  std::optional<std::int64_t> forwarding{};  // IPv4

  bool operator==(const Interface&) const = default;
};

struct Address {
  std::string interface {};
  Prefix prefix{};
  std::string scope{};  // "global", "link", "host", ...
  // "dhcp", "static", "ra", "link_local", "loopback"; absent: the kernel does not tell.
  std::optional<std::string> origin{};
  std::optional<std::uint32_t> valid_seconds{};  // absent: for ever
  bool secondary = false;                        // IPv4: not the first of its subnet
  bool eui64 = false;                            // IPv6: made of the interface's MAC
  bool temporary = false;                        // IPv6: a privacy address
  bool tentative = false;
  bool dad_failed = false;  // someone else answered for it
  bool deprecated = false;

  bool operator==(const Address&) const = default;
};

struct NextHop {
  std::optional<IpAddress> gateway{};  // absent: directly attached
  std::string interface {};
  std::uint32_t weight = 1;
  bool dead = false;  // dead, or without link

  bool operator==(const NextHop&) const = default;
};

struct Route {
  std::uint32_t table = 254;  // 254 is main
  std::string type{};         // "unicast", "blackhole", "unreachable", "prohibit", ...
  Prefix destination{};       // length 0: the default route
  std::vector<NextHop> next_hops{};
  std::optional<IpAddress> source{};  // preferred
  std::uint32_t metric = 0;
  std::string protocol{};  // "kernel", "static", "dhcp", "ra", "bgp", ...
  std::optional<std::uint32_t> mtu{};

  bool operator==(const Route&) const = default;
};

struct Rule {
  std::uint32_t priority = 0;
  std::string action{};  // "to_table", "blackhole", ...
  std::uint32_t table = 0;
  std::optional<Prefix> from{};
  std::optional<Prefix> to{};
  std::optional<std::string> input{};   // interface
  std::optional<std::string> output{};  // interface
  std::optional<std::uint32_t> mark{};
  bool v6 = false;

  bool operator==(const Rule&) const = default;
};

struct Neighbor {
  IpAddress address{};
  std::string interface {};
  std::optional<std::string> mac{};
  std::string state{};  // "reachable", "stale", "failed", "incomplete", "permanent", ...
  bool router = false;  // IPv6: it said that it is one

  bool operator==(const Neighbor&) const = default;
};

// A MAC that a bridge has learned, and behind which of its ports. Without a bridge: one that a NIC
// takes frames for beside its own, as for a macvlan that stands on it.
struct BridgeEntry {
  std::string bridge{};
  std::string port{};
  std::string mac{};

  bool operator==(const BridgeEntry&) const = default;
};

struct Listener {
  std::string protocol{};  // "tcp", "udp"
  IpAddress address{};     // unspecified: any
  std::uint16_t port = 0;

  bool operator==(const Listener&) const = default;
};

// A base chain: where packets enter the firewall.
struct FirewallChain {
  std::string source{};  // "nftables", "iptables", "ip6tables"
  std::string family{};  // "ip", "ip6", "inet", "bridge", ...
  std::string table{};
  std::string chain{};
  std::string hook{};    // "input", "forward", "output", ...
  std::string policy{};  // "accept", "drop"
  std::uint64_t rules = 0;

  bool operator==(const FirewallChain&) const = default;
};

// A rule that ends in drop or reject, or that accepts a port or ICMP: what decides of a probe's
// packet.
struct FirewallRule {
  std::string source{};
  std::string family{};
  std::string table{};
  std::string chain{};
  std::string verdict{};                  // "drop", "reject", "accept"
  std::optional<std::string> protocol{};  // "tcp", "udp", "icmp", "icmpv6"; absent: any
  std::vector<std::string> ports{};       // destination: "862", "61000-61015"; empty: any
  std::vector<std::string> other{};  // what else it asks of the packet, in words; empty: nothing
  std::optional<std::uint64_t> packets{};  // counted so far
  std::optional<std::string> to{};         // of a translation: "10.0.0.5", "10.0.0.5:8080"

  bool operator==(const FirewallRule&) const = default;
};

struct Firewall {
  std::vector<FirewallChain> chains{};
  Listing<FirewallRule> rules{};
  // NAT, whose verdicts are "dnat", "redirect", "snat" and "masquerade".
  Listing<FirewallRule> translations{};

  bool operator==(const Firewall&) const = default;
};

// What the machine is. `hypervisor` is what it runs *on*.
struct Machine {
  std::optional<std::string> hypervisor{};  // "none", "kvm", "vmware", "hyperv", "xen", ...
  std::optional<std::string> container{};   // "none", "docker", "podman", "lxc", ...
  std::optional<std::string> vendor{};      // DMI
  std::optional<std::string> product{};     // DMI
  std::optional<std::string> cloud{};       // "aws", "gcp", "azure", where DMI says so
  std::optional<std::string> instance{};    // the cloud's own id, where DMI tells it
  std::optional<std::string> kernel{};
  std::optional<std::string> boot_id{};

  bool operator==(const Machine&) const = default;
};

// What speaks for a way of being connected (nat, bridged, macvtap, host). A hint is evidence, not a
// verdict.
struct ModeHint {
  std::string mode{};
  std::string why{};

  bool operator==(const ModeHint&) const = default;
};

// All processors together, in the kernel's ticks since boot.
struct CpuTime {
  std::uint64_t total = 0;
  std::uint64_t idle = 0;   // with iowait
  std::uint64_t steal = 0;  // the hypervisor gave the processor to somebody else
  // Microseconds that the control group at the root of what is seen (a container's own) was made to
  // wait by its quota; absent: it has none.
  std::optional<std::uint64_t> throttled_us{};

  bool operator==(const CpuTime&) const = default;
};

struct ClockState {
  bool synchronized = false;
  std::int64_t offset_us = 0;  // that the kernel still corrects
  std::int64_t max_error_us = 0;

  bool operator==(const ClockState&) const = default;
};

struct LldpNeighbor {
  std::string interface {};
  std::string chassis{};
  std::string port{};
  std::optional<std::string> description{};
  std::vector<std::uint16_t> vlans{};
  std::optional<std::uint16_t> native_vlan{};
  std::optional<std::uint32_t> frame_max{};  // bytes, with Ethernet's header

  bool operator==(const LldpNeighbor&) const = default;
};

// Who sends to the probe's reflector, which is how the far end of a path proves that it is open.
struct Heard {
  IpAddress address{};
  bool refused = false;  // a stranger's, or not signed as it should be; else it was answered
  std::uint64_t packets = 0;
  WallTime last_at{};

  bool operator==(const Heard&) const = default;
};

struct Unknown {
  std::string what{};  // "firewall", "interface eth0: speed"
  std::string why{};

  bool operator==(const Unknown&) const = default;
};

struct Facts {
  WallTime collected_at{};
  std::string host_name{};
  Machine machine{};
  std::vector<ModeHint> hints{};
  std::optional<CpuTime> cpu{};
  std::optional<ClockState> clock{};
  std::optional<Listing<Interface>> interfaces{};
  std::optional<Listing<Address>> addresses{};
  std::optional<Listing<Route>> routes{};
  std::optional<Listing<Rule>> rules{};
  std::optional<Listing<Neighbor>> neighbors{};
  std::optional<Listing<BridgeEntry>> bridge_entries{};
  std::optional<Listing<Listener>> listeners{};
  std::optional<Firewall> firewall{};
  std::optional<std::vector<LldpNeighbor>> lldp{};
  std::optional<Listing<Heard>> heard{};  // since the probe started; absent: no probe ran
  std::map<std::string, std::int64_t>
      sysctls{};  // "net.ipv4.ip_forward"; absent: not there or not readable
  std::vector<Unknown> unknown{};

  bool operator==(const Facts&) const = default;
};

}  // namespace faultline::facts

// Model: what a snapshot of cloud networks says, in words that belong to no cloud.
//
// Why it exists: reachability is the same question in every cloud; only the names of the parts and
// the form of their descriptions differ. An importer (importer.h) fills this, everything else reads
// it. AWS's name of each part is in its comment.
//
// Values by id; ids are the cloud's own. What a part refers to may be missing from the snapshot.
// Thread safety: const use may be shared.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/vpc/prefix.h"

namespace faultline::vpc {

template <typename T>
using ById = std::map<std::string, T, std::less<>>;

// A private cloud network with address blocks of its own (VPC).
struct Network {
  std::string name{};
  std::string account{};
  std::string region{};  // empty where nothing tells
  std::vector<Prefix> prefixes{};

  bool operator==(const Network&) const = default;
};

struct Subnet {
  std::string name{};
  std::string network{};
  std::string zone{};  // Availability Zone
  std::vector<Prefix> prefixes{};

  bool operator==(const Subnet&) const = default;
};

struct InterfaceAddress {
  IpAddress address{};
  std::optional<IpAddress> public_address{};  // IPv4 only; IPv6 is what it is

  bool operator==(const InterfaceAddress&) const = default;
};

// What holds addresses in a subnet: a machine's interface, a NAT gateway's, an endpoint's (ENI).
struct Interface {
  std::string name{};
  std::string kind{};  // the cloud's word; "interface" for a plain one
  std::string network{};
  std::string subnet{};
  std::string machine{};  // empty: none
  int device_index = 0;   // 0 is the first interface of its machine
  bool attached = true;
  bool forwards = false;  // may carry packets that are not its own (source/destination check off)
  std::vector<InterfaceAddress> addresses{};
  std::vector<Prefix> delegated{};    // whole blocks that are its own
  std::vector<std::string> groups{};  // security groups

  bool operator==(const Interface&) const = default;
};

struct Machine {
  std::string name{};
  std::string state{};  // the cloud's word, such as "running"
  std::vector<std::string> interfaces{};

  bool operator==(const Machine&) const = default;
};

enum class TargetKind : std::uint8_t {
  kLocal,
  kInternetGateway,
  kEgressOnlyGateway,
  kNatGateway,
  kVirtualGateway,  // ends VPNs and private lines in one network (VGW)
  kTransitGateway,
  kPeering,
  kInterface,
  kEndpoint,
  kNone,   // the route's target is not told, or was deleted
  kOther,  // known to the cloud, not to this model: local, carrier and core network gateways
};

struct Route {
  std::optional<Prefix> destination{};
  std::string prefix_list{};  // where `destination` is empty
  TargetKind kind = TargetKind::kNone;
  std::string target{};
  bool blackhole = false;
  bool propagated = false;

  bool operator==(const Route&) const = default;
};

struct RouteTable {
  std::string name{};
  std::string network{};
  bool main = false;  // of the subnets that no table names
  std::vector<std::string> subnets{};
  std::vector<std::string> gateways{};  // routes what enters by these (edge association)
  std::vector<Route> routes{};

  bool operator==(const RouteTable&) const = default;
};

inline constexpr int kAnyProtocol = -1;
inline constexpr int kAnyIcmp = -1;

// What packets a rule is about. Numbers of protocols are IANA's.
struct Match {
  int protocol = kAnyProtocol;
  PortRange ports{};  // TCP and UDP
  int icmp_type = kAnyIcmp;
  int icmp_code = kAnyIcmp;

  bool operator==(const Match&) const = default;
};

// Admits what matches and is exchanged with one peer: exactly one of the three is set.
struct GroupRule {
  Match match{};
  std::optional<Prefix> prefix{};
  std::string prefix_list{};
  std::string group{};

  bool operator==(const GroupRule&) const = default;
};

// Stateful, the union of what its rules admit (security group).
struct SecurityGroup {
  std::string name{};
  std::string network{};
  std::vector<GroupRule> inbound{};
  std::vector<GroupRule> outbound{};

  bool operator==(const SecurityGroup&) const = default;
};

struct AccessEntry {
  int number = 0;
  bool allow = false;
  Match match{};
  Prefix prefix{};

  bool operator==(const AccessEntry&) const = default;
};

// Stateless, in order of numbers, the first match decides, at the edge of subnets (network ACL).
struct AccessList {
  std::string name{};
  std::string network{};
  bool fallback = false;  // of the subnets that no list names
  std::vector<std::string> subnets{};
  std::vector<AccessEntry> inbound{};  // ascending by number
  std::vector<AccessEntry> outbound{};

  bool operator==(const AccessList&) const = default;
};

// Internet, egress-only and virtual private gateways.
struct Gateway {
  std::string name{};
  TargetKind kind = TargetKind::kInternetGateway;
  std::string network{};  // empty: not attached

  bool operator==(const Gateway&) const = default;
};

struct NatGateway {
  std::string name{};
  std::string network{};
  std::string subnet{};
  std::string state{};
  bool is_public = true;
  std::vector<InterfaceAddress> addresses{};

  bool operator==(const NatGateway&) const = default;
};

struct PeeringSide {
  std::string network{};
  std::string account{};
  std::string region{};
  std::vector<Prefix> prefixes{};

  bool operator==(const PeeringSide&) const = default;
};

struct Peering {
  std::string name{};
  std::string state{};
  PeeringSide requester{};
  PeeringSide accepter{};

  bool operator==(const Peering&) const = default;
};

struct TransitGateway {
  std::string name{};
  std::string state{};
  bool group_references = false;

  bool operator==(const TransitGateway&) const = default;
};

enum class AttachmentKind : std::uint8_t { kNetwork, kVpn, kPrivateLine, kPeering, kOther };

struct Attachment {
  std::string name{};
  std::string transit_gateway{};
  AttachmentKind kind = AttachmentKind::kOther;
  std::string resource{};  // network, VPN connection, direct connect gateway, the peer's gateway
  std::string state{};
  std::string table{};                 // that routes what enters here; empty: none
  std::vector<std::string> subnets{};  // of a network: where it is present
  bool subnets_known = false;
  bool group_references = false;

  bool operator==(const Attachment&) const = default;
};

struct TransitRoute {
  std::optional<Prefix> destination{};
  std::string prefix_list{};
  std::vector<std::string> attachments{};
  bool blackhole = false;
  bool propagated = false;

  bool operator==(const TransitRoute&) const = default;
};

struct TransitTable {
  std::string name{};
  std::string transit_gateway{};
  bool routes_known = false;  // its routes were in the snapshot
  std::vector<TransitRoute> routes{};
  std::vector<std::string> propagating{};  // attachments

  bool operator==(const TransitTable&) const = default;
};

struct Tunnel {
  std::string address{};  // on the cloud's side
  bool up = false;

  bool operator==(const Tunnel&) const = default;
};

struct VpnConnection {
  std::string name{};
  std::string state{};
  std::string virtual_gateway{};  // one of the two
  std::string transit_gateway{};
  bool static_routes_only = false;
  std::vector<Prefix> static_routes{};
  std::vector<Tunnel> tunnels{};

  bool operator==(const VpnConnection&) const = default;
};

enum class EndpointKind : std::uint8_t { kGateway, kInterface, kAppliance, kOther };

struct Endpoint {
  std::string name{};
  std::string network{};
  EndpointKind kind = EndpointKind::kOther;
  std::string service{};
  std::string state{};
  std::vector<std::string> interfaces{};

  bool operator==(const Endpoint&) const = default;
};

struct PrefixList {
  std::string name{};
  bool entries_known = false;
  std::vector<Prefix> prefixes{};

  bool operator==(const PrefixList&) const = default;
};

struct Model {
  ById<Network> networks{};
  ById<Subnet> subnets{};
  ById<Interface> interfaces{};
  ById<Machine> machines{};
  ById<RouteTable> route_tables{};
  ById<SecurityGroup> groups{};
  ById<AccessList> access_lists{};
  ById<Gateway> gateways{};
  ById<NatGateway> nat_gateways{};
  ById<Peering> peerings{};
  ById<TransitGateway> transit_gateways{};
  ById<Attachment> attachments{};
  ById<TransitTable> transit_tables{};
  ById<VpnConnection> vpn_connections{};
  ById<Endpoint> endpoints{};
  ById<PrefixList> prefix_lists{};

  bool operator==(const Model&) const = default;
};

// The entry with that id, or null.
template <typename T>
[[nodiscard]] const T* find(const ById<T>& table, std::string_view id) {
  const auto found = table.find(id);
  return found == table.end() ? nullptr : &found->second;
}

}  // namespace faultline::vpc

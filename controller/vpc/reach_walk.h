// For this folder's sources only: one direction of a conversation, element by element.
//
// A Walk moves a packet until it arrives or is stopped. What the answers need to know of the way
// there (translations, the gateway that it left by) is in Journey, which both walks share.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "controller/vpc/index.h"
#include "controller/vpc/reach_filters.h"
#include "controller/vpc/reach_packet.h"

namespace faultline::vpc {

// Where a packet enters what the snapshot describes, or leaves it.
enum class DoorKind : std::uint8_t {
  kNone,
  kInternet,        // by public address
  kEgressOnly,      // id: the gateway
  kVirtualGateway,  // id: the gateway
  kAttachment,      // id: the transit gateway's attachment, as a key of the model
  kService,         // id: a gateway endpoint
};
struct Door {
  DoorKind kind = DoorKind::kNone;
  std::string id{};
};

struct Arrival {
  std::string interface {};  // empty: outside, by `door`
  Door door{};
  Packet packet{};
};

struct Translation {
  std::string element{};  // the NAT gateway, or the machine that is taken to translate
  IpAddress inside{};     // the source before
  IpAddress outside{};    // and after
  PortRange ports{};      // the client's, before
};

struct Journey {
  std::vector<Translation> translations{};  // of the way there
  std::vector<std::string> interfaces{};    // machines that it was routed through
  std::optional<Stop> unknown{};            // the first thing that is not known
  std::optional<Stop> partly{};             // the first that stops some ports
  std::vector<Step> trail{};
  std::vector<std::string> notes{};
};

class Walk {
 public:
  using Outcome = tl::expected<Arrival, Stop>;

  Walk(const Model& model, Direction direction, Packet packet, Journey& journey);

  // From a machine: its security groups (for the way there), then its subnet.
  [[nodiscard]] Outcome from_interface(const std::string& id);
  // From outside. `client` is whose subnet a service's answers go to, for doors that need one.
  [[nodiscard]] Outcome from_door(const Door& door, const std::string& network);

 private:
  // What packets come from when they are at a place in a network.
  struct Place {
    std::string network{};
    std::string subnet{};  // empty: a gateway, which is in none
    bool transit = false;  // the subnet is a transit gateway's way in
  };

  // reach_walk.cc: filters, and moving inside a network
  [[nodiscard]] std::optional<Stop> filter_groups(const std::string& interface_id, Side side);
  [[nodiscard]] std::optional<Stop> filter_subnet(const std::string& subnet, Side side);
  [[nodiscard]] std::optional<Stop> rule_on(Ruling ruling, const std::string& what);
  [[nodiscard]] Outcome onward(const Place& place);
  [[nodiscard]] Outcome deliver(const Place& place);
  [[nodiscard]] Outcome arrive(const std::string& interface_id);
  [[nodiscard]] Outcome follow(const Place& place, const std::string& table, const Route& route,
                               const Prefix& prefix);
  // reach_gateways.cc: what each target does
  [[nodiscard]] Outcome through_internet_gateway(const Place& place, const std::string& id);
  [[nodiscard]] Outcome into_internet_gateway();
  [[nodiscard]] Outcome through_egress_only(const Place& place, const std::string& id);
  [[nodiscard]] Outcome through_nat(const Place& place, const std::string& id);
  [[nodiscard]] Outcome back_through_nat(const NatGateway& nat, const std::string& id,
                                         const Place& place);
  [[nodiscard]] Outcome through_machine(const Place& place, const std::string& id);
  [[nodiscard]] Outcome through_endpoint(const std::string& id);
  // reach_transit.cc: between networks
  [[nodiscard]] Outcome through_peering(const Place& place, const std::string& id);
  [[nodiscard]] Outcome through_virtual_gateway(const Place& place, const std::string& id);
  [[nodiscard]] Outcome into_virtual_gateway(const std::string& id, const std::string& network);
  [[nodiscard]] Outcome through_transit(const Place& place, const std::string& id);
  [[nodiscard]] Outcome into_transit(Entry<Attachment> attachment);
  [[nodiscard]] Outcome out_of_transit(const TransitTable& table, const std::string& table_id,
                                       const std::string& gateway);
  [[nodiscard]] Outcome into_network(Entry<Attachment> attachment);
  [[nodiscard]] Outcome over_peer(Entry<Attachment> attachment);
  [[nodiscard]] std::optional<Stop> vpn_stop(const std::string& id, const VpnConnection& vpn) const;
  [[nodiscard]] std::optional<Stop> attachment_stop(Entry<Attachment> attachment) const;

  // What was asked and passed.
  void pass(std::string element, std::string what, std::string rule);
  void learn_unknown(Stop stop);
  [[nodiscard]] tl::unexpected<Stop> stop(std::string code, std::string element, std::string rule,
                                          std::string sentence) const;
  [[nodiscard]] tl::unexpected<Stop> unknown(std::string code, std::string element,
                                             std::string sentence) const;
  [[nodiscard]] const Translation* translation_of(const std::string& element) const;

  const Model& model_;
  Direction direction_;
  Packet packet_;
  Journey& journey_;
  std::string zone_;  // where it came into a transit gateway from; empty: not known
  int hops_ = 0;
};

}  // namespace faultline::vpc

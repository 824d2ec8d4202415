#include "controller/vpc/reach.h"

#include <fmt/format.h>

#include "controller/vpc/reach_party.h"
#include "controller/vpc/reach_walk.h"

namespace faultline::vpc {
namespace {

Packet first_packet(const Question& question, const Parties& parties) {
  Packet packet{.source = parties.from.address,
                .destination = parties.to.address,
                .protocol = question.protocol};
  if (has_ports(packet.protocol)) {
    packet.source_ports = question.client_ports;
    packet.destination_ports = {question.port, question.port};
  } else if (packet.protocol == kIcmp && !packet.source.is_v4()) {
    packet.protocol = kIcmpV6;
    packet.icmp_type = kEchoRequestV6;
  } else if (packet.protocol == kIcmp) {
    packet.icmp_type = kEchoRequest;
  }
  return packet;
}

// A machine that does not run answers nobody, whatever the rules say.
std::optional<Stop> state_stop(const Model& model, const Party& party) {
  const auto* interface = find(model.interfaces, party.interface);
  if (interface == nullptr) return std::nullopt;
  if (!interface->attached) {
    return Stop{.code = "BAD_STATE",
                .element = party.interface,
                .sentence = fmt::format("{} is attached to nothing", party.interface)};
  }
  const auto* machine = find(model.machines, interface->machine);
  if (machine == nullptr || machine->state.empty() || machine->state == "running") {
    return std::nullopt;
  }
  return Stop{.code = "BAD_STATE",
              .element = interface->machine,
              .sentence = fmt::format("{} is {}", party.name, machine->state)};
}

std::string network_of(const Model& model, const Party& party) {
  const auto* interface = find(model.interfaces, party.interface);
  return interface == nullptr ? "" : interface->network;
}

// The address is of a peer of the network that nobody described.
std::optional<Stop> unknown_peer(const Model& model, const std::string& network,
                                 const IpAddress& address) {
  for (const auto& [id, peering] : model.peerings) {
    const bool requests = peering.requester.network == network;
    if (!requests && peering.accepter.network != network) continue;
    const auto& peer = requests ? peering.accepter : peering.requester;
    if (!has_address(peer.prefixes, address) || model.networks.contains(peer.network)) continue;
    return Stop{.code = "NOT_IN_SNAPSHOT",
                .element = peer.network,
                .sentence = fmt::format("{} is an address of {}, the peer at {}, which is not in "
                                        "the snapshot",
                                        address.to_string(), peer.network, id),
                .unknown = true};
  }
  return std::nullopt;
}

Walk::Outcome walk_there(const Model& model, const Parties& parties, const Packet& packet,
                         Journey& journey, Door& door) {
  Walk walk(model, Direction::kForward, packet, journey);
  if (!parties.from.interface.empty()) return walk.from_interface(parties.from.interface);
  door = find_door(model, parties);
  if (door.kind == DoorKind::kNone && !is_private(packet.source)) {
    return tl::unexpected(Stop{
        .code = "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS",
        .element = parties.to.interface,
        .sentence = fmt::format("{} has no public address by which the internet could reach it",
                                parties.to.name)});
  }
  const auto network = network_of(model, parties.to);
  if (door.kind == DoorKind::kNone) {
    if (auto stopped = unknown_peer(model, network, packet.source)) return tl::unexpected(*stopped);
  }
  return walk.from_door(door, network);
}

Walk::Outcome walk_back(const Model& model, const Parties& parties, const Arrival& there,
                        Journey& journey) {
  Walk walk(model, Direction::kReturn, answer_to(there.packet), journey);
  if (!there.interface.empty()) return walk.from_interface(there.interface);
  return walk.from_door(there.door, network_of(model, parties.from));
}

// One on-premises network may be reached by a VPN of its own and by a transit gateway.
bool same_side(DoorKind one, DoorKind other) {
  const auto on_premises = [](DoorKind kind) {
    return kind == DoorKind::kVirtualGateway || kind == DoorKind::kAttachment;
  };
  return one == other || (on_premises(one) && on_premises(other));
}

// The answers must come from where the packets went to, and by the door that they came in.
std::optional<Stop> mismatch(const Parties& parties, const Packet& packet, const Door& door,
                             const Arrival& back) {
  Stop stop{.direction = Direction::kReturn};
  if (back.interface != parties.from.interface || !same_side(back.door.kind, door.kind)) {
    stop.code = "RETURN_TAKES_ANOTHER_WAY";
    stop.element = back.interface.empty() ? back.door.id : back.interface;
    stop.sentence = fmt::format(
        "the answers to {} leave by {}, which is not the way that the "
        "packets came",
        parties.from.name, stop.element);
    return stop;
  }
  if (back.packet.source != packet.destination) {
    stop.code = "RETURN_ADDRESS_TRANSLATED";
    stop.element = back.packet.source.to_string();
    stop.sentence = fmt::format("the answers come from {}, while {} asked {}", stop.element,
                                parties.from.name, packet.destination.to_string());
    return stop;
  }
  return std::nullopt;
}

void judge(Answer& answer, Journey journey, std::optional<Stop> stopped) {
  answer.trail = std::move(journey.trail);
  answer.notes = std::move(journey.notes);
  if (stopped && !stopped->unknown) {
    answer.verdict = Verdict::kDenied;
    answer.stop = std::move(stopped);
  } else if (stopped || journey.unknown) {
    answer.verdict = Verdict::kUnknown;
    answer.stop = journey.unknown ? std::move(journey.unknown) : std::move(stopped);
  } else if (journey.partly) {
    answer.verdict = Verdict::kPartly;
    answer.stop = std::move(journey.partly);
  } else {
    answer.verdict = Verdict::kAllowed;
  }
}

std::optional<Stop> walk_both(const Model& model, const Question& question, const Parties& parties,
                              Journey& journey) {
  for (const auto* party : {&parties.from, &parties.to}) {
    if (auto stopped = state_stop(model, *party)) return stopped;
  }
  const auto packet = first_packet(question, parties);
  Door door;
  const auto there = walk_there(model, parties, packet, journey, door);
  if (!there) return there.error();
  const auto back = walk_back(model, parties, *there, journey);
  if (!back) return back.error();
  return mismatch(parties, packet, door, *back);
}

}  // namespace

std::string_view to_string(Direction direction) {
  return direction == Direction::kForward ? "forward" : "return";
}

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::kAllowed:
      return "allowed";
    case Verdict::kPartly:
      return "partly";
    case Verdict::kDenied:
      return "denied";
    case Verdict::kUnknown:
      break;
  }
  return "unknown";
}

Result<Answer> reach(const Model& model, const Question& question) {
  FAULTLINE_TRY(const auto parties, find_parties(model, question));
  Answer answer{.question = question, .from = parties.from, .to = parties.to};
  Journey journey;
  auto stopped = walk_both(model, question, parties, journey);
  judge(answer, std::move(journey), std::move(stopped));
  return answer;
}

}  // namespace faultline::vpc

#include "controller/capture/sightings.h"

#include <algorithm>
#include <optional>
#include <set>
#include <tuple>

namespace faultline::capture {
namespace {

// What arrived of a packet that travels in pieces.
struct Pieces {
  std::set<std::pair<std::uint32_t, std::uint32_t>> parts{};  // offset, end
  std::uint32_t total = 0;                                    // 0: the last one was not seen

  [[nodiscard]] bool complete() const {
    std::uint32_t reached = 0;
    for (const auto& [offset, end] : parts) {
      if (offset > reached) return false;
      reached = std::max(reached, end);
    }
    return total != 0 && reached >= total;
  }
};
using PiecesKey = std::tuple<IpAddress, IpAddress, std::uint32_t>;

PiecesKey key_of(const Packet& packet) {
  return {packet.from.address, packet.to.address, packet.fragment_id};
}

void add_piece(std::map<PiecesKey, Pieces>& pieces, const Packet& packet) {
  // Headers before the data differ by family only in length, and all pieces have the same: what
  // counts is whether they meet.
  const std::uint32_t header = packet.from.address.is_v4() ? 20 : 48;
  const auto begin = static_cast<std::uint32_t>(packet.fragment_offset);
  const auto end = begin + (packet.size > header ? packet.size - header : 0);
  auto& of = pieces[key_of(packet)];
  of.parts.emplace(begin, end);
  if (!packet.more_fragments) of.total = end;
}

void add_complaint(Sightings& found, const Packet& packet) {
  for (auto& complaint : found.complaints) {
    if (complaint.by == packet.from.address && complaint.error == *packet.icmp) {
      ++complaint.count;
      return;
    }
  }
  found.complaints.push_back({.by = packet.from.address, .error = *packet.icmp, .count = 1});
}

// RFC 792, RFC 4443: in transit.
bool is_time_exceeded(const Complaint& complaint) {
  return complaint.error.code == 0 && complaint.error.type == (complaint.by.is_v4() ? 11 : 3);
}

// Sequence and time stamp of packets with a small TTL.
using TracePackets = std::set<std::pair<std::uint32_t, std::uint64_t>>;

// A reflector traces the way back from its own port: what answers it goes to that port.
bool answers_trace(const StampIdentity& identity, Octets payload, const TracePackets& traces) {
  if (identity.ssid < kSsidTestsFirst) return false;
  const auto reply = stamp_identity(payload, true);
  return reply && traces.contains({reply->request_sequence, reply->request_sent_at});
}

std::optional<Direction> direction_of(const Packet& packet, const Conversation& about) {
  if (!packet.udp) return std::nullopt;
  const auto any = [&](std::uint16_t port) {
    return about.source_port == 0 || port == about.source_port;
  };
  if (packet.to.port == about.reflector_port && any(packet.from.port)) return Direction::kForward;
  if (packet.from.port == about.reflector_port && any(packet.to.port)) return Direction::kReturn;
  return std::nullopt;
}

void add(std::map<StampIdentity, Sighting>& to, Sighting seen, bool leaving) {
  const auto [place, fresh] = to.emplace(seen.identity, seen);
  if (fresh) return;
  auto& known = place->second;
  if (known.interface == seen.interface) {
    ++known.copies;
  } else if (leaving) {
    seen.copies = known.copies;
    known = std::move(seen);
  }
}

// The time that all interfaces were listened to; where nothing says so, that of the frames.
Span span_of(const CaptureFile& file) {
  std::optional<Span> span;
  for (const auto& interface : file.interfaces) {
    if (!interface.span) continue;
    if (!span) span = Span{.from = interface.span->from, .until = interface.span->until};
    span->from = std::max(span->from, interface.span->from);
    span->until = std::min(span->until, interface.span->until);
    span->dropped += interface.span->dropped;
  }
  if (span) return *span;
  if (file.frames.empty()) return {};
  const auto [first, last] = std::ranges::minmax_element(file.frames, {}, &Frame::at);
  return {.from = first->at, .until = last->at};
}

}  // namespace

Sightings sightings(const CaptureFile& file, End end, const Conversation& about) {
  Sightings found{.span = span_of(file)};
  std::map<PiecesKey, Pieces> pieces;
  TracePackets traces;
  for (const auto& frame : file.frames) {
    ++found.frames;
    const auto& interface = file.interfaces.at(frame.interface);
    auto packet = parse(interface.link_type, frame.octets);
    if (!packet) {
      ++found.unread;
      continue;
    }
    if (packet->is_fragment()) add_piece(pieces, *packet);
    if (packet->icmp) add_complaint(found, *packet);
    const auto direction = direction_of(*packet, about);
    if (!direction) continue;
    const auto identity = stamp_identity(packet->payload, *direction == Direction::kReturn);
    if (!identity) continue;
    if (identity->is_test(packet->ttl)) {
      ++found.traces;
      traces.emplace(identity->sequence, identity->sent_at);
      continue;
    }
    if (answers_trace(*identity, packet->payload, traces)) {
      ++found.traces;
      continue;
    }
    packet->payload = {};  // it borrows from the frame
    const bool forward = *direction == Direction::kForward;
    const bool leaving = forward == (end == End::kNear);
    add(forward ? found.forward : found.back,
        {.identity = *identity, .at = frame.at, .packet = *packet, .interface = interface.name},
        leaving);
  }
  // Where there are traces, routers say to them what they are asked.
  if (found.traces > 0) std::erase_if(found.complaints, is_time_exceeded);
  for (auto* seen : {&found.forward, &found.back}) {
    for (auto& [identity, sighting] : *seen) {
      if (!sighting.packet.is_fragment()) continue;
      sighting.complete = pieces[key_of(sighting.packet)].complete();
    }
  }
  return found;
}

}  // namespace faultline::capture

// Sightings: the STAMP packets that one end's capture shows, each once, in both directions.
//
// Why it exists: a host may see one packet on several interfaces (a bridge and its port), the
// network may duplicate it or cut it into fragments, and traces are meant to be lost. All that is
// settled here, so that comparing is set arithmetic. Pure; thread safety: none needed.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "common/capture/packet.h"
#include "common/capture/pcapng.h"
#include "common/capture/stamp_identity.h"

namespace faultline::capture {

// Forward: towards the reflector.
enum class Direction : std::uint8_t { kForward = 0, kReturn = 1 };
enum class End : std::uint8_t { kNear = 0, kFar = 1 };  // the sender's, the reflector's

struct Sighting {
  StampIdentity identity{};
  WallTime at{};    // by this end's clock
  Packet packet{};  // without payload
  std::string interface {};
  std::uint32_t copies = 1;  // on the same interface: more than one is duplication
  bool complete = true;      // false: fragments of it are missing here
};

// An ICMP error that this end received or sent about the conversation.
struct Complaint {
  IpAddress by{};
  IcmpError error{};
  std::uint32_t count = 0;

  bool operator==(const Complaint&) const = default;
};

struct Sightings {
  std::map<StampIdentity, Sighting> forward{};
  std::map<StampIdentity, Sighting> back{};
  std::vector<Complaint> complaints{};
  Span span{};               // what the capture covers, on all interfaces at once
  std::uint32_t frames = 0;  // in the file
  std::uint32_t traces = 0;  // packets of traces and MTU tests: not compared
  std::uint32_t unread = 0;  // frames that are no IP, or too short

  [[nodiscard]] const std::map<StampIdentity, Sighting>& of(Direction direction) const {
    return direction == Direction::kForward ? forward : back;
  }
};

struct Conversation {
  std::uint16_t reflector_port = 862;  // as this end sees it
  std::uint16_t source_port = 0;       // as this end sees it; 0: any
};

// `end` decides which of several sightings counts: the one nearest to the wire, that is the last
// of what leaves and the first of what arrives.
[[nodiscard]] Sightings sightings(const CaptureFile& file, End end, const Conversation& about);

}  // namespace faultline::capture

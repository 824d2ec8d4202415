// compare(): which packets of a conversation are at both ends, which at one only, and what was
// changed on the way.
//
// Why it exists: see README.md. A packet is judged only where the other end's capture covers the
// time at which it would have been there, so that the edges of two captures are never loss.
//
// Pure; thread safety: none needed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controller/capture/alterations.h"
#include "controller/capture/patterns.h"
#include "controller/capture/sightings.h"

namespace faultline::capture {

// A packet that has not arrived so long after it left is missing.
inline constexpr Duration kSettle = std::chrono::milliseconds{500};
// By so much the estimated difference of two clocks may be wrong.
inline constexpr Duration kClockSlack = std::chrono::milliseconds{50};

// The far end's `about` names no source port: behind NAT it has another one there, and its packets
// are found by what they carry.
struct EndOfCapture {
  std::string node{};
  CaptureFile file{};
  Conversation about{};
  bool is_sender = false;  // of the near one: known, so that it is not taken for the far one
};

struct Way {
  std::uint32_t left = 0;     // judged: packets that left
  std::uint32_t arrived = 0;  // of them, whole
  std::uint32_t missing = 0;  // of them; the rest of `left`
  std::uint32_t cut = 0;      // of `missing`: some fragments came
  std::uint32_t unseen = 0;   // arrived, and nobody saw them leave
  std::uint32_t unknown = 0;  // of `unseen`: a wrong checksum, so that nobody knows which they were
  std::uint32_t copies = 0;   // arrived more than once
  std::uint32_t swapped = 0;  // arrived after one that left later, of the same flow
  std::optional<Duration> delay_min{};  // by both clocks: off by their difference's error
  std::optional<Duration> delay_max{};
  std::vector<Alteration> alterations{};
  std::vector<Pattern> patterns{};  // what the missing ones have in common

  bool operator==(const Way&) const = default;
};

struct FlowRow {
  std::uint16_t source_port = 0;
  std::uint32_t left = 0;
  std::uint32_t missing = 0;
  std::uint32_t unanswered = 0;
  std::uint32_t replies_left = 0;
  std::uint32_t replies_missing = 0;

  bool operator==(const FlowRow&) const = default;
};

struct Comparison {
  std::string near{};  // names
  std::string far{};
  IpAddress near_address{};  // as the near end sends
  IpAddress far_address{};   // where the near end sends to
  Way forward{};
  Way back{};
  std::uint32_t asked = 0;       // arrived at the far end early enough to be answered in time
  std::uint32_t unanswered = 0;  // of them
  std::optional<Duration> clock_difference{};  // the far end's clock minus the near one's
  bool sender_unclear = false;     // whose the requests are cannot be told: nothing is compared
  bool overlap = true;             // the captures cover a common time
  std::uint64_t dropped_near = 0;  // by the kernel, for want of room
  std::uint64_t dropped_far = 0;
  std::uint32_t frames_near = 0;
  std::uint32_t frames_far = 0;
  std::vector<FlowRow> flows{};         // ascending by port
  std::vector<Complaint> complaints{};  // of both ends, without repetition

  bool operator==(const Comparison&) const = default;
};

// Where the near end asks nothing and the far one does, they change places.
[[nodiscard]] Comparison compare(const EndOfCapture& near, const EndOfCapture& far);

}  // namespace faultline::capture

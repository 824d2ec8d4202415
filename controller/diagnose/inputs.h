// Inputs: everything that a diagnosis is made of, as values.
//
// Why it exists: "why can A not talk to B" is answered from many sources: what both say of
// themselves, what was measured between them, what the localizer accuses, what the cloud's rules
// say. Whoever has them (the controller, a recorded file, a test) fills these values; the diagnosis
// sees nothing else, so that every case can be recorded and replayed (inputs_json.h).
//
// What is not known is absent, never guessed. Directions are A's: `there` is from A to B.
// Thread safety: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "common/model/address.h"
#include "controller/diagnose/finding.h"

namespace faultline::diagnose {

struct Question {
  std::optional<std::uint16_t> port{};  // a service at B; empty: the network itself
  std::string protocol = "tcp";         // of the port: "tcp", "udp"
  WallTime at{};                        // the moment that is asked about
  bool past = false;                    // `at` was given: nothing was asked of the nodes just now

  bool operator==(const Question&) const = default;
};

enum class ProbeState : std::uint8_t {
  kNone,  // no node of the fleet: seen from the other side only
  kLive,
  kSilent,
  kJoined,  // a node that was never heard
  kRestarting,
  kUnknown,  // no controller was asked: nothing is known but the end's own snapshot
};

// What the sessions between this end and all others than the other end say.
struct Company {
  std::uint64_t peers = 0;       // measured with, lately
  std::uint64_t peers_dead = 0;  // nothing gets through, in one direction or both
  std::uint64_t peers_lossy = 0;

  bool operator==(const Company&) const = default;
};

// When a probe was away by intent or restarted. What was measured to and from it then is left out.
struct Away {
  WallTime from{};
  std::optional<WallTime> until{};  // empty: it still is

  bool operator==(const Away&) const = default;
};

struct End {
  std::string name{};  // as typed
  ProbeState probe = ProbeState::kNone;
  std::optional<IpAddress> address{};  // where its measurement packets come from, or as typed
  std::uint16_t probe_port = 862;      // of its reflector
  std::optional<WallTime> last_seen{};
  bool unanswered = false;     // asked for its facts just now, it did not answer
  std::optional<Away> away{};  // in the last minute
  double sick = 0;             // 0 well .. 1: its own measurements mean nothing
  std::string sick_reason{};
  std::string clock{};  // what its newest windows say that is wrong with it; empty: nothing
  std::uint64_t results_dropped = 0;  // by its spool, since its start
  double lateness_ms = 0;             // the longest that a due packet waited in the newest windows
  // In the newest windows: packets from addresses that no plan knows, which its reflector refused,
  // and answers that fit no session of its own. Both speak for translation on the way.
  std::uint64_t strangers_refused = 0;
  std::uint64_t answers_unmatched = 0;
  std::optional<Company> company{};
  // What other nodes say of it while it is not heard: "probe_down", "node_down", "uplink", ...;
  // empty: it is in no question.
  std::string reach{};
  std::string reach_sentence{};

  bool operator==(const End&) const = default;
};

struct Counts {
  std::uint64_t sent = 0;
  std::uint64_t lost_there = 0;  // on the way from the sender of the session
  std::uint64_t lost_back = 0;
  std::uint64_t lost_undetermined = 0;  // no answer told which way
  std::optional<double> rtt_mean_us{};

  [[nodiscard]] std::uint64_t lost() const { return lost_there + lost_back + lost_undetermined; }
  [[nodiscard]] double loss() const {
    return sent == 0 ? 0 : static_cast<double>(lost()) / static_cast<double>(sent);
  }
  bool operator==(const Counts&) const = default;
};

struct Hop {
  std::optional<std::string> address{};  // empty: silent
  std::optional<std::string> device{};

  bool operator==(const Hop&) const = default;
};

struct Trace {
  bool complete = false;  // false: `hops` is only the part that answered
  WallTime traced_at{};
  std::vector<Hop> hops{};  // in order of travel, both ends included
  // Why it went no further: "silent", "unreachable", "loop", "too_long"; empty: not told.
  std::string ended{};

  bool operator==(const Trace&) const = default;
};

struct Flow {
  std::uint16_t source_port = 0;
  std::uint16_t size = 0;  // bytes of its IP packets; 0: as small as they can be
  // Its class, what the far end receives of it, and what comes back of replies that are sent with
  // it. Empty: not told.
  std::uint8_t dscp = 0;
  std::optional<std::uint8_t> dscp_there{};
  std::optional<std::uint8_t> dscp_back{};
  std::uint64_t dscp_rewritten = 0;  // packets in the newest windows that came there with another
  Counts now{};                      // in the newest windows
  std::optional<Trace> there{};
  std::optional<Trace> back{};

  bool operator==(const Flow&) const = default;
};

// What one end measures of the other.
struct Session {
  WallTime from{};
  WallTime to{};
  std::vector<Flow> flows{};
  Counts now{};      // the newest window that has enough packets to be judged
  Counts minute{};   // the last minute
  Counts earlier{};  // the half hour before: what is usual

  bool operator==(const Session&) const = default;
};

// A component that the localizer accuses.
struct Accused {
  std::string id{};
  std::string kind{};  // "link", "cable", "device", "host", ...
  std::string fault_class{};
  double posterior = 0;
  std::optional<double> loss{};
  std::string incident{};  // empty: none is open on it
  bool on_way_there = false;
  bool on_way_back = false;
  std::vector<std::string> ambiguous_with{};

  bool operator==(const Accused&) const = default;
};

// What a snapshot of the cloud says of this pair (controller/vpc).
struct CloudAnswer {
  std::string verdict{};   // "allowed", "partly", "denied", "unknown"
  std::string code{};      // why not: `faultline explain CODE`
  std::string element{};   // the id of what stops it
  std::string rule{};      // of that element
  std::string sentence{};  // all of it, for people
  bool on_way_back = false;

  bool operator==(const CloudAnswer&) const = default;
};

// A test that was run just now from one end to the other.
struct Tried {
  std::string what{};   // "icmp", "tcp 5432", "mtu"
  bool from_b = false;  // by B towards A
  // "ok"; "lossy": some of the packets; "timeout": none, and nobody says why; and what somebody
  // says: "refused", "filtered", "unreachable", "loop", "too-big"
  std::string outcome{};
  std::string detail{};                // for people
  std::optional<std::uint32_t> mtu{};  // of "mtu": the largest packet that passes, bytes
  std::optional<IpAddress> told_by{};  // who said why not; empty: nobody

  bool operator==(const Tried&) const = default;
};

[[nodiscard]] inline bool passed(const Tried& tried) {
  return tried.outcome == "ok" || tried.outcome == "lossy";
}

struct Inputs {
  Question question{};
  End a{};
  End b{};
  std::optional<Session> by_a{};  // what A measures of B
  std::optional<Session> by_b{};
  std::vector<Accused> accused{};
  std::optional<CloudAnswer> cloud{};
  std::vector<Tried> tried{};
  std::vector<std::string> untried{};  // what was to be tried and was not: one sentence each
  // Of both ends, where known, and of neighbors to compare them with.
  std::vector<NodeFacts> facts{};
};

}  // namespace faultline::diagnose

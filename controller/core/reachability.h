// Reachability: what other nodes say of one that is not heard, or to which all is lost, and what
// follows from it.
//
// Why it exists: from outside a probe that was killed and a host that is down look alike, for the
// probe is who answers measurements. A host that is up answers for itself, though: its kernel
// refuses a TCP connection, echoes a ping, or says that nobody listens on a UDP port. So others are
// asked "can you reach it?" (inquiries.h), and judge_reachability() tells apart
//
//   probe down       the host answers all who asked, its probe none of them
//   node down        nobody gets any answer: it is down or cut off
//   its uplink       some get answers and some do not, or none does though its probe is heard:
//                    what lies between it and those, not the host
//   controller's way its probe answers all who asked, yet the controller does not hear it; or its
//                    results come by way of another node (relays.h)
//   reachable        it is heard, and its host answers all who asked
//   unknown          nobody could say; or it was heard too lately to call its probe down
//
// Who gets no answer of the node asks a third one, too: without an answer of that, either, it is
// his own uplink, and he says nothing of the node.
//
// Pure. Thread safety: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "common/model/address.h"
#include "controller/core/test_orders.h"
#include "controller/incident/incident.h"

namespace faultline::core {

// What one of those that were asked saw of the node.
enum class Sight : std::uint8_t {
  kNoAnswer,   // the asked one did not say anything in time, or cannot test
  kProbe,      // the node's probe answered a measurement packet
  kHost,       // its host answered, its probe did not
  kNothing,    // nothing of it answered
  kOwnUplink,  // nothing answered, nor did a third node: the asked one's own uplink
};
[[nodiscard]] std::string_view to_string(Sight sight);

struct Witness {
  std::string name{};
  std::string rack{};  // may be empty
  Sight sight = Sight::kNoAnswer;
  // Of kHost: the host said that nobody listens where its probe does. Nothing listens there, then.
  bool refused = false;
  std::string text{};  // "tcp 7401 refused, stamp refused"
  WallTime at{};

  bool operator==(const Witness&) const = default;
};

enum class Condition : std::uint8_t {
  kUnknown,
  kProbeDown,
  kNodeDown,
  kUplink,
  kControllerWay,
  kReachable,
};
[[nodiscard]] std::string_view to_string(Condition condition);
// "probe down", for people.
[[nodiscard]] std::string_view words(Condition condition);

// What the controller itself knows of the node.
struct Heard {
  bool silent = false;   // not heard for kDoubtfulIntervals heartbeats or more
  bool since = false;    // heard after the first was asked
  bool relayed = false;  // its results come by way of another node: its probe lives

  bool operator==(const Heard&) const = default;
};

[[nodiscard]] Condition judge_reachability(const std::vector<Witness>& witnesses, Heard heard);

struct Reachability {
  Condition condition = Condition::kUnknown;
  WallTime doubted_at{};               // the node was heard last, or all began to be lost to it
  std::optional<WallTime> asked_at{};  // when the last of `witnesses` had spoken; empty: not yet
  std::vector<Witness> witnesses{};    // as asked, at most kAskedMax
  std::string by_way_of{};             // the node that brings its results at present; or empty

  bool operator==(const Reachability&) const = default;
};

// "its host answers all 4 nodes that were asked, its probe none of them (h2, h3, h5 and h6)"
[[nodiscard]] std::string sentence(const Reachability& reachability);

// One test's answer: whether the target itself said anything.
enum class Reply : std::uint8_t { kSilence, kAnswered, kRefused, kCannot };
[[nodiscard]] std::string_view to_string(Reply reply);
// Of an order that is over. Only the target's own word counts: a router's "no route" or a
// firewall's "prohibited" are silence. kCannot: there is no report.
[[nodiscard]] Reply read_reply(const OrderedTest& test, const IpAddress& target);

inline constexpr std::string_view kProbeKind = "probe";            // of a suspect's component
inline constexpr std::string_view kProbeDownClass = "probe_down";  // its class
inline constexpr std::size_t kProbesNamedMax = 4;                  // in a sentence

// Nodes whose probes are down on hosts that are up, since about the same time: one finding.
struct ProbesDown {
  std::string id{};                  // "probe:h1", of the one that was first
  std::vector<std::string> nodes{};  // by name, not empty
  WallTime since{};
  Reachability lead{};  // of nodes.front()
};
[[nodiscard]] std::string probe_id(std::string_view node);
[[nodiscard]] incident::Suspect to_suspect(const ProbesDown& down);

}  // namespace faultline::core

// Trials: the tests that a diagnosis has both ends make just now, and what their reports say.
//
// Why it exists: what two machines say of themselves and what was measured between them leaves
// questions open that a few packets answer: whether a service's port is reached, whether a ping is,
// whether packets of full size are. Which ones is decided here, so that nothing is sent where a
// configuration tells enough already; who has them made is the controller (AppBackend).
//
// Bounded: kTrialsMax tests, of kPackets packets or connections each. Thread safety: pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "controller/diagnose/inputs.h"

namespace faultline::diagnose {

inline constexpr std::size_t kTrialsMax = 5;
inline constexpr std::uint32_t kTrialSizeMax = 9216;  // octets, as of an order
// So few are all lost by chance only where half of all packets are.
inline constexpr std::uint32_t kTrialPackets = 4;
inline constexpr std::uint32_t kTrialConnections = 2;
inline constexpr Duration kTrialInterval = std::chrono::milliseconds{30};
// For an answer: this, and twice the round trip that is measured, at most a second.
inline constexpr Duration kTrialTimeoutMin = std::chrono::milliseconds{400};
inline constexpr Duration kTrialTimeoutMax = std::chrono::seconds{1};

struct Trial {
  bool from_b = false;     // by B towards A
  std::string what{};      // as of Tried: "icmp", "mtu", "tcp 5432"
  std::uint16_t port = 0;  // of "tcp"
  std::uint16_t size = 0;  // of "mtu": octets of the IP packets

  bool operator==(const Trial&) const = default;
};

// Of the service's port: it is asked for, whatever else is known. Only nodes whose probe lives
// test.
[[nodiscard]] std::vector<Trial> port_trials(const Inputs& inputs);
// Of the way: none where a configuration, or the design, tells why the two do not talk.
[[nodiscard]] std::vector<Trial> way_trials(const Inputs& inputs);

// The order, as common/ondemand/order_json.h reads it, but for addresses: the target is a name.
[[nodiscard]] std::string order_of(const Trial& trial, const Inputs& inputs);
// What the report ("faultline.test/1") of such a test says. An outcome of "untold": it is no
// report, or nothing could be sent.
[[nodiscard]] Tried tried_of(const Trial& trial, std::string_view report);
// "h1 to h4: icmp", "h1 to h4: tcp 5432", "h4 to h1: mtu 1500", for people and the audit log.
[[nodiscard]] std::string text_of(const Trial& trial, const Inputs& inputs);

}  // namespace faultline::diagnose

// StandingTest: a test that the configuration wants carried out again and again, between which
// nodes, and what is known of one pair.
//
// Why it exists: the plan measures what every node can measure of every other; whether a service's
// port is open, or what the largest packet is, only tests tell (common/ondemand). Values and
// functions of them; standing_schedule.h says when, standing_tests.h has them carried out. Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/ondemand/order.h"
#include "controller/fleet/fleet.h"
#include "controller/incident/incident.h"
#include "controller/incident/silence.h"

namespace faultline::core {

inline constexpr std::size_t kStandingTestsMax = 16;
inline constexpr std::size_t kStandingPairsMax = 256;  // of one test; others are left out
inline constexpr Duration kStandingEveryMin = std::chrono::seconds{10};
inline constexpr Duration kStandingEveryMax = std::chrono::hours{24 * 7};
// Faults in a row until a pair fails, and successes until it does not.
inline constexpr std::uint32_t kFaultsToFail = 2;
inline constexpr std::uint32_t kSuccessesToMend = 2;

struct StandingTest {
  std::string name{};
  ondemand::TestOrder order{};  // without source and target
  incident::Selector from{};    // nodes; empty: all
  incident::Selector to{};      // likewise, without `target`
  std::optional<IpAddress> target{};
  Duration every = std::chrono::minutes{10};
  // Of the incident that it opens; empty: none.
  std::optional<incident::Severity> severity = incident::Severity::kWarning;

  bool operator==(const StandingTest&) const = default;
};

// Who tests whom. By `test` the number of the test in the configuration.
struct StandingPair {
  std::uint32_t test = 0;
  NodeId from{};
  NodeId to{};         // 0: `target`, which is no node
  IpAddress target{};  // unspecified unless it is no node

  auto operator<=>(const StandingPair&) const = default;
};

struct StandingPairs {
  std::vector<StandingPair> pairs{};
  std::size_t left_out = 0;  // beyond kStandingPairsMax

  bool operator==(const StandingPairs&) const = default;
};

enum class StandingOutcome : std::uint8_t { kNone, kOk, kFault, kInconclusive, kNotRun };
[[nodiscard]] std::string_view to_string(StandingOutcome outcome);

// What is known of a pair since the controller's start.
struct StandingResult {
  StandingOutcome outcome = StandingOutcome::kNone;  // of the last run
  std::string verdict{};                             // the test's own word: "refused"
  std::string summary{};                             // one sentence, or why it was not run
  WallTime at{};
  WallTime since{};  // its outcome has been this
  std::uint64_t runs = 0;
  std::uint32_t faults = 0;     // in a row
  std::uint32_t successes = 0;  // in a row
  bool failing = false;         // kFaultsToFail, and not yet kSuccessesToMend

  bool operator==(const StandingResult&) const = default;
};

// One sentence on what is not allowed; the name is not looked at.
[[nodiscard]] Status validate(const StandingTest& test);
// "port 443 by tcp", "mtu by icmp"
[[nodiscard]] std::string what_of(const ondemand::TestOrder& order);
// "all nodes", "rack=r1,r2"
[[nodiscard]] std::string from_text(const StandingTest& test);
[[nodiscard]] std::string to_text(const StandingTest& test);

[[nodiscard]] bool selects(const incident::Selector& selector, const fleet::NodeRecord& node);
// Ascending; nobody tests himself. Where not all can be had, each source has about as many, and a
// node that joins or leaves changes few of the others' pairs: which ones is a hash of the test's
// name and the two ends (rendezvous hashing). Those of `keep` that belong to the test stay.
[[nodiscard]] StandingPairs pairs_of(const StandingTest& test, std::uint32_t number,
                                     const fleet::Fleet& fleet,
                                     const std::set<StandingPair>& keep = {});
// kUnavailable: an end has no address that fits.
[[nodiscard]] Result<ondemand::TestOrder> order_of(const StandingTest& test,
                                                   const StandingPair& pair,
                                                   const fleet::Fleet& fleet);

// The last of a probe's report. Text of a probe is cut, and freed of what a terminal obeys.
[[nodiscard]] StandingResult read_result(std::string_view report);
// What one more run makes of what was known; `last` has outcome, verdict, summary and time.
// A run that says nothing counts neither way.
void follow(StandingResult& known, const StandingResult& last);

}  // namespace faultline::core

// AdaptiveProber: a few extra packets where they decide something.
//
// Why it exists: a link that loses one packet in a thousand shows two or three losses in a minute
// of ordinary probing, and so do some of two thousand healthy ones. Measuring everything twice as
// much costs the network twice as much; measuring twenty suspicious components twice as much costs
// it one percent (adaptive tomography; FIELD: prototype of the issue, recall .56 -> .81 with 4.3 %
// more).
//
// How: after each verdict, the most likely contested components are under test (sequential_test.h)
// and flows that cross exactly one of them are sent more often for `ExtraFlows::life`, which is
// less than a window. Nothing has to be taken back: without the next verdict the extra packets end.
//
// Bounds, whatever the input:
//   fleet  a bucket that starts empty and fills at extra_share of the planned packets, up to
//          kBucketSeconds: at no time were more than that share of all planned packets sent
//   link   all extra packets over one link, both directions of a flow, own and known links
//   node   what one node sends or reflects more, and what the plan's own limit leaves
//   flow   kTimesMax times its planned rate
// One round has ended before the next begins, so rounds do not add up. Nothing is sent while the
// fleet is unwell: then losses are not small, and load is the last thing that it needs.
//
// Deterministic. Thread safety: none; owned by the controller's loop.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "controller/plan/adaptive_flows.h"
#include "controller/plan/sequential_test.h"

namespace faultline::plan {

inline constexpr std::size_t kTestsMax = 64;
inline constexpr double kBucketSeconds = 60;
// Of what the bucket holds, a round takes so much: the next verdict knows better.
inline constexpr double kRoundShare = 1.0 / 3;
// How long a component is left alone after its test, and how many are remembered for that.
inline constexpr Duration kRestCleared = std::chrono::minutes{5};
inline constexpr Duration kRestGivenUp = std::chrono::minutes{30};
inline constexpr std::size_t kRestingMax = 1024;
// A fleet is well with at least this share of the expected reports, at most that share of sick
// nodes, and at most that share of all packets lost.
inline constexpr double kReportedShareMin = 0.9;
inline constexpr double kSickShareMax = 0.05;
inline constexpr double kLossRatioMax = 0.1;

struct AdaptiveConfig {
  bool enabled = true;
  double extra_share = 0.05;                        // 0.001 to 0.05, of the packets that plans send
  std::uint32_t link_packets_per_second_max = 250;  // extra ones
  std::uint32_t node_packets_per_second_max = 50;   // extra ones, sent or reflected

  bool operator==(const AdaptiveConfig&) const = default;
};

// kInvalid with one sentence that names the field.
[[nodiscard]] Status validate(const AdaptiveConfig& config);

struct FleetHealth {
  std::size_t nodes_expected = 0;
  std::size_t nodes_reported = 0;
  std::size_t nodes_sick = 0;  // whose own measurements mean little
  std::uint64_t packets = 0;   // of the horizon
  std::uint64_t lost = 0;
  bool changing = false;  // plans are on their way, the store is in trouble

  bool operator==(const FleetHealth&) const = default;
};

// What a verdict says, with the flows that could say more.
struct AdaptiveInput {
  std::vector<ContestedFlows> contested{};  // most likely first
  std::vector<std::string> suspects{};      // confirmed ones: whoever was under test has passed
  FleetHealth health{};
  Duration window{};
  Duration flow_interval{};
  double packets_per_second_planned = 0;  // of the whole fleet's flows
  // What each node may send more before it meets its own limit; who is missing may send nothing.
  std::map<NodeId, double> headroom{};
  double background = 0;  // share of packets that an ordinary flow loses
};

struct TestEvent {
  enum class Kind : std::uint8_t { kBegun, kConfirmed, kCleared, kGivenUp };
  Kind kind = Kind::kBegun;
  std::string component{};
  double log_odds = 0;  // now
  double packets = 0;   // expected when it begins, spent when it ends

  bool operator==(const TestEvent&) const = default;
};
[[nodiscard]] std::string_view to_string(TestEvent::Kind kind);

struct ExtraFlows {
  std::vector<ExtraFlow> flows{};  // ascending by flow
  Duration life{};                 // from when a probe is told
  double packets_per_second = 0;
  std::vector<TestEvent> events{};
  std::string paused{};  // why nothing is sent; empty: nothing is in the way

  bool operator==(const ExtraFlows&) const = default;
};

struct AdaptiveCounters {
  std::uint64_t rounds = 0;  // that sent something
  std::uint64_t rounds_paused = 0;
  std::uint64_t packets = 0;  // allowed at most; probes may send less
  std::uint64_t tests_begun = 0;
  std::uint64_t tests_confirmed = 0;
  std::uint64_t tests_cleared = 0;
  std::uint64_t tests_given_up = 0;
  std::uint64_t without_flows = 0;  // contested components that nothing crosses alone, per verdict

  bool operator==(const AdaptiveCounters&) const = default;
};

class AdaptiveProber {
 public:
  explicit AdaptiveProber(const AdaptiveConfig& config) : config_(config) {}

  // Once per verdict, in order of time. The flows replace all earlier ones.
  [[nodiscard]] ExtraFlows next(Instant now, const AdaptiveInput& input);

  [[nodiscard]] const AdaptiveCounters& counters() const { return counters_; }
  [[nodiscard]] std::size_t tests() const { return tests_.size(); }
  // Extra packets that were spent on a component under test; empty when it is not.
  [[nodiscard]] std::optional<double> packets_of(const std::string& component) const;

 private:
  struct Test {
    SequentialTest test;
    double packets_expected = 0;
    double packets_now = 0;  // of the round that runs
  };

  void fill(Instant now, double packets_per_second_planned);
  void judge_tests(Instant now, const AdaptiveInput& input, ExtraFlows& out);
  void end(Instant now, const std::string& id, TestEvent::Kind kind, double log_odds,
           ExtraFlows& out);
  void begin_tests(Instant now, const AdaptiveInput& input, ExtraFlows& out);
  void allot(const AdaptiveInput& input, ExtraFlows& out);

  AdaptiveConfig config_;
  std::optional<Instant> filled_at_;  // empty: never yet
  double rate_ = 0;                   // packets per second that flow into the bucket
  double bucket_ = 0;                 // packets
  Instant round_ends_{};              // extra packets may be on their way until then
  std::map<std::string, Test> tests_;
  std::map<std::string, Instant> resting_;  // until when
  AdaptiveCounters counters_;
};

}  // namespace faultline::plan

// Detector: what is abnormal between two nodes, from the windows that their probers report.
//
// Why it exists: see README.md. Every pair has baselines of its own for the round trip's median,
// its tail, its jitter and what it loses, and every flow of it one for its least round trip, for
// flows of one pair take different ways.
//
//   detector.begin(window);
//   detector.add(reporter, report, doubt);     // each report of the window
//   const auto found = detector.end();         // all that is abnormal now
//
// Windows that are missing (a restart, a partition, a clock that was set) are evidence of nothing.
//
// Bounds: kFlowsMax flows and kPairsMax pairs; more are not looked at, which is counted. A pair
// that was not heard of for `forget_windows` is forgotten. At most kAnomaliesMax are told, the
// worst.
//
// Pure. Thread safety: none; one owner.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "common/model/report.h"
#include "controller/detect/baseline.h"
#include "controller/detect/limits.h"
#include "controller/detect/loss_test.h"

namespace faultline::detect {

inline constexpr std::size_t kPairsMax = 1'000'000;
inline constexpr std::size_t kFlowsMax = 4'000'000;
inline constexpr std::size_t kAnomaliesMax = 1024;
inline constexpr std::uint64_t kAnswersMin = 5;    // in a window, or it says nothing of delays
inline constexpr std::uint64_t kAnswersTail = 20;  // or it says nothing of the tail, which is p95
inline constexpr std::uint8_t kUnreachableWindows = 2;
inline constexpr std::uint8_t kDeadFlowWindows = 3;
inline constexpr std::uint32_t kForgetWindows = 360;

enum class Kind : std::uint8_t {
  kUnreachable,  // no answer at all
  kLoss,         // more than it used to
  kDeadFlows,    // some flows get no answer, others do
  kRttShift,     // the median
  kFlowShift,    // the least round trip of some flows
  kTail,
  kJitter,      // p90 - p50
  kDelayLimit,  // of the class
  kLossLimit,
};
[[nodiscard]] std::string_view to_string(Kind kind);
[[nodiscard]] std::optional<Kind> parse_kind(std::string_view text);

// Which way the losses are, as far as the replies tell.
enum class Way : std::uint8_t { kBoth, kForward, kReturn };
[[nodiscard]] std::string_view to_string(Way way);

struct Anomaly {
  Kind kind = Kind::kRttShift;
  NodeId reporter{};
  NodeId target{};
  PairClass pair_class = PairClass::kHostHost;
  Way way = Way::kBoth;  // of losses
  WallTime since{};      // start of its first window
  std::uint32_t windows = 0;
  // Nanoseconds for delays, share of packets for losses. Of limits, `usual` is the limit.
  double usual = 0;
  double now = 0;
  double spreads = 0;                         // how far above; 0 for losses and limits
  std::vector<std::uint16_t> source_ports{};  // of flows: which, at most kPortsMax
  std::uint32_t flows = 0;                    // abnormal ones, of kinds about flows
  std::uint32_t flows_total = 0;

  bool operator==(const Anomaly&) const = default;
};
inline constexpr std::size_t kPortsMax = 4;

struct DetectorCounters {
  std::uint64_t windows = 0;
  std::uint64_t pairs = 0;
  std::uint64_t pairs_judging = 0;  // whose past is known
  std::uint64_t flows = 0;
  std::uint64_t refused = 0;       // flows for which there was no room
  std::uint64_t reports_sick = 0;  // left out
  std::uint64_t accepted = 0;      // became the new normal
  std::uint64_t anomalies_omitted = 0;

  bool operator==(const DetectorCounters&) const = default;
};

struct Window {
  WallTime start{};
  Duration length{};
  std::set<NodeId> sick{};  // what is measured towards them says nothing either
};

class Detector {
 public:
  using Parties = std::function<Party(NodeId)>;

  explicit Detector(const DetectConfig& config) : config_(config) {}

  void begin(Window window);
  // `doubt`: 0 for a prober in health, from kSick on its report is left out.
  void add(NodeId reporter, const Report& report, double doubt, const Parties& parties);
  [[nodiscard]] std::vector<Anomaly> end();

  // A window of the past, in any order and before the first begin(): it only teaches. All of them
  // together are `windows` long.
  void recall(NodeId reporter, const Report& report, std::size_t windows);

  // The clock was set: what is abnormal lasts as long as it did before.
  void clock_was_set(Duration by);

  // Of each node, how many pairs it is an end of.
  [[nodiscard]] std::map<NodeId, std::uint32_t> pairs_of_nodes() const;
  [[nodiscard]] const DetectorCounters& counters() const { return counters_; }

  static constexpr double kSick = 0.5;

 private:
  struct Flow {
    NodeId target{};
    std::uint32_t pair = 0;  // of Reporter::pairs
    std::uint32_t seen = 0;  // counters_.windows of the newest window
    std::uint16_t source_port = 0;
    std::uint16_t size = 0;  // of packets of other sizes and classes a flow is another one
    std::uint8_t dscp = 0;
    std::uint8_t dead_windows = 0;
    Baseline least;
  };
  struct Pair {
    NodeId target{};
    PairClass pair_class = PairClass::kHostHost;
    bool is_new = true;  // its class is not known yet
    std::uint8_t silent_windows = 0;
    std::uint8_t over_delay = 0;     // bit i: above the class's limit i windows ago
    std::uint32_t seen = 0;          // as a flow's
    std::uint32_t lost_forward = 0;  // since losses became suspicious
    std::uint32_t lost_return = 0;
    Baseline median;
    Baseline tail;
    Baseline jitter;
    LossTest loss;
    float now_median = 0;  // nanoseconds; of the newest window that says something of delays
    float now_tail = 0;
    float now_jitter = 0;
  };
  struct Reporter {
    std::vector<Pair> pairs;
    std::vector<Flow> flows;
    std::vector<std::uint32_t> order;            // of flows, as its last report had them
    std::map<NodeId, std::uint32_t> pair_index;  // by target
  };
  struct Sums {
    std::uint32_t sent = 0;
    std::uint32_t lost_forward = 0;
    std::uint32_t lost_return = 0;
    std::uint32_t lost_undetermined = 0;

    [[nodiscard]] std::uint32_t lost() const {
      return lost_forward + lost_return + lost_undetermined;
    }
  };
  struct Key {
    Kind kind;
    NodeId reporter;
    NodeId target;
    auto operator<=>(const Key&) const = default;
  };

  void arrange(Reporter& reporter, const Report& report);
  void forget_old(Reporter& reporter);
  [[nodiscard]] std::vector<Sums> take_flows(Reporter& reporter, const Report& report, float doubt);
  void take_delays(Pair& pair, const stats::Histogram& rtt, float doubt) const;
  void take_losses(Pair& pair, const Sums& sums, float doubt) const;
  void tell(NodeId reporter, Reporter& state, Pair& pair, bool has_odd_flows);
  void tell_delays(Anomaly anomaly, Pair& pair);
  void tell_flows(Anomaly anomaly, Reporter& state, const Pair& pair);
  // False when it has lasted so long that it is the new normal.
  bool raise(Anomaly anomaly, const Baseline* baseline);

  DetectConfig config_;
  Window window_;
  std::map<NodeId, Reporter> reporters_;
  std::map<Key, WallTime> since_;      // of what was abnormal in the window before
  std::map<Key, WallTime> since_now_;  // of what is in this one
  std::vector<Anomaly> found_;
  DetectorCounters counters_;
};

}  // namespace faultline::detect

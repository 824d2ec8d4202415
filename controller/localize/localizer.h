// The localizer: which links, cables, devices or hosts explain the losses that the probes saw.
//
// Why it exists: pairwise loss names reporters; an engineer needs the one component to look at, how
// sure that is, what speaks against it, and what cannot be told apart.
//
// Method (each step has its own header here): every component c has a loss exponent lambda_c =
// -log(1 - q_c); a path's exponent is the sum over its components, so log L = d log(1 - e^-x) - (n
// - d) x is concave in lambda and rates are estimated rather than assumed (MINC: Caceres et al.,
// IEEE Trans. Inf. Theory 1999). Suspects are chosen by Bayes factor with greedy forward steps,
// joint refit, backward drops and a full rescan before stopping; the Bayesian fault model over
// flows follows Flock (Harsh et al., CoNEXT 2023) without its two global rates; classes of
// indistinguishable components follow deTector (Peng et al., ATC 2017).
//
// Pure and deterministic: the verdict does not depend on the order of observations. Thread safety:
// localize() is reentrant; a Localizer is for one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/localize/observation_set.h"

namespace faultline::localize {

enum class SuspectKind : std::uint8_t {
  kLink,    // one direction
  kCable,   // both directions; id "a=b", the ends in alphabetical order
  kDevice,  // a switch or router with its links
  kHost,
  kVm,
  kGateway,
  kTunnel,
  kZone,
  kHypervisor,  // with all its VMs
  kVswitch,
};
[[nodiscard]] std::string_view to_string(SuspectKind kind);

enum class FaultClass : std::uint8_t {
  kLoss,
  kBlackhole,   // all-or-nothing flows: see Suspect::slice
  kDown,        // everything that crosses it is lost
  kMtu,         // only large packets are lost: see Suspect::mtu
  kSickHost,    // the prober itself said that it was starved
  kDelay,       // every packet takes longer: see Suspect::delay_us
  kCongestion,  // queues: p95 rises before p50, and what is lost is lost with them
};
[[nodiscard]] std::string_view to_string(FaultClass fault_class);

struct Evidence {
  std::uint64_t bad_flows = 0;  // flows that lost more than the background explains, anywhere
  std::uint64_t bad_flows_crossing = 0;
  std::uint64_t good_flows_crossing = 0;
  std::uint64_t good_flows = 0;
  std::uint64_t packets_crossing = 0;
  std::uint64_t lost_crossing = 0;
  std::uint64_t bad_flows_alone = 0;  // cross it and no other suspect

  bool operator==(const Evidence&) const = default;
};

// Another explanation of the same losses, and how much less likely it is.
struct Alternative {
  SuspectKind kind = SuspectKind::kLink;
  std::string id;  // "leaf1>spine2 + leaf2>spine2" for a set of links against a device
  double odds_against =
      1;  // the suspect is this many times as likely as the alternative; at least about 1

  bool operator==(const Alternative&) const = default;
};

struct Suspect {
  SuspectKind kind = SuspectKind::kLink;
  std::string id;
  std::string from;  // links and cables only
  std::string to;
  FaultClass fault_class = FaultClass::kLoss;
  // That the fault lies in this suspect or in `ambiguous_with`.
  double posterior = 0;
  // Share of packets lost per crossing (for devices and hosts: on each of their links), since the
  // onset. For a black hole the share of flows. The interval holds 95 %.
  double loss = 0;
  double loss_low = 0;
  double loss_high = 0;
  // What it adds to p50 and p95, per crossing (of a host: on the mean of both directions).
  std::optional<double> delay_us;
  std::optional<double> delay_p95_us;
  std::optional<std::uint32_t> mtu;        // the largest size that passes, of those that were sent
  std::optional<std::uint32_t> size_lost;  // the smallest that does not, likewise
  std::optional<std::string> slice;        // which flows, for a black hole
  // Start of the first bad window; the first window of the data when the fault is older; empty
  // without times.
  std::optional<std::int64_t> since_s;
  // End of the last window that shows it; empty without times. `over`: the windows after that speak
  // against it, so that it healed inside the horizon.
  std::optional<std::int64_t> last_seen_s;
  bool over = false;
  std::vector<std::string> ambiguous_with;  // ids, most likely first
  // Packets to send across this suspect but not the nearest member of its group, to tell them apart
  // at 20 : 1.
  std::optional<std::uint64_t> packets_to_split;
  Evidence evidence;
  std::vector<Alternative> alternatives;
  std::vector<std::string> counter_evidence;  // sentences, the strongest first
  std::string would_change;  // which further measurement would overturn or settle this verdict

  bool operator==(const Suspect&) const = default;
};

// A component that the data do not clear, nor speak for loudly enough to accuse it: what more
// packets could decide (controller/plan/adaptive.h).
struct NearMiss {
  SuspectKind kind = SuspectKind::kLink;
  std::string id;
  double log_bayes = 0;  // of a fault here against none, given the suspects
  double log_odds = 0;   // with the prior: below 0
  double loss = 0;       // per crossing, if it is one

  bool operator==(const NearMiss&) const = default;
};

struct LocalizeOptions {
  // Only windows that end in (after_s, until_s] count; observations without a time always do.
  std::int64_t after_s = kNoTime;
  std::int64_t until_s = std::numeric_limits<std::int64_t>::max();
  std::uint32_t suspects_max = 64;
  std::uint32_t near_misses_max = 0;  // they cost one more scan of all components
};

// With more unexplained bad flows than this, a verdict without suspects is inconclusive rather than
// "no fault". Each counts only if chance would bring it once in a hundred bundles, so a few may
// come of a background that is not quite as uniform as assumed; a fault brings many.
inline constexpr std::uint64_t kUnexplainedFlowsFew = 3;

struct Verdict {
  std::vector<Suspect> suspects;  // most certain and most harmful first
  // Busy rather than broken, and below kCongestionLossMin (congestion.h): accuses nobody.
  std::vector<Suspect> congested;
  std::uint64_t observations = 0;           // rows inside the horizon
  std::uint64_t components = 0;             // directed links that any of them crosses
  std::uint64_t unexplained_bad_flows = 0;  // bad flows that the suspects do not explain
  std::uint64_t packets = 0;
  std::uint64_t lost = 0;
  std::uint64_t suspects_omitted = 0;  // beyond suspects_max
  std::vector<NearMiss> near_misses;   // most likely first, at most near_misses_max
  // False when silence means nothing: too few packets to have seen a fault ("not enough data", exit
  // code 2).
  bool enough_data = false;

  bool operator==(const Verdict&) const = default;
};

[[nodiscard]] Verdict localize(const ObservationSet& observations, const LocalizeOptions& options);

// The same, over and over, for one set that lives on: what can be at fault is worked out anew only
// when that changed, not for every horizon and window. The verdicts are those of localize().
//
// Between two runs the set may grow (devices, links, paths, routes) and its rows may be replaced
// (set_observations()); it must outlive the localizer and must not change during a run.
class Localizer {
 public:
  explicit Localizer(const ObservationSet& set);
  ~Localizer();
  Localizer(const Localizer&) = delete;
  Localizer& operator=(const Localizer&) = delete;

  [[nodiscard]] Verdict run(const LocalizeOptions& options);

 private:
  struct Kept;

  const ObservationSet& set_;
  std::unique_ptr<Kept> kept_;
};

}  // namespace faultline::localize

// StandingTests: has the configured tests carried out, keeps what each pair's last one said, and
// says what is worth an incident.
//
// Why it exists: what only tests tell (a port, a path MTU) breaks in the night like a link does.
// A pair fails after two faults in a row and is well after two successes; what fails of one test is
// one suspect of kind "test", so that a switch that goes down with forty pairs is one page. The
// incident machine (controller/incident) does with it what it does with any other.
//
// The orders go the way of an operator's (test_orders.h, admissions.h), with limits of their own:
// neither takes the other's room. What is known is in memory alone: after a restart of the
// controller all pairs are tested anew, and an incident that is open stays so until they were,
// twice (restore()).
//
// They give way: a node that an operator or an inquiry has a test for ends the standing one that it
// carries out, and begins none meanwhile. A desk does one test after another (probe/tester/desk.h),
// and it is during a fault that the answer of the others cannot wait.
//
// Thread safety: none; owned by ControllerCore. Pure but for its effects. Views are shared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "controller/core/admissions.h"
#include "controller/core/effects.h"
#include "controller/core/standing_schedule.h"
#include "controller/core/standing_test.h"
#include "controller/core/test_orders.h"

namespace faultline::core {

inline constexpr std::string_view kStandingKind = "test";  // of a suspect's component
inline constexpr std::string_view kStandingClass = "test_failing";
// Who belongs to a test is looked up so often; one test at a time.
inline constexpr Duration kStandingRefresh = std::chrono::seconds{10};
inline constexpr std::size_t kStandingEvidenceMax = 16;  // lines of an incident

struct StandingOptions {
  std::vector<StandingTest> tests;
  StandingLimits limits;
};

struct StandingCounters {
  std::uint64_t ok = 0;
  std::uint64_t fault = 0;
  std::uint64_t inconclusive = 0;
  std::uint64_t not_run = 0;  // (*) refused by a probe, not answered, or ended to give way
  std::uint64_t skipped = 0;  // turns: an end was away, or has no address that fits
  std::uint64_t missed = 0;   // (*) turns: the limits leave no room for all that is configured

  bool operator==(const StandingCounters&) const = default;
};

struct StandingPairView {
  std::string from{};
  std::string to{};
  StandingResult result{};

  bool operator==(const StandingPairView&) const = default;
};
struct StandingTestView {
  StandingTest test{};
  std::vector<StandingPairView> pairs{};  // by the pair
  std::size_t left_out = 0;
  std::size_t failing = 0;
};
using StandingView = std::vector<StandingTestView>;  // as in the configuration

class StandingTests {
 public:
  explicit StandingTests(StandingOptions options);

  // What a former process held for open is there until its pairs were tested again.
  void restore(const std::vector<incident::Incident>& incidents);
  // False, and nothing is taken: it is news of another's test.
  bool news(NodeId node, TestProgress& progress, const fleet::Fleet& fleet, EffectSink& effects);
  void restarted(NodeId node) { orders_.restarted(node); }
  // Reads what was answered, orders what is due; nothing from the nodes `busy`, which others need.
  void tick(fleet::Moment now, const fleet::Fleet& fleet, std::set<NodeId> busy, Rng& rng,
            EffectSink& effects);
  // The node is needed: what it carries out is ended.
  void give_way(NodeId node, const fleet::Fleet& fleet, EffectSink& effects);

  // What fails, one of each test that opens incidents. A pair that was not tested for three
  // periods, because an end is away, says nothing any more.
  [[nodiscard]] std::vector<incident::Suspect> suspects(Instant now) const;
  // As of a second ago at most; never null.
  [[nodiscard]] std::shared_ptr<const StandingView> view() const { return view_; }
  [[nodiscard]] StandingCounters counters() const;

 private:
  struct Known {
    std::string from{};
    std::string to{};
    StandingResult result{};
    Instant ran_at{};
  };
  using Book = std::map<StandingPair, Known>;

  void refresh(Instant now, const fleet::Fleet& fleet, Rng& rng, EffectSink& effects);
  void warn_if_empty(std::size_t test, bool is_empty, EffectSink& effects);
  void read_answers(fleet::Moment now, EffectSink& effects);
  void take_result(const StandingPair& pair, const StandingResult& last, Instant now,
                   EffectSink& effects);
  void count(StandingOutcome outcome);
  void order_due(fleet::Moment now, const fleet::Fleet& fleet, Rng& rng, EffectSink& effects);
  [[nodiscard]] Status order(const StandingPair& pair, fleet::Moment now, const fleet::Fleet& fleet,
                             Rng& rng, EffectSink& effects);
  void note_untested(const StandingPair& pair, std::string why, WallTime at);
  void forget_restored(Instant now, const fleet::Fleet& fleet);
  [[nodiscard]] bool is_mended(std::size_t test, const fleet::Fleet& fleet) const;
  void publish(Instant now);
  [[nodiscard]] Duration said_for(std::size_t test) const;
  [[nodiscard]] bool fails(const Book::value_type& entry, Instant now) const;
  [[nodiscard]] Book::const_iterator first_of(std::size_t test) const;
  [[nodiscard]] incident::Suspect to_suspect(std::size_t test, Instant now) const;

  const StandingOptions options_;
  StandingSchedule schedule_;
  TestOrders orders_;
  Admissions admissions_;
  std::map<std::uint64_t, StandingPair> under_way_;  // by the order's number
  Book book_;
  std::vector<std::size_t> left_out_;                  // by test
  std::vector<bool> is_empty_;                         // by test: it has no pair, and that was told
  std::map<std::size_t, incident::Suspect> restored_;  // by test
  std::optional<Instant> began_at_{};
  std::vector<std::optional<Instant>> refreshed_at_;  // by test
  StandingCounters counters_;                         // without the schedule's
  std::shared_ptr<const StandingView> view_;
  bool is_view_old_ = true;
  std::optional<Instant> published_at_{};
};

}  // namespace faultline::core

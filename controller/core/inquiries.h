// Inquiries: whom to ask whether he reaches a node, when, and what came of it.
//
// Why it exists: a verdict on a node that is not heard needs the word of others (reachability.h),
// and their tests cause traffic, so that how many are ordered is bounded here. A node is in
// question as long as it is not heard for kDoubtfulIntervals heartbeats, or the localizer says that
// all is lost at it; not when it said goodbye and is excused. A round asks up to kAskedMax live
// peers of its plan, one of its own rack and the others of different ones, each for up to four
// ordered tests (controller/core/test_orders.h), one after the other:
//
//   tcp     its mesh port: open or refused, the host is up; needs no privilege of who asks
//   icmp    echo, where tcp got no answer
//   stamp   the probe itself; refused by the host: nothing listens there
//   third   tcp to another of the asked, where nothing got an answer: his own uplink?
//
// Orders are idempotent questions: after a restart of the controller they are asked again. Of a
// probe that is down the open incident keeps the verdict until then (restore()).
//
// Thread safety: none; owned by ControllerCore. Pure but for its effects.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/random.h"
#include "common/ondemand/order.h"
#include "controller/core/effects.h"
#include "controller/core/reachability.h"
#include "controller/core/relays.h"
#include "controller/core/test_orders.h"
#include "controller/fleet/fleet.h"
#include "controller/incident/incident.h"
#include "controller/plan/planner.h"

namespace faultline::core {

inline constexpr int kDoubtfulIntervals = 2;   // fewer than make a node silent
inline constexpr std::size_t kAskedMax = 4;    // in a round
inline constexpr std::size_t kRoundsMax = 8;   // under way
inline constexpr std::size_t kCasesMax = 256;  // nodes in question; of more none is asked
inline constexpr std::uint32_t kInquiryOrdersPerMinuteMax = 240;
inline constexpr Duration kAskAgain = std::chrono::seconds{30};
inline constexpr Duration kAskAgainUnknown = std::chrono::seconds{5};
inline constexpr Duration kRoundLifeMax = std::chrono::seconds{15};
// A fault at a node that may turn out to be its probe's is not told for so long.
inline constexpr Duration kUndecidedMax = std::chrono::seconds{20};
// Probes that go down within it are one finding.
inline constexpr Duration kProbesJoinWithin = std::chrono::minutes{15};
inline constexpr std::size_t kSpansKeptMax = 8;  // of a node: when its probe was down

struct InquiryCounters {
  std::uint64_t rounds = 0;          // concluded
  std::uint64_t rounds_unknown = 0;  // of which nobody could say anything
  std::uint64_t rounds_delayed = 0;  // by kRoundsMax or kInquiryOrdersPerMinuteMax; ticks
  std::uint64_t cases_refused = 0;   // nodes beyond kCasesMax

  bool operator==(const InquiryCounters&) const = default;
};

class Inquiries {
 public:
  struct View {
    const fleet::Fleet& fleet;
    const plan::PlanSet& plans;
    Duration heartbeat_interval{};
    const Relays& relays;
  };

  // What incidents of a former process say of probes that are, or lately were, down.
  void restore(const std::vector<incident::Incident>& incidents, const fleet::Fleet& fleet,
               fleet::Moment now);

  // The nodes at which the newest verdict says that all is lost, by name.
  void suspected(std::set<std::string> nodes) { suspected_ = std::move(nodes); }
  // False, and nothing is taken: it is news of another's test.
  bool news(NodeId node, TestProgress& progress);
  void restarted(NodeId node) { orders_.restarted(node); }
  // Our clock was set back and says `now`.
  void set_back(WallTime now);
  // Begins and ends questions, orders what is due, reads what was answered.
  void tick(fleet::Moment now, const View& view, Rng& rng, EffectSink& effects);

  // Null: the node is not in question.
  [[nodiscard]] const Reachability* of(NodeId node) const;
  // Nodes whose probe is down for all that is known, grouped: by when that began.
  [[nodiscard]] std::vector<ProbesDown> probes_down(const fleet::Fleet& fleet) const;
  // Whether the node's probe may be down, and nobody can say yet.
  [[nodiscard]] bool is_undecided(NodeId node, Instant now) const;
  // Nodes whose probe was down in the window [start, start + length): what others measured to them
  // says nothing of the network.
  [[nodiscard]] std::set<NodeId> excused(WallTime start, Duration length) const;
  // Who has questions to answer in a round that is under way.
  [[nodiscard]] std::set<NodeId> asked() const;
  // By condition, of all in question.
  [[nodiscard]] std::map<Condition, std::uint64_t> counts() const;
  [[nodiscard]] const InquiryCounters& counters() const { return counters_; }
  [[nodiscard]] const TestOrderCounters& orders() const { return orders_.counters(); }

 private:
  enum class Step : std::uint8_t { kTcp, kIcmp, kStamp, kThird, kDone };
  struct Asked {
    NodeId node{};
    Witness witness{};
    Step step = Step::kTcp;
    std::uint64_t test = 0;    // under way; 0: to be ordered
    bool carried_out = false;  // any test
  };
  struct Round {
    fleet::Moment began{};
    std::vector<Asked> asked{};
  };
  struct Case {
    Reachability reachability{};
    std::optional<Round> round{};
    Instant began{};       // in question since
    Instant asked_from{};  // when the round began that `reachability` is of
    Instant next_round_at{};
    std::string finding{};  // ProbesDown::id while its probe is down; else empty
  };

  void follow_fleet(fleet::Moment now, const View& view);
  [[nodiscard]] bool is_in_question(const fleet::Node& node, Instant now, const View& view) const;
  void continue_round(Case& it, const fleet::Node& node, fleet::Moment now, const View& view,
                      Rng& rng, EffectSink& effects);
  void advance(Asked& asked, const ondemand::TestOrder& order, fleet::Moment now, const View& view,
               Rng& rng, EffectSink& effects);
  void conclude(Case& it, fleet::Moment now);
  void begin_rounds(bool first, fleet::Moment now, const View& view, Rng& rng);
  [[nodiscard]] std::vector<Asked> choose(NodeId id, Instant now, const View& view, Rng& rng) const;
  void judge(NodeId id, Case& it, fleet::Moment now, const View& view);
  void begin_span(NodeId id, WallTime from);
  void end_span(NodeId id, WallTime at);
  [[nodiscard]] std::string finding_for(std::string_view node, const Case& it) const;
  [[nodiscard]] bool has_room(Instant now);

  std::map<NodeId, Case> cases_;
  std::map<NodeId, fleet::Absences> spans_;  // when probes were down
  std::set<std::string> suspected_;
  TestOrders orders_;
  Instant minute_began_{};
  std::uint32_t ordered_in_minute_ = 0;
  InquiryCounters counters_;
};

}  // namespace faultline::core

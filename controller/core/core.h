// ControllerCore: the controller's decisions, composed. One step takes one event and asks for
// effects.
//
// Why it exists: joining, planning, intake, judgement, incidents and notification meet here and
// nowhere else, without a socket, a clock or a thread, so that the simulator runs exactly what the
// product runs.
//
//   PeerMessage  -> fleet (Join, Hello, Heartbeat, Goodbye), plan (PlanAck), intake (Batch)
//                  or, of a node that is cut off, Relayed -> its seal -> intake
//   AppendDone   -> acknowledgements, path book, window book
//   Tick         -> liveness, inquiries, plans, planning, the next ripe window -> solve, deliveries
//   PlanningDone -> flows beyond the mesh -> plans
//   RecallDone   -> the next window of a former process, until the solver knows half an hour
//   ActOnIncident, AddSilence, EndSilence -> incident machine
//   OrderTest    -> the node that is to carry it out; its news -> test orders, or inquiries
//   CheckDone    -> findings worth an incident
//   SolveDone    -> incident machine -> alerts -> outbox; adaptive probing -> boosts
//
// Thread safety: none; owned by the controller's loop. A step takes well under 10 ms: it handles
// batches, never single packets, and solving happens elsewhere on immutable snapshots.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "controller/core/admissions.h"
#include "controller/core/clock_watch.h"
#include "controller/core/confirmations.h"
#include "controller/core/documents.h"
#include "controller/core/effects.h"
#include "controller/core/events.h"
#include "controller/core/finding_watch.h"
#include "controller/core/inquiries.h"
#include "controller/core/intake.h"
#include "controller/core/planning.h"
#include "controller/core/relays.h"
#include "controller/core/standing_tests.h"
#include "controller/core/telling.h"
#include "controller/core/test_orders.h"
#include "controller/core/what_changed.h"
#include "controller/core/window_book.h"
#include "controller/fleet/controller_keys.h"
#include "controller/fleet/fleet.h"
#include "controller/incident/machine.h"
#include "controller/notify/outbox.h"
#include "controller/plan/adaptive.h"
#include "controller/plan/planner.h"
#include "controller/topology/path_book.h"
#include "controller/topology/topology.h"

namespace faultline::core {

using Now = fleet::Moment;

// For how long alerts wait for a ledger that cannot be written. Then they leave all the same: twice
// after a crash, with another incident's name, is better than never.
inline constexpr Duration kUnsettledDelayMax = std::chrono::seconds{10};
// Nodes whose facts are being kept at once; those of more are shed, and come again with their next
// update.
inline constexpr std::size_t kFactsInHandMax = 64;
inline constexpr std::size_t kPlannerJobsMax = 2;  // a planning job and a check of all facts

// In the shortest ones.
inline constexpr std::size_t kLongestHorizon = 30;

struct CoreOptions {
  std::string software;      // "faultline-controller 0.1.0"
  PublicKey controller_key;  // that is served at start
  Duration heartbeat_interval = std::chrono::seconds{5};
  Duration restart_excused_max = fleet::kExcusedMaxDefault;
  // What a solve looks back on; two longer horizons are five and thirty times that.
  std::size_t horizon_windows = 6;
  plan::PlannerConfig planner;
  plan::AdaptiveConfig adaptive;
  incident::MachineConfig incident;
  std::set<detect::Kind> abnormal_incidents;  // that open one though no component explains them
  CheckOptions check;                         // of nodes' facts, for incidents
  std::vector<std::string> receivers;         // their names, in the order of the configuration
  TellingOptions telling;
  StandingOptions standing;
};

// Probes close a window only when its last replies had their chance; nothing is due before.
[[nodiscard]] inline Duration report_delay(const CoreOptions& options) {
  return options.planner.reply_timeout + options.planner.flow_interval + std::chrono::seconds{1};
}
// For how long a window that another node brought says that its own node lives: until the next one
// has come, by a second relay if need be.
[[nodiscard]] inline Duration relay_proof(const CoreOptions& options) {
  return 3 * options.planner.window + report_delay(options);
}
[[nodiscard]] inline Duration longest_horizon(const CoreOptions& options) {
  return options.planner.window *
         static_cast<std::int64_t>(options.horizon_windows * kLongestHorizon);
}

// What the store held at start.
struct Restored {
  std::vector<fleet::NodeRecord> nodes;
  std::vector<fleet::TokenRecord> tokens;
  std::vector<incident::Incident> incidents;
  std::vector<incident::Silence> silences;
  std::vector<notify::OutboxEntry> outbox;
  std::map<std::string, std::string> telling;  // the outbox's other records, by key
  std::vector<ingest::DedupRow> dedup;
  std::vector<TracedPath> paths;    // that any window of the longest horizon took, oldest first
  std::vector<NodeReport> reports;  // of windows that are not due yet; others are recalled
  PlanRevision plan_revision;
  std::vector<plan::PairPort> extra_flows;  // PlanSet::extra of that revision
  std::uint32_t fullest_link_flows = 0;     // plan::Learned of that revision
  plan::TracerCounts tracers;               // likewise
  std::optional<fleet::ControllerKeysRecord> controller_keys;
};

// Anything but 0 says that somebody sent what he should not have.
struct CoreCounters {
  std::uint64_t messages = 0;
  std::uint64_t messages_malformed = 0;
  std::uint64_t messages_unknown_kind = 0;  // of a newer peer: ignored
  std::uint64_t messages_untrusted = 0;     // of a revoked key, or not permitted to a token
  std::uint64_t windows_judged = 0;
  std::uint64_t reports_recalled = 0;  // from the journal, since the start
  std::uint64_t observations_excused =
      0;  // sessions' windows left out: an end restarted, or its probe was down
  std::uint64_t hellos_asked = 0;  // heartbeats of probes that did not notice this one's start
  std::uint64_t plans_sent = 0;
  std::uint64_t plannings = 0;  // planning jobs done
  std::uint64_t controller_rekeys = 0;
  std::uint64_t facts_kept = 0;
  std::uint64_t facts_asked = 0;     // of nodes, for somebody who waits
  std::uint64_t facts_refused = 0;   // did not fit what was kept: the node sends all of it
  std::uint64_t facts_shed = 0;      // trouble when it grows: the disk
  std::uint64_t checks = 0;          // of all facts, for incidents
  std::uint64_t clock_steps = 0;     // of this machine's clock, a quarter of a window or more
  std::uint64_t machine_sleeps = 0;  // of this machine, likewise
  std::uint64_t alerts_before_durable = 0;  // kUnsettledDelayMax; trouble above 0: the disk

  bool operator==(const CoreCounters&) const = default;
};

class ControllerCore {
 public:
  ControllerCore(CoreOptions options, topology::Inventory inventory, Rng rng);

  // At start and before the first step.
  Status restore(Restored restored, Now now);

  void step(Now now, Event event, EffectSink& effects);

  // For the shell's snapshots, between steps.
  [[nodiscard]] const CoreOptions& options() const { return options_; }
  [[nodiscard]] const fleet::Fleet& fleet() const { return fleet_; }
  [[nodiscard]] const fleet::ControllerKeys& controller_keys() const { return controller_keys_; }
  [[nodiscard]] const plan::PlanSet& plans() const { return *plans_; }
  // The plans in force and the members that they were made for; null before the first.
  [[nodiscard]] std::shared_ptr<const plan::PlanSet> shared_plans() const { return plans_; }
  [[nodiscard]] std::shared_ptr<const plan::FleetView> members() const { return members_; }
  // Of fleets that cannot afford all pairs: what the last planning found, and what it remembers.
  [[nodiscard]] const std::optional<PlanningNumbers>& planning_numbers() const {
    return planning_numbers_;
  }
  [[nodiscard]] std::shared_ptr<const PlanningMemory> planning_memory() const { return memory_; }
  [[nodiscard]] PlanRevision plan_revision() const { return plan_revision_; }
  [[nodiscard]] const WindowBook& windows() const { return windows_; }
  [[nodiscard]] const incident::Machine& incidents() const { return incidents_; }
  [[nodiscard]] const notify::Outbox& outbox() const { return telling_.outbox(); }
  [[nodiscard]] const notify::Watchdog& watchdog() const { return telling_.watchdog(); }
  [[nodiscard]] const std::optional<Solution>& solution() const { return solution_; }
  [[nodiscard]] Instant judged_at() const { return judged_at_; }  // when solution() came
  [[nodiscard]] std::shared_ptr<const topology::Topology> topology() const { return topology_; }
  [[nodiscard]] std::shared_ptr<const topology::PathBook> paths() const { return paths_; }
  [[nodiscard]] const WhatChanged& what_changed() const { return what_changed_; }
  [[nodiscard]] const plan::AdaptiveProber& adaptive() const { return adaptive_; }
  [[nodiscard]] const FindingWatch& findings() const { return findings_; }
  // Windows of before the start are still asked for: they must not be sealed meanwhile.
  [[nodiscard]] bool is_recalling() const { return recall_.durable != nullptr; }
  [[nodiscard]] const TestOrders& tests() const { return tests_; }
  [[nodiscard]] const StandingTests& standing() const { return standing_; }
  [[nodiscard]] const Inquiries& inquiries() const { return inquiries_; }
  [[nodiscard]] const Relays& relays() const { return relays_; }
  [[nodiscard]] const IntakeCounters& intake_counters() const { return intake_.counters(); }
  [[nodiscard]] const CoreCounters& counters() const { return counters_; }
  [[nodiscard]] std::uint64_t document_failures() const { return documents_.failures(); }
  // What keeps the store from being written at present, in one sentence; empty: nothing.
  [[nodiscard]] std::string store_trouble(Instant now) const;
  // End of the newest window that the node reported since the start.
  [[nodiscard]] std::optional<WallTime> last_window(NodeId node) const;

 private:
  void on(Now now, PeerMessage event, EffectSink& effects);
  void on(Now now, const PeerGarbage& event, EffectSink& effects);
  void on(Now now, BatchDecoded event, EffectSink& effects);
  void on(Now now, const SealRefused& event, EffectSink& effects);
  void on(Now now, const AppendDone& event, EffectSink& effects);
  void on(Now now, const CommitDone& event, EffectSink& effects);
  void on(Now now, SolveDone event, EffectSink& effects);
  void on(Now now, PlanningDone event, EffectSink& effects);
  void on(Now now, const RecallDone& event, EffectSink& effects);
  void on(Now now, const DeliveryDone& event, EffectSink& effects);
  void on(Now now, const VitalsRead& event, EffectSink& effects);
  void on(Now now, ChangeSeen event, EffectSink& effects);
  void on(Now now, const FactsKept& event, EffectSink& effects);
  void on(Now now, const CheckDone& event, EffectSink& effects);
  void on(Now now, const AskFacts& event, EffectSink& effects);
  void on(Now now, const OrderTest& event, EffectSink& effects);
  void on(Now now, const LookAtTest& event, EffectSink& effects);
  void on(Now now, const EndTest& event, EffectSink& effects);
  void on(Now now, CreateToken event, EffectSink& effects);
  void on(Now now, const RemoveToken& event, EffectSink& effects);
  void on(Now now, const RemoveNode& event, EffectSink& effects);
  void on(Now now, AddNode event, EffectSink& effects);
  void on(Now now, const RekeyNode& event, EffectSink& effects);
  void on(Now now, const RekeyController& event, EffectSink& effects);
  void on(Now now, const ActOnIncident& event, EffectSink& effects);
  void on(Now now, AddSilence event, EffectSink& effects);
  void on(Now now, const EndSilence& event, EffectSink& effects);
  void on(Now now, const Tick& event, EffectSink& effects);

  void join(Now now, const PeerMessage& event, const Join& join, EffectSink& effects);
  void hello(Now now, const PeerMessage& event, const Hello& hello, EffectSink& effects);
  void heartbeat(Now now, NodeId node, const PublicKey& key, const Heartbeat& heartbeat,
                 EffectSink& effects);
  void ask_hello(const PublicKey& key, EffectSink& effects);
  void goodbye(Now now, NodeId node, const Goodbye& goodbye, EffectSink& effects);
  void relayed(Now now, NodeId relay, const PublicKey& relay_key, Relayed message,
               EffectSink& effects);
  void confirm_key(Now now, const PublicKey& key, const std::string& peer, EffectSink& effects);
  void rekey(Now now, const PeerMessage& event, NodeId node, const Rekey& rekey,
             EffectSink& effects);
  void follow_up_keys(const fleet::Node& node, EffectSink& effects);
  void switch_controller_key(Now now, std::optional<std::uint64_t> answer, EffectSink& effects);
  void serve_what_is_durable(EffectSink& effects);
  [[nodiscard]] std::vector<DocumentWrite> confirm_rekeys(AfterCommit& after);
  void tend_controller_keys(Now now, EffectSink& effects);
  void test_news(Now now, NodeId node, TestProgress progress, EffectSink& effects);
  void tend_admissions(Now now, EffectSink& effects);
  void send_test(const TestMessage& message, EffectSink& effects) const;
  void tell_ended(const TestOrders::Ended& ended, EffectSink& effects) const;
  void keep_facts(NodeId node, FactsUpdate update, EffectSink& effects);
  void check_facts(Now now, EffectSink& effects);
  void send_acks(const std::vector<NodeAck>& acks, EffectSink& effects);
  void learn_paths(const NodeReport& report);
  topology::PathNews learn_path(NodeId reporter, const PathRecord& path);
  void membership_changed(Now now, NodeId node);
  void add_to_incidents(incident::Outcome& outcome);
  void make_plans(Now now, EffectSink& effects);
  [[nodiscard]] plan::FleetView planned_members() const;
  [[nodiscard]] std::string plan_document() const;
  void think_of_plans(Now now, EffectSink& effects);
  [[nodiscard]] const Plan* plan_of(NodeId node) const;
  void feed_solver(Now now, EffectSink& effects);
  void judge(Now now, EffectSink& effects);
  [[nodiscard]] ExcusedNodes excused_of(const RipeWindow& ripe) const;
  [[nodiscard]] incident::JudgedWindow judged_window(Now now) const;
  void ask_for_reachability(Now now, EffectSink& effects);
  // Whom an operator's test or a question occupies: standing tests wait.
  [[nodiscard]] std::set<NodeId> busy_testers() const;
  void note_dead_nodes();
  void add_reachability(Now now, incident::JudgedWindow& window) const;
  [[nodiscard]] bool has_probe_down(const incident::Suspect& suspect) const;
  void settle(Now now, const incident::Outcome& outcome, AfterCommit after, EffectSink& effects);
  void answer_with(Now now, std::uint64_t request, const Result<incident::Outcome>& outcome,
                   EffectSink& effects);
  void begin_recall(std::span<const ingest::DedupRow> durable, WallTime now);
  void recall(EffectSink& effects);
  void watch_clock(Now now, EffectSink& effects);
  void clock_was_set_back(Now now);
  void fleet_changed(Instant now);
  void probe_adaptively(Now now, EffectSink& effects);
  [[nodiscard]] plan::AdaptiveInput adaptive_input(Now now, OpenQuestions open) const;
  void send_boosts(const plan::ExtraFlows& extra, EffectSink& effects) const;
  void note_unsettled(Instant now);
  [[nodiscard]] bool gave_up_waiting(Instant now) const;
  void deliver(Now now, EffectSink& effects);
  // Snapshots are shared with the solver and the API: they are copied when one is still held.
  topology::Topology& topology_to_change();
  void settle_topology();
  topology::PathBook& paths_to_change();

  CoreOptions options_;
  Rng rng_;
  fleet::Fleet fleet_;
  Intake intake_;
  Documents documents_;
  WindowBook windows_;
  incident::Machine incidents_;
  Telling telling_;
  WhatChanged what_changed_;
  Confirmations confirmations_;
  std::shared_ptr<topology::Topology> topology_;
  bool topology_is_settled_ = false;
  std::shared_ptr<topology::PathBook> paths_;
  std::shared_ptr<const plan::PlanSet> plans_ = std::make_shared<const plan::PlanSet>();
  std::shared_ptr<const plan::FleetView> members_;
  PlanRevision plan_revision_;
  std::optional<Instant> plans_due_;
  // Flows beyond the mesh: plans.cc.
  std::shared_ptr<const PlanningMemory> memory_ = std::make_shared<const PlanningMemory>();
  std::optional<PlanningNumbers> planning_numbers_;
  bool planning_ = false;         // a job is under way
  bool planning_wanted_ = false;  // something is new since the last one began
  Instant planning_began_{};
  Instant planning_not_before_{};
  Instant fleet_changed_at_{};
  Instant restless_since_{};  // the first change that no quiet time followed
  Instant plans_due_by_{};    // whatever changes until then
  plan::AdaptiveProber adaptive_;
  std::optional<Solution> solution_;
  Instant judged_at_{};
  bool solving_ = false;                      // or recalling
  std::optional<WallTime> window_solving_{};  // of the newest job; empty if it is a recall
  bool job_is_void_ = false;                  // the one under way: of a clock set back since
  struct {
    std::shared_ptr<const DurableBatches> durable;  // null: nothing to recall any more
    WallTime next{};                                // the window after the next one
    WallTime from{};                                // the last one
    bool again = false;                             // RecallJob
  } recall_;
  ClockWatch clock_watch_;
  ClockSet clock_set_;  // since the last job
  // Until then a step of the clock keeps from the solver what it would see, and nothing is over
  // only because it is not seen.
  Instant evidence_whole_at_{};
  std::map<NodeId, WallTime> last_windows_;
  std::set<NodeId> facts_in_hand_;
  FindingWatch findings_;
  bool checking_ = false;
  Instant check_due_{};
  TestOrders tests_;
  Admissions admissions_;
  StandingTests standing_;
  Inquiries inquiries_;
  Relays relays_;
  std::optional<Instant> unsettled_since_;  // the ledger gets no further
  std::uint64_t oldest_pending_ = 0;
  std::optional<std::uint64_t> trust_published_;
  std::set<NodeId> rekeyed_;  // whose new key is pinned; told once their peers know it
  fleet::ControllerKeys controller_keys_;
  bool controller_keys_are_news_ = false;  // found at start, to be stored
  PublicKey served_key_;
  CoreCounters counters_;
};

}  // namespace faultline::core

// Snapshot: the controller's state as the API shows it, made on the loop and read by query threads.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "controller/api/views.h"
#include "controller/core/core.h"

namespace faultline::app {

// The fleet's worst node, in numbers: metrics have no label per node.
struct FleetExtremes {
  std::uint64_t nodes_joined = 0;     // not heard since they joined or since this start
  std::uint64_t plans_refused = 0;    // nodes that refused their newest plan
  Duration clock_offset_max{};        // largest distance of a live node's clock from ours
  std::uint64_t spool_batches = 0;    // that wait on live nodes' disks, all together
  std::uint64_t spool_bytes_max = 0;  // of the live node that has most
};

// The outbox as it stood when it changed last.
struct OutboxView {
  std::uint64_t version = 0;
  std::vector<notify::LineView> lines;
  std::map<std::string, WallTime> next;      // by receiver that waits for time
  std::vector<notify::OutboxEntry> waiting;  // at most api::kAlertsListedMax
  std::size_t waiting_total = 0;
  std::vector<notify::OutboxEntry> dead;
};

struct Snapshot {
  api::StatusView status;
  std::vector<api::NodeView> nodes;    // by name
  std::vector<api::TokenView> tokens;  // unspent, oldest first
  api::TrustView trust;                // without the tokens, which are above
  std::map<NodeId, std::string> names;
  std::map<NodeId, fleet::Absences> absences;  // of nodes that have any
  Duration restart_excused_max{};
  Duration window{};
  std::shared_ptr<const core::Solution> solution;      // null before the first judged window
  bool stale = false;                                  // it says nothing of now
  Duration verdict_age{};                              // since the last judgement, or the start
  std::shared_ptr<const topology::Topology> topology;  // settled
  std::shared_ptr<const topology::PathBook> paths;
  std::shared_ptr<const changes::History> changes;
  std::shared_ptr<const plan::PlanSet> plans;      // in force
  std::shared_ptr<const plan::FleetView> members;  // that they were made for; null before them
  plan::PlannerConfig planner;
  std::optional<core::PlanningNumbers> planning;  // of the last planning job
  std::shared_ptr<const core::PlanningMemory> planning_memory;
  std::map<std::uint64_t, core::OrderedTest> tests;       // under way, and over not long ago
  std::map<core::Condition, std::uint64_t> reach_counts;  // nodes in question
  core::InquiryCounters inquiries;
  core::TestOrderCounters inquiry_orders;
  core::RelayCounters relays;
  std::uint64_t nodes_relayed = 0;      // whose results come by way of another
  core::TestOrderCounters test_orders;  // operators', and those of diagnoses
  std::shared_ptr<const core::StandingView> standing = std::make_shared<const core::StandingView>();
  core::StandingCounters standing_tests;
  core::CoreCounters core;
  plan::AdaptiveCounters adaptive;
  std::size_t adaptive_tests = 0;
  core::IntakeCounters intake;
  fleet::FleetCounters fleet;
  incident::MachineCounters incidents;
  std::size_t silences_active = 0;  // maintenance windows, too
  notify::OutboxCounters outbox;
  std::size_t outbox_waiting = 0;
  std::optional<WallTime> outbox_oldest;  // when the oldest waiting alert was made
  std::shared_ptr<const OutboxView> alerts;
  std::vector<std::string> watchdog;  // the names of its checks that are raised
  FleetExtremes extremes;
  std::uint64_t reports_late = 0;          // after their window was judged
  std::uint64_t reports_late_refused = 0;  // for want of room
  std::uint64_t reports_refused = 0;       // of windows too far ahead, or too many of one window
  std::uint64_t windows_skipped = 0;       // not judged on their own
  std::uint64_t document_failures = 0;
};

// A verdict older than this, and the time that judging takes, is no news of the network.
inline constexpr std::int64_t kStaleWindows = 3;

// kNotFound: the sentence for the operator.
[[nodiscard]] Result<NodeId> find_node(const Snapshot& snapshot, std::string_view name);
// "node-7" of one that was forgotten.
[[nodiscard]] std::string name_of(const Snapshot& snapshot, NodeId node);

struct ProcessView {
  std::string version;
  std::string data_dir;
  WallTime started_at{};
  Duration uptime{};
};

// What costs time in proportion to the number of sessions is taken over from `previous` unless a
// window was judged since.
[[nodiscard]] Snapshot make_snapshot(const core::ControllerCore& core, const ProcessView& process,
                                     core::Now now, const Snapshot& previous);

[[nodiscard]] api::TokenView token_view(const fleet::TokenRecord& token);

}  // namespace faultline::app

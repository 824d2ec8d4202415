// Events: everything that can happen to the controller, as values.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "common/base/result.h"
#include "common/model/control.h"
#include "common/model/report.h"
#include "controller/changes/change.h"
#include "controller/core/planning.h"
#include "controller/core/solve.h"
#include "controller/core/test_orders.h"
#include "controller/diagnose/finding.h"
#include "controller/fleet/fleet.h"
#include "controller/incident/silence.h"
#include "controller/notify/outbox.h"
#include "controller/notify/watchdog.h"

namespace faultline::core {

// A message of a peer that ZAP admitted. `key` is CURVE's User-Id, never something that it said.
struct PeerMessage {
  PublicKey key;
  std::string peer;  // its address, for the log only
  ProbeMessage message;
};

// A frame of an admitted peer that could not be decoded.
struct PeerGarbage {
  PublicKey key;
  std::string peer;
  Error error;
};

// How a batch came that its node could not send itself.
struct RelayedBy {
  NodeId relay{};
  PublicKey relay_key{};  // that it came under
  PublicKey origin{};     // the key of the batch's node that it is sealed with

  bool operator==(const RelayedBy&) const = default;
};

// The answer to EffectSink::decode, and to EffectSink::open.
struct BatchDecoded {
  NodeId node;
  Batch batch;
  Result<std::shared_ptr<const Report>> report;
  std::optional<RelayedBy> by{};
};

// The other answer to EffectSink::open: it is no batch that the node sealed to this controller.
struct SealRefused {
  NodeId node;
  RelayedBy by;
  Error error;
};

// The answer to EffectSink::append; it concerns the append that is under way.
struct AppendDone {
  Status status;
};

// The answer to EffectSink::commit.
struct CommitDone {
  std::uint64_t commit = 0;
  Status status;
};

// The answer to EffectSink::solve.
struct SolveDone {
  Solution solution;
};

// The answer to EffectSink::plan.
struct PlanningDone {
  PlanningResult result;
};

// The answer to EffectSink::recall.
struct RecallDone {
  std::uint64_t reports = 0;
};

// The answer to EffectSink::deliver.
struct DeliveryDone {
  notify::OutboxId id = 0;
  notify::DeliveryOutcome outcome;
};

// The state of the product, every few seconds: for the watchdog, and for reminders.
struct VitalsRead {
  notify::Vitals vitals;
};

// Something changed that the core does not see for itself: a node's configuration, an MTU, an
// inventory that was read again.
struct ChangeSeen {
  changes::Change change;
};

// The answer to EffectSink::keep_facts. `digest`: of what is kept now, 0 where the update did not
// fit.
struct FactsKept {
  NodeId node;
  std::uint64_t digest = 0;
  // What is different from what was kept before; subjects are without the node's name.
  std::vector<changes::Change> changes{};
};

// The answer to EffectSink::check.
struct CheckDone {
  std::vector<diagnose::Finding> findings;
};

// Somebody wants to know of these nodes as they are now: answered at once, the facts follow.
struct AskFacts {
  std::uint64_t request = 0;
  std::vector<NodeId> nodes;
};

// An operator orders a test from a node; answered when the order has left, or why it did not.
struct OrderTest {
  std::uint64_t request = 0;
  TestOrders::Request order;
};

// Somebody waits for a watched test still.
struct LookAtTest {
  std::uint64_t request = 0;
  std::uint64_t test = 0;
};

// Ends a test before its time.
struct EndTest {
  std::uint64_t request = 0;
  std::uint64_t test = 0;
  std::string why;
};

// Operators' requests. `request` comes back in EffectSink::answer once the change is durable.
struct CreateToken {
  std::uint64_t request = 0;
  fleet::Fleet::TokenRequest token;
};
struct RemoveToken {
  std::uint64_t request = 0;
  PublicKey key;
};
struct RemoveNode {
  std::uint64_t request = 0;
  std::string name;
};
struct AddNode {
  std::uint64_t request = 0;
  fleet::Fleet::PrePlacedNode node;
};
struct RekeyNode {
  std::uint64_t request = 0;
  std::string name;
};
// Begins the change to `next`, whose pair is on disk; answered well again while that is under
// way. With `force` the change that is under way ends now, whoever is missing.
struct RekeyController {
  std::uint64_t request = 0;
  PublicKey next;
  bool force = false;
};

// What an operator does to an incident.
enum class IncidentAction : std::uint8_t { kAcknowledge, kResolve, kNote };
struct ActOnIncident {
  std::uint64_t request = 0;
  IncidentAction action = IncidentAction::kAcknowledge;
  std::string incident;
  std::string by;
  std::string text;
};
struct AddSilence {
  std::uint64_t request = 0;
  incident::SilenceRequest silence;
};
struct EndSilence {
  std::uint64_t request = 0;
  std::string id;
  std::string by;
};

// About four times a second: liveness, ripe windows, deliveries that are due.
struct Tick {};

using Event = std::variant<PeerMessage, PeerGarbage, BatchDecoded, SealRefused, AppendDone,
                           CommitDone, SolveDone, PlanningDone, RecallDone, DeliveryDone,
                           VitalsRead, ChangeSeen, FactsKept, CheckDone, AskFacts, OrderTest,
                           LookAtTest, EndTest, CreateToken, RemoveToken, RemoveNode, AddNode,
                           RekeyNode, RekeyController, ActOnIncident, AddSilence, EndSilence, Tick>;

}  // namespace faultline::core

// PlanKeeper: the plan in force and its lease.
//
// A plan is accepted when it is for this node, newer than the one in force and within the limits
// that no plan can exceed. It is kept on disk, so that a restarted probe measures at once. The
// software that wrote it may have been older, and have dropped what it did not know: nothing tells,
// for the hash leaves out what older probes do not know. So the controller is asked for it once
// more, and what comes with the same revision is taken where it says more. The lease begins anew
// with every sign that the controller wants the plan (the plan itself, a Welcome that calls it
// current, an answered heartbeat); when it ends, measuring stops until the next.
//
// Pure. Thread safety: none.
#pragma once

#include <memory>
#include <optional>

#include "common/model/node.h"
#include "probe/core/effects.h"
#include "probe/core/events.h"

namespace faultline::probe_core {

// As found on disk at start.
struct SavedPlan {
  Plan plan;
  WallTime saved_at{};
};

struct PlanCounters {
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;       // (*)
  std::uint64_t leases_ended = 0;  // (*)
  std::uint64_t boosts = 0;
  std::uint64_t boosts_refused = 0;  // (*) beyond a limit, or of another plan

  bool operator==(const PlanCounters&) const = default;
};

class PlanKeeper {
 public:
  explicit PlanKeeper(NodeProfile profile) : profile_(std::move(profile)) {}

  void restore(Now now, SavedPlan saved, NodeId own, EffectSink& effects);
  void receive(Now now, Plan plan, NodeId own, EffectSink& effects);
  // Of another plan than the one that is measured: refused, for its flows are others.
  void boost(Boost boost, EffectSink& effects);
  void renew(Now now, EffectSink& effects);
  void tick(Now now, EffectSink& effects);
  // It was another node's, or another fleet's: this one's first plan is taken, whatever its
  // revision.
  void forget(EffectSink& effects);

  // Null before the first; also set after the lease has ended.
  [[nodiscard]] const std::shared_ptr<const Plan>& current() const { return plan_; }
  // For the greeting: 0, which no plan has, until the controller has sent the plan itself.
  [[nodiscard]] std::uint64_t greeted_hash() const { return is_from_disk_ ? 0 : hash_; }
  [[nodiscard]] bool measuring() const { return measuring_; }
  // Of the plan that is measured.
  [[nodiscard]] Instant lease_end() const { return lease_end_; }
  [[nodiscard]] const PlanCounters& counters() const { return counters_; }

 private:
  [[nodiscard]] Status check(const Plan& plan, NodeId own) const;
  void adopt(Plan plan);
  void begin(EffectSink& effects);

  NodeProfile profile_;
  std::shared_ptr<const Plan> plan_;
  std::uint64_t hash_ = 0;
  bool is_from_disk_ = false;
  bool measuring_ = false;
  Instant lease_end_{};
  Instant persisted_at_{};
  PlanCounters counters_;
};

}  // namespace faultline::probe_core

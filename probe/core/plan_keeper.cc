#include "probe/core/plan_keeper.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "probe/session/plan_limits.h"

namespace faultline::probe_core {
namespace {

constexpr std::string_view kPlanArea = "plan";
// How often a renewed lease is written down, as a part of the lease.
constexpr int kPersistParts = 4;

std::string describe(const Plan& plan) {
  return fmt::format("plan {}: {} flows to {} peers, one packet per flow every {}, lease {}",
                     plan.revision.value(), plan.flows.size(), plan.peers.size(),
                     format_duration(plan.flow_interval), format_duration(plan.lease));
}

}  // namespace

Status PlanKeeper::check(const Plan& plan, NodeId own) const {
  if (plan.node != own) {
    return fail(ErrorCode::kInvalid, fmt::format("the plan is for node {}, this is node {}",
                                                 plan.node.value(), own.value()));
  }
  if (plan_ && plan.revision < plan_->revision) {
    return fail(ErrorCode::kConflict,
                fmt::format("the plan has revision {}, older than {} in force",
                            plan.revision.value(), plan_->revision.value()));
  }
  if (plan_ && plan.revision == plan_->revision && plan_hash(plan) != hash_) {
    return fail(ErrorCode::kConflict,
                fmt::format("revision {} is in force with another content", plan.revision.value()));
  }
  if (std::ranges::any_of(plan.peers, [own](const auto& peer) { return peer.node == own; })) {
    return fail(ErrorCode::kInvalid, "the plan lists this node as its own peer");
  }
  return session::validate_plan(plan, {.address = profile_.address,
                                       .source_port_first = profile_.source_port_first,
                                       .source_port_count = profile_.source_port_count});
}

void PlanKeeper::adopt(Plan plan) {
  hash_ = plan_hash(plan);
  plan_ = std::make_shared<const Plan>(std::move(plan));
}

void PlanKeeper::begin(EffectSink& effects) {
  measuring_ = true;
  effects.apply_plan(plan_);
}

void PlanKeeper::restore(Now now, SavedPlan saved, NodeId own, EffectSink& effects) {
  if (auto status = check(saved.plan, own); !status) {
    effects.log(Severity::kWarning, kPlanArea,
                fmt::format("the plan on disk is not used: {}", status.error().context));
    return;
  }
  const auto age = std::max(now.wall - saved.saved_at, Duration::zero());
  adopt(std::move(saved.plan));
  is_from_disk_ = true;
  if (age >= plan_->lease) {
    effects.log(Severity::kInfo, kPlanArea,
                fmt::format("the lease of plan {} on disk has ended; waiting for the controller",
                            plan_->revision.value()));
    return;
  }
  lease_end_ = now.instant + (plan_->lease - age);
  persisted_at_ = now.instant - age;
  effects.log(Severity::kInfo, kPlanArea, "from disk: " + describe(*plan_));
  begin(effects);
}

void PlanKeeper::receive(Now now, Plan plan, NodeId own, EffectSink& effects) {
  PlanAck ack{.revision = plan.revision, .hash = plan_hash(plan)};
  if (auto status = check(plan, own); !status) {
    ++counters_.refused;
    ack.accepted = false;
    ack.reason = status.error().context;
    effects.log(Severity::kWarning, kPlanArea, "refused: " + ack.reason);
    // An acknowledgement that is lost is made up for by the next heartbeat or Hello.
    static_cast<void>(effects.send_controller(ack));
    return;
  }
  const bool is_new = !plan_ || plan != *plan_;
  is_from_disk_ = false;
  static_cast<void>(effects.send_controller(ack));
  lease_end_ = now.instant + plan.lease;
  if (!is_new && measuring_) return;
  if (is_new) {
    ++counters_.accepted;
    adopt(std::move(plan));
    persisted_at_ = now.instant;
    effects.persist_plan(plan_);
    effects.log(Severity::kInfo, kPlanArea, describe(*plan_));
  }
  begin(effects);
}

void PlanKeeper::boost(Boost boost, EffectSink& effects) {
  if (measuring_ && session::validate_boost(boost, *plan_)) {
    ++counters_.boosts;
    return effects.boost(std::move(boost));
  }
  ++counters_.boosts_refused;
}

void PlanKeeper::renew(Now now, EffectSink& effects) {
  if (!plan_) return;
  lease_end_ = now.instant + plan_->lease;
  if (now.instant - persisted_at_ >= plan_->lease / kPersistParts) {
    persisted_at_ = now.instant;
    effects.persist_plan(plan_);
  }
  if (measuring_) return;
  effects.log(Severity::kInfo, kPlanArea, "measuring again: " + describe(*plan_));
  begin(effects);
}

void PlanKeeper::forget(EffectSink& effects) {
  if (measuring_) effects.stop_measuring();
  measuring_ = false;
  plan_.reset();
  hash_ = 0;
  is_from_disk_ = false;
}

void PlanKeeper::tick(Now now, EffectSink& effects) {
  if (!measuring_ || now.instant < lease_end_) return;
  measuring_ = false;
  ++counters_.leases_ended;
  effects.log(Severity::kWarning, kPlanArea,
              fmt::format("the lease of plan {} has ended without a word of the controller: "
                          "measuring stops",
                          plan_->revision.value()));
  effects.stop_measuring();
}

}  // namespace faultline::probe_core

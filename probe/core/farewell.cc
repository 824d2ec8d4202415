#include "probe/core/farewell.h"

namespace faultline::probe_core {

void Farewell::begin(Now now, bool measuring, EffectSink& effects) {
  if (begun()) return;
  state_ = State::kFinishing;
  begun_at_ = now.instant;
  finished_ = !measuring;
  if (measuring) effects.finish_measuring(kFinishGrace);
}

void Farewell::tick(Now now, bool delivered, Uplink& uplink, const Goodbye& goodbye,
                    EffectSink& effects) {
  const auto waited = now.instant - begun_at_;
  if (state_ == State::kFinishing && (finished_ || waited >= kFinishMax)) {
    state_ = State::kDelivering;
  }
  if (state_ == State::kDelivering && (delivered || !uplink.welcomed() || waited >= kDeliverMax)) {
    state_ = State::kLeaving;
    said_at_ = now.instant;
    if (!uplink.goodbye(goodbye, effects)) said_at_ -= kGoodbyeLeaves;  // nothing to wait for
  }
  if (state_ == State::kLeaving && now.instant - said_at_ >= kGoodbyeLeaves) {
    state_ = State::kOver;
    effects.end();
  }
}

}  // namespace faultline::probe_core

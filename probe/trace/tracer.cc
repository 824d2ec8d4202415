#include "probe/trace/tracer.h"

#include <algorithm>

namespace faultline::trace {
namespace {

bool same_flow(const TraceOrder& order, std::uint16_t local_port, const Endpoint& remote) {
  return order.local_port == local_port && order.remote == remote;
}

}  // namespace

void Tracer::set_rate(double probes_per_second, Instant now) {
  if (probes_per_second <= 0) return budget_.clear();
  // A burst of one: routers count the errors of a second, not their mean. What is used up stays so.
  budget_.resize(kTtlMax + 1, stats::TokenBucket(probes_per_second, 1, now));
  for (auto& of_ttl : budget_) of_ttl.set_rate(probes_per_second, 1, now);
}

bool Tracer::add(const TraceOrder& order) {
  if (waiting_.size() >= kOrdersWaitingMax) return false;
  waiting_.insert(order.urgent ? waiting_.begin() : waiting_.end(), order);
  return true;
}

Instant Tracer::next_due(Instant now) {
  start_waiting();
  Instant next = Instant::max();
  for (auto& trace : running_) {
    next = std::min(next, trace.next_timeout(now));
    if (trace.done(now)) return now;
    const auto ttl = trace.wanted(now);
    if (ttl && !budget_.empty()) next = std::min(next, budget_[*ttl].next(now));
  }
  return next;
}

bool Tracer::on_error(std::uint16_t local_port, const Endpoint& remote, Direction direction,
                      const HopError& error, Instant now) {
  auto* trace = find(local_port, remote, direction);
  return trace != nullptr && trace->on_error(error, now);
}

bool Tracer::on_answer(std::uint16_t local_port, const Endpoint& remote, Direction direction,
                       std::uint32_t sequence) {
  auto* trace = find(local_port, remote, direction);
  return trace != nullptr && trace->on_answer(ProbeTag::from_sequence(sequence));
}

std::optional<TraceResult> Tracer::take_result(Instant now) {
  const auto done =
      std::ranges::find_if(running_, [&](const Trace& trace) { return trace.done(now); });
  if (done == running_.end()) return std::nullopt;
  auto result = done->result(now);
  running_.erase(done);
  return result;
}

bool Tracer::running(std::uint16_t local_port, const Endpoint& remote) const {
  return std::ranges::any_of(
      running_, [&](const Trace& trace) { return same_flow(trace.order(), local_port, remote); });
}

void Tracer::start_waiting() {
  while (!waiting_.empty()) {
    const auto next = std::ranges::find_if(waiting_, [this](const TraceOrder& order) {
      const auto room = kTracesRunningMax + (order.urgent ? kUrgentRunningMax : 0);
      return running_.size() < room && !running(order.local_port, order.remote);
    });
    if (next == waiting_.end()) return;
    running_.emplace(next->urgent ? running_.begin() : running_.end(), *next, next_run_++);
    waiting_.erase(next);
  }
}

OutgoingProbe Tracer::send(Trace& trace, std::uint8_t ttl, Instant now) {
  (void)budget_[ttl].take(now);
  const auto& order = trace.order();
  const bool forward = order.direction == Direction::kForward;
  return {.local_port = order.local_port,
          .remote = order.remote,
          .ttl = ttl,
          .packet = {.sequence = trace.send(ttl, now).sequence(),
                     .ssid = forward ? stamp::kSsidTraceForward : stamp::kSsidTraceReturn}};
}

Trace* Tracer::find(std::uint16_t local_port, const Endpoint& remote, Direction direction) {
  const auto found = std::ranges::find_if(running_, [&](const Trace& trace) {
    return trace.order().direction == direction && same_flow(trace.order(), local_port, remote);
  });
  return found == running_.end() ? nullptr : &*found;
}

}  // namespace faultline::trace

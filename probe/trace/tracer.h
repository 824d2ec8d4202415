// Tracer: all traces of a probe: which are under way, which wait, and how fast they may go.
//
// Routers limit how many ICMP errors they send (Linux: one per second and destination), and all
// paths share their first routers, so the budget is per hop distance: so many probes per second
// with any one TTL (trace_probes_per_second). Urgent orders begin before others and have their
// probes sent first, within the same budget. A flow has at most one trace at a time; more orders
// for it wait for their turn.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "common/base/time.h"
#include "common/stats/token_bucket.h"
#include "probe/trace/trace.h"
#include "probe/trace/trace_order.h"

namespace faultline::trace {

inline constexpr std::size_t kTracesRunningMax = 64;    // at the limit orders wait
inline constexpr std::size_t kUrgentRunningMax = 8;     // beyond those, of urgent orders
inline constexpr std::size_t kOrdersWaitingMax = 1024;  // at the limit add() refuses

struct OutgoingProbe {
  std::uint16_t local_port = 0;
  Endpoint remote;
  std::uint8_t ttl = 0;
  stamp::SenderPacket packet;  // sent_at is the sender's to fill in
};

class Tracer {
 public:
  // Traces under way go on, and no more probes may go at once than before.
  void set_rate(double probes_per_second, Instant now);
  // False when too many orders wait.
  [[nodiscard]] bool add(const TraceOrder& order);

  // The next probe that may be sent; `may_send(remote)` says whether the node's budgets have room
  // for one.
  template <typename MaySend>
  [[nodiscard]] std::optional<OutgoingProbe> take_due(Instant now, MaySend&& may_send) {
    start_waiting();
    for (auto& trace : running_) {
      const auto ttl = trace.wanted(now);
      if (!ttl || budget_.empty() || budget_[*ttl].next(now) > now) continue;
      if (!may_send(trace.order().remote)) continue;  // another's destination may have room
      return send(trace, *ttl, now);
    }
    return std::nullopt;
  }
  // When take_due or take_result may next have something; Instant::max() when never.
  [[nodiscard]] Instant next_due(Instant now);

  // False when no trace knows this probe.
  bool on_error(std::uint16_t local_port, const Endpoint& remote, Direction direction,
                const HopError& error, Instant now);
  bool on_answer(std::uint16_t local_port, const Endpoint& remote, Direction direction,
                 std::uint32_t sequence);

  [[nodiscard]] std::optional<TraceResult> take_result(Instant now);
  [[nodiscard]] bool running(std::uint16_t local_port, const Endpoint& remote) const;

 private:
  void start_waiting();
  [[nodiscard]] OutgoingProbe send(Trace& trace, std::uint8_t ttl, Instant now);
  [[nodiscard]] Trace* find(std::uint16_t local_port, const Endpoint& remote, Direction direction);

  std::vector<stats::TokenBucket> budget_;  // by TTL
  std::vector<Trace> running_;
  std::deque<TraceOrder> waiting_;
  std::uint16_t next_run_ = 0;
};

}  // namespace faultline::trace

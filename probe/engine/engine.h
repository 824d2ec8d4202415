// Engine: the thread that sends, reflects and times every measurement packet of a probe.
//
// It exists apart from the rest of the probe so that nothing slow (disk, DNS, logging, encoding)
// can delay a packet. All decisions are taken by the pure probe/session and probe/trace; the engine
// carries packets between them and the sockets: one per source port, and the reflector.
//
// Thread safety: every member may be called from any one thread other than the engine's own.
// `on_event` is called on the engine's thread and may only wake a loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <variant>
#include <vector>

#include "common/base/result.h"
#include "common/model/address.h"
#include "common/model/plan.h"
#include "common/model/receipts.h"
#include "common/model/report.h"
#include "probe/session/heard.h"
#include "probe/session/machine.h"
#include "probe/session/peer_keys.h"
#include "probe/session/reflector.h"
#include "probe/trace/trace_order.h"

namespace faultline::engine {

inline constexpr std::size_t kCommandsMax = 1024;  // at the limit post() refuses
inline constexpr std::size_t kEventsMax = 1024;    // at the limit the newest is dropped and counted

struct EngineConfig {
  IpAddress address;  // where measurement packets come from; its family is the engine's
  std::uint16_t source_port_first = 61000;  // outside the default ip_local_port_range
  std::uint16_t source_port_count = 16;     // 1 to kSourcePortsMax
  std::uint16_t reflector_port = 862;       // RFC 8762; below 1024 it needs CAP_NET_BIND_SERVICE
  std::uint64_t seed = 0;                   // of the send schedule's jitter and the session ids
  session::Strangers strangers{};           // whom the reflector answers beside the plan's peers
  bool transmit_stamps = true;              // T1 from the kernel (transmit_times.h)
};
inline constexpr std::uint16_t kSourcePortsMax = 256;

// Measures as the plan says from now on; sessions that both plans hold go on undisturbed. A plan
// that session::validate_plan refuses is ignored and counted.
struct SetPlan {
  std::shared_ptr<const Plan> plan;
  std::shared_ptr<const session::KeyTable> keys = nullptr;  // of its peers; null: none
};
// A node's key has changed: new keys for the peers of the plan set last.
struct SetKeys {
  std::shared_ptr<const session::KeyTable> keys;
};
// Flows of the plan set last send more often for a while; must have passed session::validate_boost.
struct BoostFlows {
  Boost boost;
};
// The path of this flow has changed: see session::Sender::check_size.
struct CheckSize {
  NodeId target{};
  std::uint16_t source_port = 0;
};
// Sends nothing more of its own accord; open windows still close and the reflector goes on.
struct StopMeasuring {};
// Like StopMeasuring, but open windows close when `grace` has passed; MeasuringEnded follows the
// last.
struct FinishMeasuring {
  Duration grace{};
};
// Who is heard by the reflector; answered by HeardTold.
struct TellHeard {};
// What the machine's counters grew by, for the window that is filling.
struct NoteMachine {
  session::MachineCounters before;
  session::MachineCounters after;
};
// Whom the reflector answers beside the plan's peers, from now on.
struct SetStrangers {
  session::Strangers strangers;
};
// A member that is no peer is answered for the time of a test.
struct AdmitGuest {
  session::Guest guest;
};
// Of this test; of none that is known nothing happens.
struct DismissGuest {
  std::uint64_t test = 0;
};
// ReceiptsOrder is answered by ReceiptsRead; ReceiptsTold answers a ReceiptQuestion.
using EngineCommand =
    std::variant<SetPlan, SetKeys, BoostFlows, CheckSize, StopMeasuring, FinishMeasuring, TellHeard,
                 NoteMachine, trace::TraceOrder, SetStrangers, ReceiptsOrder, ReceiptsTold,
                 AdmitGuest, DismissGuest>;

struct WindowClosed {
  Report report;  // without paths
};
// The answer to FinishMeasuring.
struct MeasuringEnded {};
// Since start, as of now.
struct HeardTold {
  std::vector<session::HeardFrom> heard;
  std::uint64_t forgotten = 0;  // entries for which there was no room
};
// Every TraceOrder taken by post() is answered by one TraceResult. An order that cannot be carried
// out (unknown peer or port, too many waiting) is answered at once, incomplete and without hops.
// A ReceiptQuestion is to be asked of its peer; a window waits for the answer, for a moment.
using EngineEvent = std::variant<WindowClosed, trace::TraceResult, MeasuringEnded, HeardTold,
                                 FlowHint, ReceiptQuestion, ReceiptsRead>;

// Totals since start. Those marked (*) mean trouble when they grow.
struct EngineCounters {
  std::uint64_t sent = 0;               // measurement and trace packets
  std::uint64_t replies = 0;            // replies that matched a session or trace
  std::uint64_t replies_unmatched = 0;  // (*) of no open session, or after their window closed
  std::uint64_t replies_forged = 0;     // (*) T1, mode or HMAC is not what was sent
  std::uint64_t reflected = 0;
  std::uint64_t reflector_refused = 0;       // (*) from addresses that are not in the plan
  std::uint64_t reflector_forged = 0;        // (*) from a peer's address, by no key of that peer's
  std::uint64_t reflector_open_refused = 0;  // (*) open, of a peer that authenticates
  std::uint64_t reflector_limited = 0;       // guests and allowed strangers beyond their rate
  std::uint64_t reflector_evicted = 0;       // (*) sessions forgotten for want of room
  std::uint64_t malformed = 0;               // (*) datagrams that are no STAMP packets
  std::uint64_t icmp_errors = 0;             // of any kind, TTL exceeded included
  std::uint64_t send_failures = 0;           // (*) packets the kernel refused twice in a row
  std::uint64_t receive_drops = 0;           // (*) datagrams lost for want of socket buffer
  std::uint64_t transmit_stamps = 0;         // packets that kernel stamps tell the departure of
  std::uint64_t plans_refused = 0;           // (*) plans beyond a limit
  std::uint64_t traces_refused = 0;          // (*) orders answered without a trace
  std::uint64_t hints = 0;                   // flows that called for a trace at once
  std::uint64_t size_checks_refused = 0;     // flows of changed paths: too many at once
  std::uint64_t receipt_questions = 0;       // peers asked what has come to them, per window
  std::uint64_t receipt_sessions_shed = 0;   // (*) too many to ask about in one window
  std::uint64_t events_dropped = 0;          // (*) nobody took the events
  std::uint64_t results_dropped = 0;         // (*) flows of the windows among them

  bool operator==(const EngineCounters&) const = default;
};

class Engine {
 public:
  // Binds all sockets and starts the thread. Fails with one sentence that names the address and
  // port which cannot be used, and why.
  [[nodiscard]] static Result<std::unique_ptr<Engine>> start(const EngineConfig& config,
                                                             std::function<void()> on_event);
  ~Engine();  // stops
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // False when kCommandsMax commands wait: nothing was taken.
  [[nodiscard]] bool post(EngineCommand command);
  // Appends at most `max` waiting events to `events`, oldest first; returns how many. `on_event` is
  // called when the first event comes to wait: take them all, or take the rest without being
  // called.
  std::size_t take_events(std::vector<EngineEvent>& events, std::size_t max);
  [[nodiscard]] EngineCounters counters() const;
  // Turns of the thread's loop since start. One that has nothing to do sleeps; nudge() has it make
  // one turn, so that the count of a thread that lives moves.
  [[nodiscard]] std::uint64_t turns() const;
  void nudge();
  // Ends the thread and closes the sockets. Windows still open are lost, unless FinishMeasuring was
  // waited for. Idempotent.
  void stop();

 private:
  class Impl;
  explicit Engine(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace faultline::engine

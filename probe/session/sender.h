// Sender: all STAMP sessions of a probe: what to send now, what came back, and a Report per window.
//
// A packet belongs to the window in which it was sent. Windows align to UTC; one closes
// reply_timeout plus one flow_interval after its end, so that late replies still find it and,
// usually, a later reply of each flow encloses its last gap (attribution.h).
//
// A new session is not reported for the window it begins in, nor for the next when less than
// reply_timeout plus flow_interval is left: the other end may get its plan a moment later, and the
// network has to resolve neighbours first. That is no loss.
//
// Where replies leave open which way packets of a window were lost (all of a flow's last ones,
// say), the far end is asked what it has received, once the reply timeout has passed: a question
// per peer (questions.h). The window waits for the answers, kAnswerWait at most.
//
// Invariants: sessions that the old and the new plan both hold keep their state; packets of removed
// ones are still waited for until their window closes. Not thread safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "common/base/random.h"
#include "common/model/plan.h"
#include "common/model/report.h"
#include "probe/session/clock.h"
#include "probe/session/destinations.h"
#include "probe/session/flow.h"
#include "probe/session/machine.h"
#include "probe/session/pacer.h"
#include "probe/session/questions.h"
#include "probe/stamp/packet.h"

namespace faultline::session {

// Flows that plans removed, waiting for their window to close. At the limit those removed first are
// forgotten with their packets.
inline constexpr std::size_t kRemovedFlowsMax = kPlanFlowsMax;

// All flows are looked at so often for what calls for a trace at once (flow_watch.h)...
inline constexpr Duration kLookInterval = std::chrono::milliseconds{250};
// ... and so many of them may call each time; the others wait for the next look.
inline constexpr std::size_t kHintsPerLookMax = 32;

// A flow whose path has changed sends packets of the plan's largest size for one window. At most so
// many flows do at once, and no more than these bytes a second want (one always may), which is a
// hundredth of what a plan may ask for; the others wait, as many as kSizeChecksWaitingMax.
inline constexpr std::size_t kSizeChecksAtOnceMax = 16;
inline constexpr std::uint64_t kSizeCheckBytesPerSecondMax = kBytesPerSecondMax / 100;
inline constexpr std::size_t kSizeChecksWaitingMax = 256;

struct Outgoing {
  std::uint16_t source_port = 0;
  Endpoint to;
  stamp::SenderPacket packet;
  const crypto::MacKey* key = nullptr;  // to sign it with; null: it goes open. Until the next call
  FlowKind kind{};
};

// Names one packet of this probe; session identifiers are unique per source port.
struct PacketName {
  std::uint16_t source_port = 0;
  std::uint16_t ssid = 0;
  std::uint32_t sequence = 0;
};

class Sender {
 public:
  explicit Sender(std::uint64_t seed) : rng_(seed) {
    windows_.reserve(kOpenWindowsMax);
    size_checks_.reserve(kSizeChecksWaitingMax);
  }

  // The plan must have passed validate_plan. Sessions with a peer that authenticates and has keys
  // are authenticated, the others are open. No packet is larger than `size_max`, whatever the plan
  // says: this node's own MTU.
  void set_plan(const Plan& plan, Now now, const KeyTable& keys = {},
                std::uint16_t size_max = kFlowSizeMax);
  // New keys for the peers that have some.
  void set_keys(const KeyTable& keys);
  // Ignored unless it is of the newest plan; must have passed validate_boost. The next plan ends
  // it.
  void boost(const Boost& boost, Now now);
  // The flow's path may carry less than it did: in one of the next windows its packets are as large
  // as the plan's largest, and that window's FlowWindow has their size. Where more than half of
  // them are lost, though the small ones of the window before passed, a window after the next one
  // is the same again, until they pass, kSizeCheckRepeatsMax times at most per call; small packets
  // in between tell which way the large ones were lost. Nothing happens where the plan has no large
  // packets, or the flow sends them anyway. False: too many wait already.
  bool check_size(NodeId target, std::uint16_t source_port);
  // Sends nothing more; open windows still close.
  void stop(Now now);
  // The same, but open windows close when `grace` has passed, if not sooner, and ask nothing more.
  void finish(Now now, Duration grace);
  [[nodiscard]] bool has_open_windows() const { return !windows_.empty(); }

  // Appends the packets due now, at most `max`, to `out`. They count as sent.
  void take_due(Now now, std::size_t max, std::vector<Outgoing>& out);
  // The budgets cover all that this node sends of its own accord, so traces ask here.
  [[nodiscard]] bool take_budget(const IpAddress& to, Instant now) {
    return pacer_.take_budget(destinations_.group_of(to), now);
  }
  // When take_due or take_report may next have something. May be early, never late.
  [[nodiscard]] Instant next_due(Now now);

  void on_send_failed(const PacketName& name);
  // The same of a packet that was larger than the interface takes: no sign of bad health.
  void on_too_large(const PacketName& name);
  // False when the packet is not, or no longer, at hand.
  bool on_transmit_stamp(const PacketName& name, WallTime stamp);
  // It is not known when the packet left (transmit_times.h): its delay is not measured.
  void on_stamp_lost(const PacketName& name);
  // `received` is T4; `authenticated` is the whole datagram where it is in that mode, else empty.
  bool on_reply(std::uint16_t source_port, const Endpoint& from,
                const stamp::ReflectorPacket& reply, WallTime received,
                std::span<const std::byte> authenticated = {}, const Arrival& arrival = {});
  // Replies of a session that no reflector made from what was sent, since the last call: T1, the
  // mode or the HMAC is not right.
  [[nodiscard]] std::uint32_t take_forged() { return std::exchange(forged_, 0); }
  // Notices when the wall clock is set: no round trip is measured across that. Call it before the
  // replies of a batch.
  void note_clock(Now now);
  // Notes on the prober's health, for the window that is filling.
  void note_receive_drops(std::uint32_t count);
  void note_reflector_refused(std::uint32_t count);
  void note_machine(const MachineCounters& before, const MachineCounters& after);

  // The report of the oldest window that is due to close. Call until it is empty, and only after
  // all replies that had come by `now` were handed over.
  [[nodiscard]] std::optional<Report> take_report(Now now);
  // A flow that is to be traced at once. Call until it is empty, likewise. Allocates nothing.
  [[nodiscard]] std::optional<FlowHint> take_hint(Now now);
  // What a peer is to be asked about the window that closes next. Call until it is empty, before
  // take_report().
  [[nodiscard]] std::optional<ReceiptQuestion> take_question(Now now);
  // Sessions that there was no room to ask about, since the last call. The next window begins with
  // those.
  [[nodiscard]] std::uint32_t take_unasked() { return std::exchange(unasked_, 0); }
  // A peer's answer. What is of no open question, or of no session that it asked about, is ignored.
  void take_receipts(NodeId from, const Receipts& receipts);

 private:
  struct Window {
    WindowNumber number = 0;
    WallTime start{};
    Duration length{};
    PlanRevision plan;
    Instant close_at = Instant::max();  // unset while it is the one that fills
    Instant ask_at = Instant::max();    // likewise; and again once it was seen to what is open
    ProberHealth health{};
  };
  // What of the plan is needed between packets.
  struct Settings {
    PlanRevision revision;
    Duration window{};
    Duration flow_interval{};
    Duration reply_timeout{};
    std::size_t packets_per_flow = 0;
    std::uint16_t size_to_check = 0;  // 0: none
    std::size_t size_checks_max = 0;  // at once
  };
  using FlowName = std::pair<NodeId, std::uint16_t>;  // target and source port

  [[nodiscard]] static std::shared_ptr<const PeerKeys> keys_for(const PlanPeer& peer,
                                                                const KeyTable& keys);
  void roll_window(Now now);
  bool queue_size_check(const FlowName& name);
  void begin_size_checks(WindowNumber window);
  [[nodiscard]] Flow* find_planned(const FlowName& name);
  void end_window(Now now);
  void ask_about(Window& window, Now now);
  // When the oldest window is to be looked at again.
  [[nodiscard]] Instant front_due() const;
  [[nodiscard]] Window* filling();
  [[nodiscard]] Flow* find(std::uint16_t source_port, std::uint16_t ssid);
  [[nodiscard]] WindowNumber first_settled_window(const Plan& plan, Now now);
  [[nodiscard]] std::uint16_t new_ssid(std::uint16_t source_port);
  void index_flows();
  void drop_finished_flows();
  [[nodiscard]] Report build_report(const Window& window);

  Rng rng_;
  bool measuring_ = false;
  Settings settings_;  // of the newest plan
  Pacer pacer_;
  Destinations destinations_;  // of the newest plan
  std::vector<Flow> flows_;    // those of the plan first, in its order; then the removed
  std::size_t planned_ = 0;    // how many of flows_ the plan holds
  // Of all flows_, by source port and SSID: of 16,000 in less than half of std::unordered_map's
  // room.
  boost::unordered_flat_map<std::uint32_t, std::uint32_t> index_;
  std::vector<Window> windows_;  // oldest first; room for kOpenWindowsMax is kept
  WindowNumber next_window_ = 0;
  std::optional<Duration> clock_offset_;  // of the wall clock from the monotonic one, last seen
  std::uint8_t clock_epoch_ = 0;          // how often the wall clock was set
  std::vector<FlowName> size_checks_;     // that wait, oldest first
  std::uint32_t forged_ = 0;
  Instant next_look_{};
  std::size_t looks_left_ = 0;  // flows that this look has not come to
  std::size_t look_hints_left_ = 0;
  std::size_t looked_at_ = 0;   // goes round, so that all have their turn
  Questions questions_;         // about the oldest window
  std::size_t asked_from_ = 0;  // the flow that is asked about first
  std::uint32_t unasked_ = 0;
  std::unordered_map<std::uint32_t, SessionRecord> receipts_;  // by (port, ssid), likewise
  std::vector<std::uint64_t> rtts_;                            // scratch
};

}  // namespace faultline::session

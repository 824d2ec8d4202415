// Flow: the sender's side of one STAMP session: its packets of the windows that are still open.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "common/base/time.h"
#include "common/model/address.h"
#include "common/model/ids.h"
#include "common/model/receipts.h"
#include "common/model/report.h"
#include "probe/session/attribution.h"
#include "probe/session/flow_watch.h"
#include "probe/session/peer_keys.h"
#include "probe/stamp/packet.h"
#include "probe/stamp/tlv.h"

namespace faultline::session {

// What a flow's packets look like from outside (PlanFlow).
struct FlowKind {
  std::uint16_t size = 0;
  std::uint8_t dscp = 0;

  bool operator==(const FlowKind&) const = default;
};

// What tells the sessions of one probe apart.
struct FlowId {
  std::uint16_t source_port = 0;
  Endpoint remote;

  auto operator<=>(const FlowId&) const = default;
};

// A reply as it came, beside what it says.
struct Arrival {
  std::uint8_t ttl = 0;   // 0: unknown
  std::uint8_t dscp = 0;  // of a reply to a packet with one
  std::span<const std::byte> datagram{};
};

using WindowNumber = std::uint32_t;  // counts the windows of this process

// At the limit (a clock that jumps to and fro) the newest window goes on instead of closing.
inline constexpr std::size_t kOpenWindowsMax = 128;

// A size check that fails is repeated so often per change of the flow's path.
inline constexpr std::uint8_t kSizeCheckRepeatsMax = 3;

class Flow {
 public:
  // Keeps up to `capacity` packets, a power of two or the next one; it must be positive. Room is
  // made when it is needed, which is over after the first windows. Earlier windows than
  // `reported_from` are the session's settling.
  Flow(FlowId id, NodeId target, std::uint16_t ssid, std::size_t capacity,
       WindowNumber reported_from = 0);

  [[nodiscard]] const FlowId& id() const { return id_; }
  [[nodiscard]] NodeId target() const { return target_; }
  [[nodiscard]] std::uint16_t ssid() const { return ssid_; }
  [[nodiscard]] bool reported_in(WindowNumber window) const {
    // Numbers wrap: the nearer half is ahead.
    return static_cast<std::int32_t>(window - reported_from_) >= 0;
  }
  [[nodiscard]] bool full() const { return next_ - first_ == capacity_; }
  [[nodiscard]] bool empty() const { return next_ == first_; }
  // Keeps the packets at hand, even if they are more than `capacity`.
  void set_capacity(std::size_t capacity);
  // How packets are sent from now on: authenticated, or open where there are no keys. Replies to
  // those sent before are judged by how those were sent.
  void set_keys(std::shared_ptr<const PeerKeys> keys) {
    signs_ = keys != nullptr;
    if (signs_) keys_ = std::move(keys);
  }
  [[nodiscard]] const FlowKind& kind() const { return kind_; }
  // Of the packets from now on. Windows before `reported_from` would hold both kinds.
  void set_kind(const FlowKind& kind, WindowNumber reported_from) {
    if (kind == kind_) return;
    kind_ = kind;
    reported_from_ = reported_from;
  }
  // The packets of this window, which begins, have another size: the path is looked at again. One
  // such window at a time: the next may begin when this one is closed.
  void check_size(std::uint16_t size, WindowNumber window) {
    checked_size_ = size;
    checked_in_ = window;
  }
  // Whether most packets of the newest closed window of the flow's own kind were answered.
  void note_passes(bool passes) { passes_ = passes; }
  // Whether a check whose packets were lost is to be made again: not where others are lost as well,
  // and not for ever.
  [[nodiscard]] bool take_check_repeat() {
    if (!passes_ || check_repeats_left_ == 0) return false;
    --check_repeats_left_;
    return true;
  }
  void renew_check_repeats() { check_repeats_left_ = kSizeCheckRepeatsMax; }
  [[nodiscard]] bool checks_size() const { return checked_size_ != 0; }
  [[nodiscard]] FlowKind kind_in(WindowNumber window) const {
    const bool checked = checks_size() && window == checked_in_;
    return {.size = checked ? checked_size_ : kind_.size, .dscp = kind_.dscp};
  }
  // Null where packets are sent open.
  [[nodiscard]] const crypto::MacKey* signing_key() const {
    return signs_ ? &keys_->sending : nullptr;
  }

  // Notes a packet that is being sent and returns its sequence number. Must not be full. `epoch`
  // counts the times that the wall clock was set: no time is measured across one.
  std::uint32_t send(WallTime now, WindowNumber window, std::uint8_t epoch = 0);
  // These ignore sequence numbers that are not at hand.
  void on_send_failed(std::uint32_t sequence);
  bool on_transmit_stamp(std::uint32_t sequence, WallTime stamp);
  // It is not known when the packet left: no round trip is measured.
  void on_stamp_lost(std::uint32_t sequence);
  // Whether a reply echoes what was sent, T1 exactly, and in the mode it was sent in.
  // `authenticated` is the whole datagram where it is in that mode, else empty; its HMAC is checked
  // last, for it costs most. A reply to no packet at hand passes: on_reply() ignores it.
  [[nodiscard]] bool is_genuine(const stamp::ReflectorPacket& reply,
                                std::span<const std::byte> authenticated) const;
  // `received` is T4. A first reply that took longer than `timeout` is late, by the kernel's
  // stamps: a probe that was stalled itself does not see its peers late.
  bool on_reply(const stamp::ReflectorPacket& reply, WallTime received, Duration timeout,
                std::uint8_t epoch = 0);
  // What else such a reply tells: of the path, and of the class that its packet arrived with.
  void on_arrival(const stamp::ReflectorPacket& reply, const Arrival& arrival);
  // Why the path is to be traced now. A packet that was sent `patience` ago is not answered any
  // more, as far as that goes.
  [[nodiscard]] std::optional<HintReason> take_hint(WallTime now, Duration patience,
                                                    WindowNumber window);

  // Whether packets of `window`, which must be the oldest at hand or none of this flow's, are
  // unanswered and no reply tells in which direction they were lost.
  [[nodiscard]] bool leaves_open(WindowNumber window) const;
  // How the reflector knows the session of the packets that are sent now.
  [[nodiscard]] SessionName session() const {
    return {.source_port = id_.source_port, .ssid = ssid_, .authenticated = signs_};
  }

  // Takes the packets of `window`, which must be the oldest at hand or none of this flow's, out of
  // the flow and sums them up. Their round trips are appended to `rtts`, in nanoseconds. `told` is
  // what the reflector had received when all of them had had the time to arrive; null: not asked.
  [[nodiscard]] FlowWindow close(WindowNumber window, std::vector<std::uint64_t>& rtts,
                                 const SessionRecord* told = nullptr);

 private:
  struct Packet {
    WallTime sent{};               // T1 as the packet carries it
    std::uint32_t reply_low = 0;   // Fate's
    std::uint32_t reply_high = 0;  // Fate's
    // Until it is answered the ns from T1 to the kernel's stamp, once that is known; then the round
    // trip without the reflector's dwell: ns, or us where these are too many.
    std::uint32_t time = 0;
    std::uint8_t window = 0;  // the number's low octet: so many windows are never open at once
    std::uint8_t epoch = 0;
    std::uint16_t arrivals : 3 = 0;     // Fate's; 7: or more
    std::uint16_t duplicates : 4 = 0;   // 15: or more
    std::uint16_t refused : 1 = false;  // by the kernel
    std::uint16_t late : 1 = false;
    std::uint16_t reordered : 1 = false;
    std::uint16_t authenticated : 1 = false;
    std::uint16_t class_told : 1 = false;  // its reply told of the class it arrived with
    std::uint16_t class_changed : 1 = false;
    std::uint16_t stamp_lost : 1 = false;  // unknown, or too far from T1: the clock was set
    std::uint16_t timed : 1 = false;       // `time` is the round trip
    std::uint16_t in_us : 1 = false;

    [[nodiscard]] WallTime stamp() const {
      return sent + Duration{static_cast<std::int32_t>(time)};
    }
    [[nodiscard]] std::uint64_t rtt_ns() const {
      return in_us != 0 ? std::uint64_t{time} * 1000 : time;
    }
    [[nodiscard]] Fate fate() const;
    void count_arrival(std::uint32_t reply);
    void set_rtt(Duration rtt);
  };
  static_assert(sizeof(Packet) <= 24, "a full plan keeps a quarter of a million of them");
  static_assert(kOpenWindowsMax < 256, "or the low octet would not tell them apart");

  [[nodiscard]] Packet& at(std::uint32_t sequence) { return packets_[sequence & (room_ - 1)]; }
  [[nodiscard]] const Packet& at(std::uint32_t sequence) const {
    return packets_[sequence & (room_ - 1)];
  }
  [[nodiscard]] bool at_hand(std::uint32_t sequence) const {
    return sequence - first_ < next_ - first_;
  }
  [[nodiscard]] Packet* find(std::uint32_t sequence) {
    return at_hand(sequence) ? &at(sequence) : nullptr;
  }
  void resize(std::uint32_t room);
  // One past the last packet of `window`, the oldest at hand.
  [[nodiscard]] std::uint32_t end_of(WindowNumber window) const;
  // Of all packets at hand. What was told is of those up to `end`.
  [[nodiscard]] std::vector<Fate> fates(std::uint32_t end, const SessionRecord* told) const;

  [[nodiscard]] std::optional<stamp::ClassOfService> told_class(
      const Packet& packet, std::span<const std::byte> datagram) const;

  // A node may have 16,000 flows: members stand by alignment, without holes.
  std::shared_ptr<const PeerKeys> keys_;  // the last known; replies on their way need them
  FlowWatch watch_;
  std::unique_ptr<Packet[]> packets_;  // ring of room_, up to capacity_
  Anchor anchor_;
  std::optional<std::uint32_t> newest_answered_;
  WindowNumber reported_from_;
  WindowNumber checked_in_ = 0;
  std::uint32_t first_ = 0;  // the packets at hand: [first_, next_), modulo 2^32
  std::uint32_t next_ = 0;
  std::uint32_t capacity_;
  std::uint32_t room_;  // a power of two, so that it agrees with the wrap
  NodeId target_;
  FlowId id_;
  std::uint16_t ssid_;
  FlowKind kind_;
  std::uint16_t checked_size_ = 0;           // 0: no window that is at hand checks a size
  std::uint8_t dscp_there_ = 0;              // as last told
  std::optional<std::uint8_t> dscp_back_{};  // of the same reply
  bool passes_ = false;
  std::uint8_t check_repeats_left_ = 0;
  bool signs_ = false;
};

}  // namespace faultline::session

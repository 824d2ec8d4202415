// TransmitTimes: when each packet of a socket left, from the kernel's stamps of some of them.
//
// A stamp costs about as much as a third of a packet, so of the packets that leave in one go only
// the first, every kStampStride-th and the last ask for one. The packets are alike and leave one
// after the other, so those between two stamps are taken to have left at even distances.
//
// That is wrong where the thread was interrupted on the way, or where the device did not take the
// packets at once. Both stretch the span between the stamps, and a span that is too long for its
// packets tells nothing about those between: their time is unknown. So is that of packets whose
// stamp does not come. After that all packets ask for a while.
//
// Stamps come in the order of sending; one that overtakes others costs them their time.
// Allocates nothing. Not thread safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "common/base/time.h"

namespace faultline::session {

inline constexpr std::size_t kStampStride = 16;
// Until it is known better; a system call's worth.
inline constexpr Duration kStepFirst = std::chrono::microseconds{10};
inline constexpr std::size_t kUnstampedMax = 64;  // packets that wait for stamps

class TransmitTimes {
 public:
  struct Packet {
    std::uint16_t ssid = 0;
    std::uint32_t sequence = 0;

    bool operator==(const Packet&) const = default;
  };
  struct Departure {
    Packet packet;
    std::optional<WallTime> at;  // empty: unknown, and will stay so
  };
  using Departures = std::span<const Departure>;  // valid until the next call

  // The next `count` packets leave in one go, the first of them first: add() each.
  void begin(std::size_t count);
  // Whether to ask the kernel for the stamp of this packet.
  [[nodiscard]] bool add(Packet packet);
  // What the stamp of a packet tells: of it, and of those before it.
  [[nodiscard]] Departures on_stamp(Packet packet, WallTime at);
  // Packets wait for stamps.
  [[nodiscard]] bool waits() const { return end_ != begin_ && !(end_ - begin_ == 1 && from_); }
  // Does not wait any longer, for replies are there. Nothing where no stamp has ever come: the
  // device makes none, and the packets' own T1 is all that there is.
  [[nodiscard]] Departures give_up();

 private:
  struct Entry {
    Packet packet;
    bool asks = false;
    bool last = false;  // of those that leave in one go
  };

  [[nodiscard]] Entry& entry(std::uint32_t number) { return waiting_[number % kUnstampedMax]; }
  // The number of the packet that this is the stamp of; end_: of none that waits.
  [[nodiscard]] std::uint32_t find(Packet packet);
  [[nodiscard]] bool plausible(Duration span, std::uint32_t steps);
  void tell(Packet packet, std::optional<WallTime> at) { told_[told_count_++] = {packet, at}; }
  void between(std::uint32_t last, WallTime at);

  std::array<Entry, kUnstampedMax> waiting_;  // ring: [begin_, end_), modulo 2^32
  std::uint32_t begin_ = 0;
  std::uint32_t end_ = 0;
  std::optional<WallTime> from_;  // when the packet at begin_ left; empty: unknown as yet
  std::size_t count_ = 0;         // of the packets that leave in this go
  std::size_t added_ = 0;
  bool kept_ = false;           // this go is in waiting_
  bool sparse_ = false;         // not all of it ask
  std::uint32_t wary_ = 0;      // goes of which all will ask
  bool stamped_ = false;        // a stamp has come
  Duration step_ = kStepFirst;  // from a packet to the next, running mean
  std::array<Departure, kUnstampedMax + 1> told_;
  std::size_t told_count_ = 0;
};

}  // namespace faultline::session

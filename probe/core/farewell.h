// Farewell: the order in which a probe stops, so that its restart is no fault and loses no result.
//
//   begin -> measuring ends: replies under way still count, the open window is closed and spooled
//         -> what the spool holds is delivered, while the controller is there
//         -> Goodbye, where the controller knows it -> over
//
// Each step has its time; a controller or a disk that does not answer only costs what was to be
// said to it. What is not delivered stays in the spool and is sent after the next start.
//
// Pure. Thread safety: none.
#pragma once

#include <cstdint>

#include "probe/core/effects.h"
#include "probe/core/events.h"
#include "probe/core/uplink.h"

namespace faultline::probe_core {

// For replies to what was sent last. A reply that takes longer counts as lost.
inline constexpr Duration kFinishGrace = std::chrono::milliseconds{500};
inline constexpr Duration kFinishMax = std::chrono::seconds{1};   // since begin()
inline constexpr Duration kDeliverMax = std::chrono::seconds{2};  // since begin()
// The message leaves with the network's own pace, and nothing answers it.
inline constexpr Duration kGoodbyeLeaves = std::chrono::milliseconds{200};
// And so long at most if the machine is too busy to have sent it by then.
inline constexpr Duration kGoodbyeLingers = std::chrono::seconds{1};

class Farewell {
 public:
  // A second time changes nothing.
  void begin(Now now, bool measuring, EffectSink& effects);
  void measuring_ended() { finished_ = true; }
  // `delivered`: nothing waits for an acknowledgement, as far as is known.
  void tick(Now now, bool delivered, Uplink& uplink, const Goodbye& goodbye, EffectSink& effects);

  [[nodiscard]] bool begun() const { return state_ != State::kNone; }

 private:
  enum class State : std::uint8_t { kNone, kFinishing, kDelivering, kLeaving, kOver };

  State state_ = State::kNone;
  bool finished_ = false;
  Instant begun_at_{};
  Instant said_at_{};
};

}  // namespace faultline::probe_core

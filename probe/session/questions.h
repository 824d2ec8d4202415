// Questions: what peers are asked about the window that closes next, and how long it waits for
// their answers.
//
// Bounded: kPeersAskedMax peers of a window, kReceiptSessionsMax sessions of each; what is beyond
// is refused, and stays undetermined. Not thread safe. Allocates only while there is loss that
// replies leave open.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "common/base/time.h"
#include "common/model/receipts.h"

namespace faultline::session {

inline constexpr std::size_t kPeersAskedMax = 32;
// Below what a controller leaves for a report to arrive after its window could close (1 s).
inline constexpr Duration kAnswerWait = std::chrono::milliseconds{500};

class Questions {
 public:
  // The window's own are over, if it had some; those of the next one begin. Its answers are waited
  // for until `until`.
  void begin(Instant until);
  void end();
  // A session that is to be asked about. False: there is no room for it.
  bool add(NodeId peer, const SessionName& session);
  // Each question once, to be sent.
  [[nodiscard]] std::optional<ReceiptQuestion> take();
  // The sessions that this was asked about. Empty: it was not asked, or the answer comes too late
  // or again.
  [[nodiscard]] std::vector<SessionName> answered(NodeId from, std::uint64_t request);
  void hurry(Instant until);

  // Empty: for nothing.
  [[nodiscard]] std::optional<Instant> waits_until() const {
    return open_.empty() ? std::nullopt : std::optional(until_);
  }

 private:
  struct Open {
    NodeId peer{};
    std::uint64_t request = 0;
    std::vector<SessionName> sessions{};
  };

  std::deque<ReceiptQuestion> unsent_;
  std::vector<Open> open_;  // the unsent among them
  Instant until_{};
  std::uint64_t last_ = 0;
};

}  // namespace faultline::session

// MachineWatch: reads what the kernel tells of this machine (session/machine.h), every few seconds:
// a few reads from files that stay open, and adjtimex(2). They cost tens of microseconds, on
// machines of hundreds of processors a millisecond: not for the engine's thread.
//
// What is missing or not permitted is told as unknown. Not thread safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "common/net/unique_fd.h"
#include "probe/session/machine.h"

namespace faultline::probe_facts {

class MachineWatch {
 public:
  MachineWatch();

  // What there is to note since the last time; nothing when it was not long ago, or so long that it
  // is not the doing of one window.
  struct Growth {
    session::MachineCounters before;
    session::MachineCounters after;
  };
  [[nodiscard]] std::optional<Growth> look(Instant now);

 private:
  [[nodiscard]] session::MachineCounters read();

  net::UniqueFd softnet_;
  net::UniqueFd stat_;
  std::vector<net::UniqueFd> cpu_;  // the control group's, and of those around it
  std::uint64_t tick_ns_ = 0;
  std::string text_;  // scratch
  session::MachineCounters last_;
  Instant due_ = Instant::min();
};

}  // namespace faultline::probe_facts

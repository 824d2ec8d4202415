// MachineWatch: reads what the kernel tells of this machine (session/machine.h), at most once a
// second: four small reads from files that stay open, and adjtimex(2).
//
// What is missing or not permitted is told as unknown. Not thread safe.
#pragma once

#include <optional>
#include <string>

#include "common/base/time.h"
#include "common/net/unique_fd.h"
#include "probe/session/machine.h"

namespace faultline::engine {

class MachineWatch {
 public:
  MachineWatch();

  // What there is to note since the last time; nothing when a second has not passed.
  struct Growth {
    session::MachineCounters before;
    session::MachineCounters after;
  };
  [[nodiscard]] std::optional<Growth> look(Instant now);

 private:
  [[nodiscard]] session::MachineCounters read();

  net::UniqueFd softnet_;
  net::UniqueFd stat_;
  net::UniqueFd cpu_;
  std::uint64_t ticks_per_second_ = 0;
  std::string text_;  // scratch
  session::MachineCounters last_;
  Instant due_ = Instant::min();
};

}  // namespace faultline::engine

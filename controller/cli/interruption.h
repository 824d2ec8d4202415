// Interruption: whether somebody pressed Ctrl-C (or sent SIGTERM or SIGHUP) while a command waits,
// so that what it set going elsewhere is ended before it goes.
//
// One at a time in a process; the former handlers are back after it. A second signal ends the
// process at once. Thread safety: none.
#pragma once

#include <csignal>

#include <array>

#include "common/base/time.h"
#include "controller/cli/failure.h"

namespace faultline::cli {

class Interruption {
 public:
  Interruption();
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  [[nodiscard]] bool came() const;
  // Sleeps so long, or until a signal comes; returns came().
  bool wait(Duration time) const;

 private:
  static constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP};
  std::array<struct sigaction, kSignals.size()> former_{};
};

// Exit code 2: what was to be found out was not.
[[nodiscard]] Failure interrupted();

}  // namespace faultline::cli

#include "controller/cli/interruption.h"

#include <ctime>

namespace faultline::cli {
namespace {

volatile std::sig_atomic_t signal_came = 0;

void note(int /*signal*/) { signal_came = 1; }

}  // namespace

Interruption::Interruption() {
  signal_came = 0;
  struct sigaction action {};
  action.sa_handler = note;
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // the second one ends the process
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], &action, &former_[i]);
  }
}

Interruption::~Interruption() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &former_[i], nullptr);
}

bool Interruption::came() const { return signal_came != 0; }

// A signal cuts the sleep short.
bool Interruption::wait(Duration time) const {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  const timespec length{.tv_sec = seconds.count(), .tv_nsec = (time - seconds).count()};
  if (!came()) ::nanosleep(&length, nullptr);
  return came();
}

Failure interrupted() { return {ExitCode::kInconclusive, "interrupted", "interrupted"}; }

}  // namespace faultline::cli

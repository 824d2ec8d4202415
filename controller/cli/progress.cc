#include "controller/cli/progress.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "controller/cli/clock.h"

namespace faultline::cli {
namespace {

constexpr auto kPatience = std::chrono::seconds{2};

}  // namespace

Progress::Progress()
    : terminal_(::isatty(STDERR_FILENO) == 1),
      started_(now_instant()),
      next_(started_ + kPatience) {}

Progress::~Progress() { end(); }

void Progress::end() {
  if (std::exchange(shown_, false) && terminal_) fmt::print(stderr, "\r\033[K");
}

void Progress::update(std::string_view text) {
  const auto now = now_instant();
  if (now < next_) return;
  next_ = now + (terminal_ ? std::chrono::seconds{1} : std::chrono::seconds{10});
  shown_ = true;
  const auto elapsed_s = std::chrono::duration_cast<std::chrono::seconds>(now - started_).count();
  fmt::print(stderr, "{}{} ({} s){}", terminal_ ? "\r\033[K" : "", text, elapsed_s,
             terminal_ ? "" : "\n");
  std::fflush(stderr);
}

}  // namespace faultline::cli

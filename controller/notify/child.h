// Child: one run of an operator's program, as a delivery: the alert on its stdin.
//
// Why it exists: some pagers are a script. The program is started directly, without a shell, with a
// small environment (PATH and what its request says), in a process group of its own that is killed
// at the deadline, so that neither it nor what it starts outlives its delivery. Its stdout is
// discarded; the first kErrorBytesMax bytes of its stderr explain a failure.
//
//   exit 0                  delivered
//   exit 65 (EX_DATAERR)    refused: this alert never will be
//   any other, or a signal  to be tried again
//
// Never blocks: the owner waits for pid_fd() and output_fd(), and for input_fd() to be writable,
// and calls step(). Thread safety: none. The destructor kills what still runs and waits for that.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/base/time.h"
#include "controller/notify/outbox.h"
#include "controller/notify/receiver.h"

namespace faultline::notify {

inline constexpr std::size_t kErrorBytesMax = 4096;

class Child {
 public:
  // kUnavailable, with the reason, when it cannot be started.
  [[nodiscard]] static Result<Child> start(const Request& request, Instant now);
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  // Feeds it, hears it, ends it at its deadline; the outcome once it has ended.
  [[nodiscard]] std::optional<DeliveryOutcome> step(Instant now);

  [[nodiscard]] int pid_fd() const { return pid_fd_; }
  [[nodiscard]] int input_fd() const { return input_fd_; }    // -1: has all of it
  [[nodiscard]] int output_fd() const { return output_fd_; }  // -1: has closed it
  [[nodiscard]] Instant deadline() const { return deadline_; }

 private:
  Child() = default;
  void feed();
  void hear();
  void kill_group();
  [[nodiscard]] DeliveryOutcome outcome(int status) const;

  int pid_ = -1;  // -1: reaped, or moved from
  int pid_fd_ = -1;
  int input_fd_ = -1;
  int output_fd_ = -1;
  std::string input_;  // what it has not taken yet
  std::string errors_;
  bool timed_out_ = false;
  Duration timeout_{};
  Instant deadline_{};
};

}  // namespace faultline::notify

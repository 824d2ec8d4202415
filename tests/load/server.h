// Server: the process that is under load, as this process' child; and what it costs, by thread.
//
// Thread safety: none. Failures are Errors with one sentence; the child's own words are in its log.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"

namespace faultline::load {

class Server {
 public:
  // Starts `words[0]`; stdout and stderr are appended to `log`.
  [[nodiscard]] static Result<Server> start(const std::vector<std::string>& words,
                                            const std::filesystem::path& log);
  Server(Server&& other) noexcept;
  Server& operator=(Server&& other) noexcept;
  ~Server();  // kills what still runs

  // Waits until its log has a line, of this start, that holds `words`. An Error when it ended
  // before, or the time is over.
  [[nodiscard]] Status wait_for_line(const std::string& words, Duration time_max) const;
  // Sends the signal and waits for the end. The exit code, or minus the signal that ended it.
  int end(int signal);

  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  Server(pid_t pid, std::filesystem::path log, std::uintmax_t log_begin);

  pid_t pid_ = -1;
  std::filesystem::path log_;
  std::uintmax_t log_begin_ = 0;
};

// Processor seconds of each thread of a process so far, by name; of equal names, their sum.
using ThreadSeconds = std::map<std::string, double>;
[[nodiscard]] ThreadSeconds thread_seconds(pid_t pid);
[[nodiscard]] ThreadSeconds difference(const ThreadSeconds& after, const ThreadSeconds& before);
[[nodiscard]] double total(const ThreadSeconds& seconds);
// Bytes.
[[nodiscard]] std::uint64_t resident(pid_t pid);
[[nodiscard]] std::uint64_t resident_peak(pid_t pid);
[[nodiscard]] std::uint64_t bytes_below(const std::filesystem::path& directory);
// One that nobody listens on, for a child that is told where to listen.
[[nodiscard]] std::uint16_t free_port();

}  // namespace faultline::load

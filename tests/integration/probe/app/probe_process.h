// ProbeProcess: the real faultline-probe as a child process with a state directory of its own.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/model/ids.h"

namespace faultline::tests {

// Removed with all that is in it. In memory where that can be had: a disk that others keep busy may
// take longer to sync than a window, and a probe syncs before it sends.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

struct ProbeOptions {
  std::filesystem::path folder;
  std::string address = "127.0.0.1";
  std::string token{};          // none when empty
  std::uint16_t port_base = 0;  // source ports from here, then reflector and mesh
};
inline constexpr std::uint16_t kPortsPerProbe = 8;

struct Exit {
  int status = -1;     // of the process; -1 when a signal ended it
  std::string errors;  // what it wrote to stderr
};

class ProbeProcess {
 public:
  // Writes the configuration and starts.
  explicit ProbeProcess(const ProbeOptions& options);
  ~ProbeProcess();  // kills what still runs
  ProbeProcess(const ProbeProcess&) = delete;
  ProbeProcess& operator=(const ProbeProcess&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  // The resident set now.
  [[nodiscard]] long resident_kib() const;
  // Sends the signal and does not wait.
  void tell(int signal) const;
  [[nodiscard]] bool has_ended() const;
  [[nodiscard]] bool log_holds(const std::string& words) const;
  // Sends the signal (0: none), waits for the end.
  Exit end(int signal);

 private:
  std::filesystem::path log_;
  pid_t pid_ = -1;
};

// Runs the program with these arguments to its end.
[[nodiscard]] Exit run_probe(const std::vector<std::string>& arguments);

// A range of kPortsPerProbe ports that nobody uses and no other test is given (free_ports.h).
[[nodiscard]] std::uint16_t find_ports();

}  // namespace faultline::tests

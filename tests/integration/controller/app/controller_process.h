// ControllerProcess: the real faultline-controller, or another program, as a child process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace faultline::tests {

// Removed with all that is in it.
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

struct Exit {
  int status = -1;     // of the process; minus the number of the signal that ended it
  std::string output;  // stdout
  std::string errors;  // stderr
};

class ControllerProcess {
 public:
  // Its output goes to the files `out` and `log` in `folder`, which must outlive it.
  ControllerProcess(const std::vector<std::string>& arguments, const std::filesystem::path& folder,
                    const std::string& program = FAULTLINE_CONTROLLER);
  ~ControllerProcess();  // kills what still runs
  ControllerProcess(const ControllerProcess&) = delete;
  ControllerProcess& operator=(const ControllerProcess&) = delete;

  [[nodiscard]] long resident_kib() const;
  // What it wrote to stderr up to now.
  [[nodiscard]] std::string log() const;
  [[nodiscard]] bool has_ended() const;
  void signal(int number) const;
  [[nodiscard]] pid_t pid() const { return pid_; }
  // Sends the signal (0: none) and waits for the end.
  Exit end(int signal);

 private:
  std::filesystem::path output_;
  std::filesystem::path log_;
  pid_t pid_ = -1;
};

// Runs the program with these arguments to its end.
[[nodiscard]] Exit run_controller(const std::vector<std::string>& arguments);

// Everything that a controller needs, all of it in `folder`.
[[nodiscard]] std::string minimal_config(const std::filesystem::path& folder,
                                         const std::string& listen = "tcp://127.0.0.1:*");
// Returns the file's path.
std::string write_file(const std::filesystem::path& file, const std::string& text);

// The first of kPortsPerProgram ports that nobody uses and no other test is given (free_ports.h).
inline constexpr std::uint16_t kPortsPerProgram = 4;
[[nodiscard]] std::uint16_t find_ports();

}  // namespace faultline::tests

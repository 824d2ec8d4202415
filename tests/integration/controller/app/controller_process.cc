#include "tests/integration/controller/app/controller_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <utility>

#include "tests/support/catch.h"
#include "tests/support/free_ports.h"

namespace faultline::tests {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

void redirect(const fs::path& file, int descriptor) {
  ::dup2(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), descriptor);
}

}  // namespace

Folder::Folder() {
  std::string pattern = (fs::temp_directory_path() / "faultline-XXXXXX").string();
  REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

Folder::~Folder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

ControllerProcess::ControllerProcess(const std::vector<std::string>& arguments,
                                     const fs::path& folder, const std::string& program)
    : output_(folder / "out"), log_(folder / "log") {
  std::vector<std::string> words{program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_ = ::fork();
  REQUIRE(pid_ >= 0);
  if (pid_ > 0) return;
  redirect(output_, STDOUT_FILENO);
  redirect(log_, STDERR_FILENO);
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

ControllerProcess::~ControllerProcess() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

long ControllerProcess::resident_kib() const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
  }
  return 0;
}

std::string ControllerProcess::log() const { return read_file(log_); }

bool ControllerProcess::has_ended() const {
  if (pid_ < 0) return true;
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == pid_;
}

void ControllerProcess::signal(int number) const { ::kill(pid_, number); }

Exit ControllerProcess::end(int signal) {
  if (signal != 0) ::kill(pid_, signal);
  int status = 0;
  REQUIRE(::waitpid(pid_, &status, 0) == pid_);
  pid_ = -1;
  return {.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
          .output = read_file(output_),
          .errors = log()};
}

Exit run_controller(const std::vector<std::string>& arguments) {
  const Folder folder;
  return ControllerProcess{arguments, folder.path()}.end(0);
}

std::string minimal_config(const fs::path& folder, const std::string& listen) {
  return "data_dir: " + (folder / "data").string() + "\n" +  //
         "listen: " + listen + "\n" +                        //
         "api: {socket: " + (folder / "api.sock").string() + "}\n";
}

std::string write_file(const fs::path& file, const std::string& text) {
  std::ofstream(file) << text;
  return file.string();
}

std::uint16_t find_ports() {
  return claim_ports({.first = 10'000, .width = kPortsPerProgram, .count = 2000});
}

}  // namespace faultline::tests

#include "tests/integration/probe/app/probe_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "tests/support/catch.h"
#include "tests/support/free_ports.h"

namespace faultline::tests {
namespace {

namespace fs = std::filesystem;

pid_t start(const std::vector<std::string>& arguments, const fs::path& log) {
  std::vector<std::string> words{FAULTLINE_PROBE};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid > 0) return pid;
  const int fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(fd, STDOUT_FILENO);
  ::dup2(fd, STDERR_FILENO);
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

Exit wait_for(pid_t pid, const fs::path& log) {
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  std::ifstream file(log);
  return {.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
          .errors = {std::istreambuf_iterator<char>(file), {}}};
}

}  // namespace

Folder::Folder() {
  const fs::path memory = "/dev/shm";
  std::error_code ignored;
  const auto parent = fs::is_directory(memory, ignored) ? memory : fs::temp_directory_path();
  std::string pattern = (parent / "faultline-probe-XXXXXX").string();
  REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

Folder::~Folder() { fs::remove_all(path_); }

std::uint16_t find_ports() {
  return claim_ports({.first = 20'000, .width = kPortsPerProbe, .count = 1500});
}

ProbeProcess::ProbeProcess(const ProbeOptions& options) : log_(options.folder / "log") {
  const auto config = options.folder / "probe.yaml";
  std::ofstream(config) << "state_dir: " << (options.folder / "state").string() << "\n"
                        << "address: " << options.address << "\n"
                        << (options.token.empty() ? "" : "token: " + options.token + "\n")
                        << "ports: {first: " << options.port_base << ", count: 2}\n"
                        << "reflector_port: " << options.port_base + 2 << "\n"
                        << "mesh_port: " << options.port_base + 3 << "\n"
                        << "log: {level: debug}\n";
  pid_ = start({"--config", config.string()}, log_);
}

ProbeProcess::~ProbeProcess() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

long ProbeProcess::resident_kib() const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
  }
  return 0;
}

void ProbeProcess::tell(int signal) const { ::kill(pid_, signal); }

bool ProbeProcess::has_ended() const {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == pid_;
}

bool ProbeProcess::log_holds(const std::string& words) const {
  std::ifstream log(log_);
  for (std::string line; std::getline(log, line);) {
    if (line.find(words) != std::string::npos) return true;
  }
  return false;
}

Exit ProbeProcess::end(int signal) {
  if (signal != 0) ::kill(pid_, signal);
  return wait_for(std::exchange(pid_, -1), log_);
}

Exit run_probe(const std::vector<std::string>& arguments) {
  const Folder folder;
  return wait_for(start(arguments, folder.path() / "log"), folder.path() / "log");
}

}  // namespace faultline::tests

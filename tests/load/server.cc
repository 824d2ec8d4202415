#include "tests/load/server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>

#include <fmt/format.h>

namespace faultline::load {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr Duration kLook = milliseconds{5};  // between two looks at a child's log
// Below the ports that connections are given: while the server is down, one of thousands that try
// to connect to it would sooner or later be given its port, and it could not come back. And none of
// those that other tests take meanwhile (tests/support/free_ports.h).
constexpr int kPortFirst = 32'000;
constexpr int kPorts = 768;

std::uint64_t status_bytes(pid_t pid, const std::string& field) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field)) return std::stoull(line.substr(field.size())) << 10U;
  }
  return 0;
}

}  // namespace

Server::Server(pid_t pid, fs::path log, std::uintmax_t log_begin)
    : pid_(pid), log_(std::move(log)), log_begin_(log_begin) {}

Server::Server(Server&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      log_(std::move(other.log_)),
      log_begin_(other.log_begin_) {}

Server& Server::operator=(Server&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(log_, other.log_);
  std::swap(log_begin_, other.log_begin_);
  return *this;
}

Server::~Server() { end(SIGKILL); }

Result<Server> Server::start(const std::vector<std::string>& words, const fs::path& log) {
  std::error_code none;
  const auto begin = fs::file_size(log, none);
  std::vector<std::string> copies = words;
  std::vector<char*> argv;
  for (auto& word : copies) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return fail(ErrorCode::kNotFound,
                fmt::format("cannot start {}: {}", words.front(), std::strerror(error)));
  }
  return Server(pid, log, none ? 0 : begin);
}

Status Server::wait_for_line(const std::string& words, Duration time_max) const {
  const auto until = std::chrono::steady_clock::now() + time_max;
  std::string text;
  while (std::chrono::steady_clock::now() < until) {
    std::ifstream file(log_);
    file.seekg(static_cast<std::streamoff>(log_begin_));
    text.assign(std::istreambuf_iterator<char>(file), {});
    if (text.find(words) != std::string::npos) return {};
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
    if (info.si_pid == pid_) break;
    std::this_thread::sleep_for(kLook);
  }
  return fail(ErrorCode::kUnavailable,
              fmt::format("the server did not say \"{}\"; its log ends with: {}", words,
                          text.substr(text.size() - std::min<std::size_t>(text.size(), 600))));
}

int Server::end(int signal) {
  if (pid_ < 0) return 0;
  ::kill(pid_, signal);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

ThreadSeconds thread_seconds(pid_t pid) {
  ThreadSeconds seconds;
  std::error_code gone;
  for (const auto& task : fs::directory_iterator{fmt::format("/proc/{}/task", pid), gone}) {
    std::ifstream name_file(task.path() / "comm");
    std::ifstream schedule(task.path() / "schedstat");  // the first number: ns on a processor
    std::string name;
    double nanoseconds = 0;
    if (std::getline(name_file, name) && schedule >> nanoseconds) {
      seconds[task.path().filename() == std::to_string(pid) ? "loop" : name] += nanoseconds / 1e9;
    }
  }
  return seconds;
}

ThreadSeconds difference(const ThreadSeconds& after, const ThreadSeconds& before) {
  ThreadSeconds result = after;
  for (auto& [name, seconds] : result) {
    if (const auto at = before.find(name); at != before.end()) seconds -= at->second;
  }
  return result;
}

double total(const ThreadSeconds& seconds) {
  double sum = 0;
  for (const auto& [name, value] : seconds) sum += value;
  return sum;
}

std::uint64_t resident(pid_t pid) { return status_bytes(pid, "VmRSS:"); }

std::uint64_t resident_peak(pid_t pid) { return status_bytes(pid, "VmHWM:"); }

std::uint64_t bytes_below(const fs::path& directory) {
  std::uint64_t bytes = 0;
  std::error_code gone;
  for (const auto& file : fs::recursive_directory_iterator{directory, gone}) {
    if (file.is_regular_file(gone)) bytes += file.file_size(gone);
  }
  return bytes;
}

std::uint16_t free_port() {
  for (int i = 0; i < kPorts; ++i) {
    const auto port = static_cast<std::uint16_t>(kPortFirst + (::getpid() + i) % kPorts);
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool is_free = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    if (is_free) return port;
  }
  return 0;
}

}  // namespace faultline::load

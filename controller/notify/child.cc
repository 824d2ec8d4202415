#include "controller/notify/child.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <fmt/format.h>

namespace faultline::notify {
namespace {

constexpr int kDataError = 65;  // EX_DATAERR of sysexits.h
constexpr int kReadsMax = 64;   // of its stderr in one step: a chatty program delays no other

void close_fd(int& descriptor) {
  if (descriptor >= 0) ::close(descriptor);
  descriptor = -1;
}

struct Pipe {
  int read = -1;
  int write = -1;

  Pipe() {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) == 0) {
      read = ends[0];
      write = ends[1];
    }
  }
  ~Pipe() {
    close_fd(read);
    close_fd(write);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
};

// "X-Faultline-Timestamp: 17" -> "X_FAULTLINE_TIMESTAMP=17"
std::string variable_of(const std::string& header) {
  const auto colon = std::min(header.find(": "), header.size());
  std::string name = header.substr(0, colon);
  std::ranges::transform(name, name.begin(), [](char character) {
    return character == '-'
               ? '_'
               : static_cast<char>(std::toupper(static_cast<unsigned char>(character)));
  });
  return name + "=" + (colon + 2 <= header.size() ? header.substr(colon + 2) : "");
}

std::vector<std::string> environment_of(const Request& request) {
  const char* path = std::getenv("PATH");
  std::vector<std::string> environment{std::string("PATH=") +
                                       (path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path)};
  for (const auto& header : request.headers) environment.push_back(variable_of(header));
  return environment;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (auto& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

struct Spawning {
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};

  // In a group of its own, with no signal blocked or ignored, and no descriptor but these.
  Spawning(const Pipe& input, const Pipe& output) {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, input.read, STDIN_FILENO);
    ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, output.write, STDERR_FILENO);
    ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    ::posix_spawnattr_init(&attributes);
    sigset_t none;
    sigset_t defaults;
    ::sigemptyset(&none);
    ::sigemptyset(&defaults);
    for (const int signal : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD}) {
      ::sigaddset(&defaults, signal);
    }
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &defaults);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    ::posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~Spawning() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  Spawning(const Spawning&) = delete;
  Spawning& operator=(const Spawning&) = delete;
};

}  // namespace

Result<Child> Child::start(const Request& request, Instant now) {
  Pipe input;
  Pipe output;
  if (input.read < 0 || output.read < 0) {
    return fail(ErrorCode::kUnavailable, "there are no descriptors left for a pipe");
  }
  auto arguments = request.command;
  auto environment = environment_of(request);
  const Spawning spawning(input, output);
  pid_t pid = -1;
  const int failure =
      ::posix_spawn(&pid, arguments.front().c_str(), &spawning.actions, &spawning.attributes,
                    pointers_to(arguments).data(), pointers_to(environment).data());
  if (failure != 0) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("cannot start {}: {}", arguments.front(), std::strerror(failure)));
  }
  Child child;
  child.pid_ = pid;
  child.pid_fd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  child.input_fd_ = std::exchange(input.write, -1);
  child.output_fd_ = std::exchange(output.read, -1);
  ::fcntl(child.input_fd_, F_SETFL, O_NONBLOCK);
  ::fcntl(child.output_fd_, F_SETFL, O_NONBLOCK);
  child.input_ = request.body;
  child.timeout_ = request.timeout;
  child.deadline_ = now + request.timeout;
  return child;
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pid_fd_(std::exchange(other.pid_fd_, -1)),
      input_fd_(std::exchange(other.input_fd_, -1)),
      output_fd_(std::exchange(other.output_fd_, -1)),
      input_(std::move(other.input_)),
      errors_(std::move(other.errors_)),
      timed_out_(other.timed_out_),
      timeout_(other.timeout_),
      deadline_(other.deadline_) {}

Child::~Child() {
  if (pid_ >= 0) {
    kill_group();
    int status = 0;
    ::waitpid(pid_, &status, 0);
  }
  close_fd(pid_fd_);
  close_fd(input_fd_);
  close_fd(output_fd_);
}

void Child::kill_group() { ::kill(-pid_, SIGKILL); }

std::optional<DeliveryOutcome> Child::step(Instant now) {
  feed();
  hear();
  if (now >= deadline_ && !timed_out_) {
    timed_out_ = true;
    kill_group();
  }
  siginfo_t ended{};
  const int asked = ::waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT);
  if (asked != 0) {  // this process was started with SIGCHLD ignored: nobody will hear how it ends
    pid_ = -1;
    return DeliveryOutcome{DeliveryResult::kRetry, "its exit code is lost: SIGCHLD is ignored", {}};
  }
  if (ended.si_pid != pid_) return std::nullopt;
  kill_group();  // what it left behind, while its number cannot be another's
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  hear();
  return outcome(status);
}

// The sender's thread blocks SIGPIPE: to write to a program that reads nothing is EPIPE.
void Child::feed() {
  while (input_fd_ >= 0 && !input_.empty()) {
    const auto count = ::write(input_fd_, input_.data(), input_.size());
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) break;  // it reads no more: its exit code says what that means
    input_.erase(0, static_cast<std::size_t>(count));
  }
  close_fd(input_fd_);
}

void Child::hear() {
  std::array<char, 1024> buffer{};
  for (int reads = 0; output_fd_ >= 0 && reads < kReadsMax; ++reads) {
    const auto count = ::read(output_fd_, buffer.data(), buffer.size());
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) return close_fd(output_fd_);
    const auto room = kErrorBytesMax - errors_.size();
    errors_.append(buffer.data(), std::min(room, static_cast<std::size_t>(count)));
  }
}

DeliveryOutcome Child::outcome(int status) const {
  DeliveryOutcome outcome;
  if (timed_out_) {
    outcome.text = fmt::format("was ended after {}", format_duration(timeout_));
  } else if (WIFSIGNALED(status)) {
    outcome.text = fmt::format("signal {}", WTERMSIG(status));
  } else {
    const int code = WEXITSTATUS(status);
    outcome.text = fmt::format("exit {}", code);
    if (code == 0) outcome.result = DeliveryResult::kDelivered;
    if (code == kDataError) outcome.result = DeliveryResult::kRefused;
  }
  if (!errors_.empty()) outcome.text += ": " + errors_;
  return outcome;
}

}  // namespace faultline::notify

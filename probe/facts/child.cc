#include "probe/facts/child.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include "common/async/clock.h"
#include "common/net/unique_fd.h"

namespace faultline::probe_facts {
namespace {

constexpr std::array kFolders{"/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"};
constexpr std::size_t kComplaintMax = 200;  // bytes

std::optional<std::string> find_program(const std::string& name) {
  for (const auto* folder : kFolders) {
    auto path = folder + name;
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return std::nullopt;
}

struct Pipe {
  net::UniqueFd read;
  net::UniqueFd write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail(ErrorCode::kUnavailable, fmt::format("no pipe: {}", std::strerror(errno)));
  }
  return Pipe{net::UniqueFd(ends[0]), net::UniqueFd(ends[1])};
}

Result<pid_t> spawn(const std::string& path, const std::vector<std::string>& command, int output,
                    int complaints) {
  std::vector<char*> arguments;
  for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));  // NOLINT
  arguments.push_back(nullptr);
  std::array<char*, 2> environment{const_cast<char*>("LC_ALL=C"), nullptr};  // NOLINT
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, complaints, STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);  // the probe's threads block some
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t child = -1;
  const int error = ::posix_spawn(&child, path.c_str(), &actions, &attributes, arguments.data(),
                                  environment.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("cannot start {}: {}", path, std::strerror(error)));
  }
  return child;
}

// Until both ends are closed. Empty: all is well; otherwise what was exceeded.
std::string read_all(Pipe& output, Pipe& complaints, const ChildLimits& limits, std::string& text,
                     std::string& complaint, Instant deadline) {
  std::array<pollfd, 2> ends{{{output.read.get(), POLLIN, 0}, {complaints.read.get(), POLLIN, 0}}};
  std::array<char, 16'384> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  while (ends[0].fd >= 0 || ends[1].fd >= 0) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - async::now_instant());
    if (left.count() <= 0)
      return fmt::format("took more than {}", format_duration(limits.patience));
    if (::poll(ends.data(), ends.size(), static_cast<int>(left.count())) < 0 && errno != EINTR)
      break;
    for (auto& end : ends) {
      if (end.fd < 0 || end.revents == 0) continue;
      const auto size = ::read(end.fd, buffer.data(), buffer.size());
      if (size < 0 && errno == EINTR) continue;
      if (size <= 0) {
        end.fd = -1;
        continue;
      }
      auto& into = &end == &ends[0] ? text : complaint;
      into.append(buffer.data(), static_cast<std::size_t>(size));
    }
    if (text.size() > limits.output_max)
      return fmt::format("printed more than {} bytes", limits.output_max);
    complaint.resize(std::min(complaint.size(), kComplaintMax));
  }
  return {};
}

// A program may close its output and go on. False: it did so until the deadline.
bool ends_in_time(pid_t child, Instant deadline) {
  const net::UniqueFd handle(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  pollfd end{handle.get(), POLLIN, 0};
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - async::now_instant());
  return ::poll(&end, 1, std::max(0, static_cast<int>(left.count()))) > 0;
}

Duration processor_time(const rusage& usage) {
  const auto sum = [](const timeval& time) {
    return std::chrono::seconds{time.tv_sec} + std::chrono::microseconds{time.tv_usec};
  };
  return sum(usage.ru_utime) + sum(usage.ru_stime);
}

}  // namespace

Result<ChildOutput> run_child(const std::vector<std::string>& command, const ChildLimits& limits) {
  const auto& name = command.front();
  const auto path = find_program(name);
  if (!path) return fail(ErrorCode::kNotFound, fmt::format("{} is not installed", name));
  FAULTLINE_TRY(auto output, make_pipe());
  FAULTLINE_TRY(auto complaints, make_pipe());
  FAULTLINE_TRY(const auto child,
                spawn(*path, command, output.write.get(), complaints.write.get()));
  output.write = net::UniqueFd();
  complaints.write = net::UniqueFd();
  ChildOutput result;
  std::string complaint;
  const auto deadline = async::now_instant() + limits.patience;
  auto exceeded = read_all(output, complaints, limits, result.text, complaint, deadline);
  if (exceeded.empty() && !ends_in_time(child, deadline)) exceeded = "does not end";
  if (!exceeded.empty()) ::kill(child, SIGKILL);
  int status = 0;
  rusage usage{};
  while (::wait4(child, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  result.processor_time = processor_time(usage);
  if (!exceeded.empty()) return fail(ErrorCode::kLimit, fmt::format("{} {}", name, exceeded));
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return fail(ErrorCode::kDenied,
                fmt::format("{} failed: {}", name, complaint.substr(0, complaint.find('\n'))));
  }
  return result;
}

}  // namespace faultline::probe_facts

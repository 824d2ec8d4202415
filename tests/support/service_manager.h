// What a service manager does to a daemon, for tests: the socket it listens on, the environment it
// gives, and a thread that hangs.
#pragma once

#include <dirent.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/catch.h"

namespace faultline::tests {

// A variable of this process, and of the children that it starts meanwhile.
class EnvironmentVariable {
 public:
  EnvironmentVariable(std::string name, const std::string& value) : name_(std::move(name)) {
    ::setenv(name_.c_str(), value.c_str(), 1);
  }
  ~EnvironmentVariable() { ::unsetenv(name_.c_str()); }
  EnvironmentVariable(const EnvironmentVariable&) = delete;
  EnvironmentVariable& operator=(const EnvironmentVariable&) = delete;

 private:
  const std::string name_;
};

// The datagram socket of sd_notify(3).
class NotifySocket {
 public:
  explicit NotifySocket(const std::filesystem::path& folder)
      : path_(folder / "notify"), socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.string().copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  ~NotifySocket() { ::close(socket_); }
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;

  [[nodiscard]] std::string path() const { return path_.string(); }

  // The next datagram; empty when none comes for so long.
  [[nodiscard]] std::optional<std::string> next(std::chrono::milliseconds patience) const {
    const auto microseconds = std::chrono::microseconds(patience).count();
    const timeval timeout{.tv_sec = microseconds / 1'000'000, .tv_usec = microseconds % 1'000'000};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    std::string text(64 << 10, '\0');
    const auto size = ::recv(socket_, text.data(), text.size(), 0);
    if (size < 0) return std::nullopt;
    text.resize(static_cast<std::size_t>(size));
    return text;
  }
  // The next datagram that holds `what`; the test fails after a time that only a hang can take.
  [[nodiscard]] std::string wait_for(const std::string& what) const {
    const auto guard = std::chrono::steady_clock::now() + std::chrono::seconds{90};
    while (std::chrono::steady_clock::now() < guard) {
      auto text = next(std::chrono::milliseconds{500});
      if (text && text->find(what) != std::string::npos) return *std::move(text);
    }
    FAIL("the service manager never heard " << what);
    return {};
  }
  // Until no more fits, as if the service manager had hung for long.
  void fill() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.string().copy(address.sun_path, sizeof address.sun_path - 1);
    const int sender = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    while (::sendto(sender, "FULL=1", 6, MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&address),
                    sizeof address) == 6) {
    }
    ::close(sender);
  }
  // That so often, from now on.
  void wait_for_more(const std::string& what, int times) const {
    drain();
    for (int i = 0; i < times; ++i) static_cast<void>(wait_for(what));
  }
  // Throws away what has come.
  void drain() const {
    while (next(std::chrono::milliseconds{1})) {
    }
  }
  // How often that came in this time.
  [[nodiscard]] int count(const std::string& what, std::chrono::milliseconds time) const {
    const auto end = std::chrono::steady_clock::now() + time;
    int seen = 0;
    for (auto now = std::chrono::steady_clock::now(); now < end;
         now = std::chrono::steady_clock::now()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - now);
      const auto text = next(left);
      if (text && text->find(what) != std::string::npos) ++seen;
    }
    return seen;
  }

 private:
  const std::filesystem::path path_;
  const int socket_;
};

// A process's thread by the name it has given itself; 0: there is none.
inline pid_t find_thread(pid_t process, const std::string& name) {
  const auto tasks = std::filesystem::path("/proc") / std::to_string(process) / "task";
  for (const auto& task : std::filesystem::directory_iterator(tasks)) {
    std::string found;
    std::getline(std::ifstream(task.path() / "comm"), found);
    if (found == name) return static_cast<pid_t>(std::stol(task.path().filename().string()));
  }
  return 0;
}

// Threads name themselves, and a listing may miss one while another ends: it is looked for again.
inline pid_t thread_named(pid_t process, const std::string& name) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (std::chrono::steady_clock::now() < deadline) {
    if (const auto thread = find_thread(process, name); thread > 0) return thread;
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  return 0;
}

// One thread of a child process that stands still, as if its disk hung; the others go on.
class FrozenThread {
 public:
  explicit FrozenThread(pid_t thread) : thread_(thread) {
    held_ = thread > 0 && ::ptrace(PTRACE_SEIZE, thread, nullptr, nullptr) == 0 &&
            ::ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr) == 0 &&
            ::waitpid(thread, nullptr, __WALL) == thread;
  }
  ~FrozenThread() { release(); }
  FrozenThread(const FrozenThread&) = delete;
  FrozenThread& operator=(const FrozenThread&) = delete;

  // False where this machine does not allow it.
  [[nodiscard]] bool held() const { return held_; }
  void release() {
    if (std::exchange(held_, false)) ::ptrace(PTRACE_DETACH, thread_, nullptr, nullptr);
  }

 private:
  const pid_t thread_;
  bool held_ = false;
};

}  // namespace faultline::tests

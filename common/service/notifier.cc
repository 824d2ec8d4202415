#include "common/service/notifier.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include <cstddef>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

namespace faultline::service {
namespace {

constexpr std::string_view kReady = "READY=1\n";

struct SocketAddress {
  sockaddr_un octets{};
  socklen_t size = 0;  // 0: none that a datagram can be sent to
};

// A path, or '@' and a name that is in no file system.
SocketAddress address_of(const std::string& socket) {
  SocketAddress address;
  if (socket.size() < 2 || socket.size() >= sizeof address.octets.sun_path) return address;
  const bool abstract = socket.front() == '@';
  if (!abstract && socket.front() != '/') return address;
  address.octets.sun_family = AF_UNIX;
  socket.copy(address.octets.sun_path, socket.size());
  if (abstract) address.octets.sun_path[0] = '\0';
  // The end of a path is told by a zero; that of an abstract name, which may hold zeros, is not.
  address.size =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket.size() + (abstract ? 0 : 1));
  return address;
}

// An assignment ends with its line.
std::string one_line(std::string_view text) {
  std::string line(text);
  for (char& character : line) {
    if (character == '\n' || character == '\r' || character == '\0') character = ' ';
  }
  return line;
}

}  // namespace

Notifier::Notifier() {
  const char* socket = std::getenv("NOTIFY_SOCKET");
  if (socket == nullptr || address_of(socket).size == 0) return;
  socket_ = socket;
  fd_ = net::UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  std::uint64_t microseconds = 0;
  if (::sd_watchdog_enabled(/*unset_environment=*/0, &microseconds) > 0) {
    watchdog_ = std::chrono::microseconds{static_cast<std::int64_t>(microseconds)};
  }
}

// The socket is not connected: a service manager that begins anew binds the path again.
void Notifier::send(std::string assignments) {
  if (!enabled()) return;
  if (ready_untold_ && !assignments.starts_with(kReady)) assignments.insert(0, kReady);
  const auto address = address_of(socket_);
  const auto sent =
      ::sendto(fd_.get(), assignments.data(), assignments.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&address.octets), address.size);
  const bool taken = sent == static_cast<ssize_t>(assignments.size());
  if (!taken) ++dropped_;
  if (assignments.starts_with(kReady)) ready_untold_ = !taken;
}

void Notifier::ready(std::string_view status) {
  send(fmt::format("{}STATUS={}", kReady, one_line(status)));
}

void Notifier::status(std::string_view status) { send(fmt::format("STATUS={}", one_line(status))); }

void Notifier::reloading(Instant now) {
  const auto since_boot =
      std::chrono::floor<std::chrono::microseconds>(now.time_since_epoch()).count();
  send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}\nSTATUS=reloading", since_boot));
}

void Notifier::stopping(std::string_view status) {
  ready_untold_ = false;  // it is too late
  send(fmt::format("STOPPING=1\nSTATUS={}", one_line(status)));
}

void Notifier::keep_alive() { send("WATCHDOG=1"); }

}  // namespace faultline::service

#include "controller/api/listen_socket.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace faultline::api {
namespace {

constexpr int kBacklog = 128;

struct Descriptor {
  int value = -1;

  explicit Descriptor(int number) : value(number) {}
  ~Descriptor() {
    if (value >= 0) ::close(value);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int release() { return std::exchange(value, -1); }
};

Descriptor unix_socket() {
  return Descriptor{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
}

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return fail(ErrorCode::kInvalid, fmt::format("the API socket path '{}' must have 1 to {} bytes",
                                                 path, sizeof(address.sun_path) - 1));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

// A file left by a process that died is removed; anything else stays.
Status remove_stale(const std::string& path, const sockaddr_un& address) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return {};
  if (!S_ISSOCK(info.st_mode)) {
    return fail(ErrorCode::kConflict,
                fmt::format("cannot listen on {}: the file exists and is no socket", path));
  }
  const auto probe = unix_socket();
  if (::connect(probe.value, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ||
      errno == EAGAIN) {
    return fail(ErrorCode::kConflict,
                fmt::format("cannot listen on {}: another process does", path));
  }
  if (errno != ECONNREFUSED) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("cannot find out who listens on {}: {}", path, std::strerror(errno)));
  }
  ::unlink(path.c_str());
  return {};
}

}  // namespace

Result<int> listen_unix(const std::string& path) {
  FAULTLINE_TRY(const auto address, address_of(path));
  FAULTLINE_TRY_STATUS(remove_stale(path, address));
  auto listener = unix_socket();
  // Nobody can connect before listen(), so the mode is right for the first one who can.
  if (listener.value < 0 ||
      ::bind(listener.value, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::chmod(path.c_str(), S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP) != 0 ||
      ::listen(listener.value, kBacklog) != 0) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("cannot listen on {}: {}", path, std::strerror(errno)));
  }
  return listener.release();
}

PeerCredentials peer_credentials(int descriptor) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return {.uid = static_cast<unsigned>(-1), .pid = 0};
  }
  return {.uid = credentials.uid, .pid = credentials.pid};
}

}  // namespace faultline::api

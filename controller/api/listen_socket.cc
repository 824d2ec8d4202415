#include "controller/api/listen_socket.h"

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <grp.h>
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
  if (!path.starts_with('/') || path.size() >= sizeof(address.sun_path)) {
    return fail(ErrorCode::kInvalid,
                fmt::format("the API socket path '{}' must begin with / and have at most {} bytes",
                            path, sizeof(address.sun_path) - 1));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

// Of no name: the value that makes chown() change nothing.
Result<gid_t> group_id(const std::string& name) {
  if (name.empty()) return static_cast<gid_t>(-1);
  std::vector<char> buffer(1U << 16);
  group entry{};
  group* found = nullptr;
  const int error = ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found != nullptr) return found->gr_gid;
  if (error == 0) {
    return fail(ErrorCode::kNotFound,
                fmt::format("there is no group '{}' for the API socket: make it with groupadd, or "
                            "change api.socket_group",
                            name));
  }
  return fail(ErrorCode::kUnavailable,
              fmt::format("cannot look up the group '{}': {}", name, std::strerror(error)));
}

Status give_to_group(const std::string& path, gid_t group) {
  if (::chown(path.c_str(), static_cast<uid_t>(-1), group) == 0) return {};
  return fail(ErrorCode::kDenied,
              fmt::format("cannot give {} to its group: {}", path, std::strerror(errno)));
}

// Nothing makes /run/faultline where the controller is not started by a service manager.
Status make_directory(const std::string& path, gid_t group) {
  const auto directory = path.substr(0, path.rfind('/'));
  if (directory.empty() || ::access(directory.c_str(), F_OK) == 0) return {};
  constexpr mode_t kMode = S_IRWXU | S_IRGRP | S_IXGRP;
  if (::mkdir(directory.c_str(), kMode) == 0 && ::chmod(directory.c_str(), kMode) == 0) {
    return give_to_group(directory, group);
  }
  return fail(ErrorCode::kUnavailable, fmt::format("cannot make {} for the API socket: {}",
                                                   directory, std::strerror(errno)));
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

Status check_listen_unix(const std::string& path, const std::string& group) {
  FAULTLINE_TRY_STATUS(address_of(path));
  FAULTLINE_TRY_STATUS(group_id(group));
  return {};
}

Result<int> listen_unix(const std::string& path, const std::string& group) {
  FAULTLINE_TRY(const auto address, address_of(path));
  FAULTLINE_TRY(const auto owners, group_id(group));
  FAULTLINE_TRY_STATUS(make_directory(path, owners));
  FAULTLINE_TRY_STATUS(remove_stale(path, address));
  auto listener = unix_socket();
  const auto failed = [&] {
    return fail(ErrorCode::kUnavailable,
                fmt::format("cannot listen on {}: {}", path, std::strerror(errno)));
  };
  if (listener.value < 0 ||
      ::bind(listener.value, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return failed();
  }
  // Nobody can connect before listen(), so group and mode are right for the first one who can.
  FAULTLINE_TRY_STATUS(give_to_group(path, owners));
  if (::chmod(path.c_str(), S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP) != 0 ||
      ::listen(listener.value, kBacklog) != 0) {
    return failed();
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

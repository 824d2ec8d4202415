// Ports for programs that a test configures first and starts later.
#pragma once

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include <fmt/format.h>

#include "tests/support/catch.h"

namespace faultline::tests {

// Slots of `width` ports, one behind the other. Below the kernel's own range (32768 and above), and
// disjoint between the folders that use them: tests/deploy has 18000 to 19999, tests/load 32000 to
// 32767.
struct PortSlots {
  std::uint16_t first = 0;
  std::uint16_t width = 1;
  unsigned count = 0;
};

// On every address of this machine.
inline bool port_is_free(int type, std::uint16_t port) {
  const int fd = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  const bool bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return bound;
}

// The file stays locked until this process ends, whatever becomes of the programs that it starts.
inline bool lock_slot(std::uint16_t port) {
  const auto file = std::filesystem::temp_directory_path() /
                    fmt::format("faultline-port-{}-{}.lock", ::getuid(), port);
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) return false;
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
  ::close(fd);
  return false;
}

// The first port of a slot that is free in TCP and UDP, and that no other call is given while this
// process lives, nor in any other process.
inline std::uint16_t claim_ports(const PortSlots& slots) {
  static unsigned calls = 0;  // so that most calls find theirs at once
  for (unsigned attempt = 0; attempt < slots.count; ++attempt) {
    const unsigned slot = (static_cast<unsigned>(::getpid()) * 7 + 131 * calls++) % slots.count;
    const auto first = static_cast<std::uint16_t>(slots.first + slot * slots.width);
    bool all_free = lock_slot(first);
    for (std::uint16_t i = 0; i < slots.width && all_free; ++i) {
      const auto port = static_cast<std::uint16_t>(first + i);
      all_free = port_is_free(SOCK_DGRAM, port) && port_is_free(SOCK_STREAM, port);
    }
    if (all_free) return first;
  }
  FAIL("no free ports on this machine");
  return 0;
}

}  // namespace faultline::tests

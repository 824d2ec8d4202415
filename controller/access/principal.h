// Principal: who asks, how that is known, and what he may do.
#pragma once

#include <cstdint>
#include <string>

#include "controller/access/role.h"

namespace faultline::access {

// What the kernel says of the other end of a unix socket (SO_PEERCRED).
struct UnixPeer {
  std::uint32_t uid = static_cast<std::uint32_t>(-1);
  std::int32_t pid = 0;
};

struct Principal {
  std::string name;  // "uid 1000", "token grafana"
  std::string peer;  // "pid 4711", "192.0.2.7:40112"
  Role role = Role::kViewer;

  bool operator==(const Principal&) const = default;
};

// The file permissions of the socket let in whom they name: root and the controller's own user are
// admin, everybody else (the members of its group) is operator. A peer that the kernel would not
// name can do no more than read.
[[nodiscard]] Principal principal_of(const UnixPeer& peer, std::uint32_t controller_uid);

}  // namespace faultline::access

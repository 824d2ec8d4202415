#include "controller/access/principal.h"

#include <fmt/format.h>

namespace faultline::access {

Principal principal_of(const UnixPeer& peer, std::uint32_t controller_uid) {
  Principal principal{.name = fmt::format("uid {}", peer.uid),
                      .peer = fmt::format("pid {}", peer.pid),
                      .role = Role::kOperator};
  if (peer.uid == 0 || peer.uid == controller_uid) principal.role = Role::kAdmin;
  if (peer.uid == UnixPeer{}.uid) {
    principal.name = "uid unknown";
    principal.role = Role::kViewer;
  }
  return principal;
}

}  // namespace faultline::access

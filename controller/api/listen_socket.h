// The listening unix socket: made with the right permissions, and never taken from a living owner.
#pragma once

#include <string>

#include "common/base/result.h"

namespace faultline::api {

struct PeerCredentials {
  unsigned uid = 0;
  int pid = 0;
};

// A bound, listening, non-blocking descriptor; the socket file has mode 0660. kConflict when
// another process listens on `path` or it is no socket, kInvalid when the path is too long.
[[nodiscard]] Result<int> listen_unix(const std::string& path);
[[nodiscard]] PeerCredentials peer_credentials(int descriptor);

}  // namespace faultline::api

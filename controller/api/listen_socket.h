// The listening unix socket: made with the right permissions, and never taken from a living owner.
#pragma once

#include <string>

#include "common/base/result.h"

namespace faultline::api {

struct PeerCredentials {
  unsigned uid = 0;
  int pid = 0;
};

// A bound, listening, non-blocking descriptor; the socket file has mode 0660 and, unless it is
// empty, this group. A missing directory (the last one of the path) is made for the same users,
// mode 0750. kConflict when another process listens on `path` or it is no socket, kInvalid when the
// path is not absolute or too long, kNotFound when there is no such group.
[[nodiscard]] Result<int> listen_unix(const std::string& path, const std::string& group = {});
// The checks of listen_unix() that change nothing.
[[nodiscard]] Status check_listen_unix(const std::string& path, const std::string& group);
[[nodiscard]] PeerCredentials peer_credentials(int descriptor);

}  // namespace faultline::api

// NetlinkSocket: dumps of the kernel's tables, bounded in time and size.
//
// Thread safety: none; blocks its caller, for kDumpPatience at most per wait.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/base/time.h"
#include "probe/facts/attributes.h"

struct mnl_socket;

namespace faultline::probe_facts {

inline constexpr Duration kDumpPatience = std::chrono::seconds{2};

// What is asked: a message type and the family's own header.
struct DumpRequest {
  std::uint16_t type = 0;  // RTM_GETLINK, ...
  Bytes header{};          // ifinfomsg, rtmsg, ...; borrowed
  bool strict = false;     // the kernel is to heed the header (NETLINK_GET_STRICT_CHK)
};

// What a dump was: `cut` when it was not read to its end.
struct DumpOutcome {
  std::uint64_t messages = 0;
  bool cut = false;
};

class NetlinkSocket {
 public:
  // NETLINK_ROUTE, NETLINK_SOCK_DIAG.
  [[nodiscard]] static Result<NetlinkSocket> open(int protocol);

  // Hands over each message of the answer until there are no more, or `messages_max` were read: the
  // socket is then of no further use. Lifetime: a message lives for its call.
  [[nodiscard]] Result<DumpOutcome> dump(const DumpRequest& request, std::uint64_t messages_max,
                                         const std::function<void(Bytes)>& on_message);

 private:
  struct Close {
    void operator()(mnl_socket* socket) const;
  };
  explicit NetlinkSocket(std::unique_ptr<mnl_socket, Close> socket) : socket_(std::move(socket)) {}

  std::unique_ptr<mnl_socket, Close> socket_;
  std::uint32_t sequence_ = 0;
};

}  // namespace faultline::probe_facts

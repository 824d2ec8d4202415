// Endpoint to and from the kernel's sockaddr.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <optional>

#include "common/model/address.h"

namespace faultline::net {

union SocketAddress {
  sockaddr generic;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

// Returns the length of what it wrote.
socklen_t to_socket_address(const Endpoint& endpoint, SocketAddress& out);
// Empty for families other than IPv4 and IPv6.
[[nodiscard]] std::optional<Endpoint> from_socket_address(const sockaddr& address);

}  // namespace faultline::net

#include "controller/api/tcp_socket.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/net/socket_address.h"

namespace faultline::api {
namespace {

constexpr int kBacklog = 128;

IpAddress unmapped(const IpAddress& address) {
  constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const auto& bytes = address.bytes();
  if (address.is_v4() || !std::equal(kMapped.begin(), kMapped.end(), bytes.begin())) {
    return address;
  }
  return IpAddress::v4(static_cast<std::uint32_t>(bytes[12]) << 24 |
                       static_cast<std::uint32_t>(bytes[13]) << 16 |
                       static_cast<std::uint32_t>(bytes[14]) << 8 | bytes[15]);
}

Endpoint endpoint_of(int descriptor, int (*name)(int, sockaddr*, socklen_t*)) {
  net::SocketAddress address{};
  socklen_t size = sizeof(address);
  if (name(descriptor, &address.generic, &size) != 0) return {};
  auto endpoint = net::from_socket_address(address.generic).value_or(Endpoint{});
  endpoint.address = unmapped(endpoint.address);
  return endpoint;
}

int getsockname_of(int descriptor, sockaddr* address, socklen_t* size) {
  return ::getsockname(descriptor, address, size);
}
int getpeername_of(int descriptor, sockaddr* address, socklen_t* size) {
  return ::getpeername(descriptor, address, size);
}

}  // namespace

Result<Endpoint> parse_listen_endpoint(const std::string& text) {
  const auto refuse = [&] {
    return fail(
        ErrorCode::kInvalid,
        fmt::format("\"{}\" is not an address and port such as 0.0.0.0:7443 or [::]:7443", text));
  };
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return refuse();
  auto host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  std::uint16_t port = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, port);
  if (!address || address->is_v4() == bracketed || error != std::errc{} || stop != end) {
    return refuse();
  }
  return Endpoint{*address, port};
}

Result<int> listen_tcp(const Endpoint& endpoint) {
  net::SocketAddress address{};
  const auto size = net::to_socket_address(endpoint, address);
  const int descriptor =
      ::socket(address.generic.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int on = 1;
  const int off = 0;
  if (descriptor >= 0) {
    ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (!endpoint.address.is_v4()) {
      ::setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    }
    if (::bind(descriptor, &address.generic, size) == 0 && ::listen(descriptor, kBacklog) == 0) {
      return descriptor;
    }
  }
  const int error = errno;
  if (descriptor >= 0) ::close(descriptor);
  return fail(ErrorCode::kUnavailable, fmt::format("cannot listen on {} for the API (api.tls): {}",
                                                   to_string(endpoint), std::strerror(error)));
}

Endpoint local_endpoint(int descriptor) { return endpoint_of(descriptor, getsockname_of); }
Endpoint peer_endpoint(int descriptor) { return endpoint_of(descriptor, getpeername_of); }

}  // namespace faultline::api

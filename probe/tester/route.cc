#include "probe/tester/route.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include "common/net/socket_address.h"
#include "common/net/unique_fd.h"

namespace faultline::tester {
namespace {

constexpr std::size_t kMessageMax = 4096;

struct Buffer {
  alignas(nlmsghdr) std::array<char, kMessageMax> octets{};

  nlmsghdr& header() { return *reinterpret_cast<nlmsghdr*>(octets.data()); }
  void append(std::uint16_t type, const IpAddress& address) {
    const std::size_t size = address.is_v4() ? 4 : 16;
    auto* at = reinterpret_cast<rtattr*>(octets.data() + NLMSG_ALIGN(header().nlmsg_len));
    at->rta_type = type;
    at->rta_len = static_cast<std::uint16_t>(RTA_LENGTH(size));
    std::memcpy(RTA_DATA(at), address.bytes().data(), size);
    header().nlmsg_len =
        static_cast<std::uint32_t>(NLMSG_ALIGN(header().nlmsg_len) + RTA_ALIGN(at->rta_len));
  }
};

// The outgoing interface's index; a negative errno when there is no route.
int outgoing_interface(const IpAddress& target, const IpAddress& source) {
  const net::UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd.valid()) return -errno;
  Buffer request;
  request.header() = {.nlmsg_len = NLMSG_LENGTH(sizeof(rtmsg)),
                      .nlmsg_type = RTM_GETROUTE,
                      .nlmsg_flags = NLM_F_REQUEST,
                      .nlmsg_seq = 1,
                      .nlmsg_pid = 0};
  auto& route = *static_cast<rtmsg*>(NLMSG_DATA(&request.header()));
  route.rtm_family = static_cast<unsigned char>(target.is_v4() ? AF_INET : AF_INET6);
  route.rtm_dst_len = target.is_v4() ? 32 : 128;
  request.append(RTA_DST, target);
  if (!source.is_unspecified()) {
    route.rtm_src_len = route.rtm_dst_len;
    request.append(RTA_SRC, source);
  }
  if (::send(fd.get(), request.octets.data(), request.header().nlmsg_len, 0) < 0) return -errno;
  Buffer answer;
  const auto got = ::recv(fd.get(), answer.octets.data(), answer.octets.size(), 0);
  if (got < static_cast<ssize_t>(sizeof(nlmsghdr))) return -EIO;
  if (answer.header().nlmsg_type == NLMSG_ERROR) {
    return static_cast<const nlmsgerr*>(NLMSG_DATA(&answer.header()))->error;
  }
  auto left = static_cast<int>(answer.header().nlmsg_len - NLMSG_LENGTH(sizeof(rtmsg)));
  auto* attribute = RTM_RTA(static_cast<rtmsg*>(NLMSG_DATA(&answer.header())));
  for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
    if (attribute->rta_type != RTA_OIF) continue;
    int index = 0;
    std::memcpy(&index, RTA_DATA(attribute), sizeof index);
    return index;
  }
  return -ENODEV;
}

Result<IpAddress> source_address(const IpAddress& target) {
  const int family = target.is_v4() ? AF_INET : AF_INET6;
  const net::UniqueFd fd(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  net::SocketAddress address{};
  auto length = net::to_socket_address({target, 9}, address);
  if (!fd.valid() || ::connect(fd.get(), &address.generic, length) != 0) {
    return fail(ErrorCode::kUnavailable, fmt::format("this machine has no route to {}: {}",
                                                     target.to_string(), std::strerror(errno)));
  }
  length = sizeof address;
  ::getsockname(fd.get(), &address.generic, &length);
  return net::from_socket_address(address.generic)->address;
}

}  // namespace

Result<Route> route_to(const IpAddress& target, const IpAddress& source) {
  Route route{.source = source};
  if (source.is_unspecified()) {
    FAULTLINE_TRY(route.source, source_address(target));
  }
  const int index = outgoing_interface(target, source);
  if (index < 0) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("this machine has no route to {} from {}: {}", target.to_string(),
                            route.source.to_string(), std::strerror(-index)));
  }
  ifreq request{};
  const net::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (::if_indextoname(static_cast<unsigned>(index), request.ifr_name) == nullptr ||
      ::ioctl(fd.get(), SIOCGIFMTU, &request) != 0) {
    return fail(ErrorCode::kUnavailable, fmt::format("cannot read the MTU of interface {}: {}",
                                                     index, std::strerror(errno)));
  }
  route.interface = request.ifr_name;
  route.mtu = static_cast<std::uint16_t>(std::clamp(request.ifr_mtu, 0, 65535));
  return route;
}

}  // namespace faultline::tester

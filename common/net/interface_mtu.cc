#include "common/net/interface_mtu.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>
#include <memory>

#include "common/net/socket_address.h"
#include "common/net/unique_fd.h"

namespace faultline::net {

std::optional<std::uint32_t> interface_mtu(const IpAddress& address) {
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return std::nullopt;
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> all(first, freeifaddrs);
  for (const auto* it = first; it != nullptr; it = it->ifa_next) {
    if (it->ifa_addr == nullptr) continue;
    const auto found = from_socket_address(*it->ifa_addr);
    if (!found || found->address != address) continue;
    const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strncpy(request.ifr_name, it->ifa_name, sizeof request.ifr_name - 1);
    if (!fd.valid() || ioctl(fd.get(), SIOCGIFMTU, &request) != 0) return std::nullopt;
    return static_cast<std::uint32_t>(request.ifr_mtu);
  }
  return std::nullopt;
}

}  // namespace faultline::net

#include "probe/capture/interfaces.h"

#include <ifaddrs.h>
#include <net/if.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>

namespace faultline::capture {

std::vector<std::string> interfaces_to_listen(const std::string& of_route) {
  std::vector<std::string> names{of_route};
  ifaddrs* raw = nullptr;
  if (::getifaddrs(&raw) != 0) return names;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> all(raw, &::freeifaddrs);
  for (const auto* at = all.get(); at != nullptr; at = at->ifa_next) {
    const std::string name = at->ifa_name;
    const bool up = (at->ifa_flags & IFF_UP) != 0 && (at->ifa_flags & IFF_LOOPBACK) == 0;
    if (!up || names.size() >= kListenedMax || std::ranges::find(names, name) != names.end()) {
      continue;
    }
    std::error_code ignored;
    if (std::filesystem::exists("/sys/class/net/" + name + "/master", ignored)) continue;
    names.push_back(name);
  }
  return names;
}

}  // namespace faultline::capture

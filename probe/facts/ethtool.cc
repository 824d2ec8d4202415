#include "probe/facts/ethtool.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace faultline::probe_facts {
namespace {

struct Offload {
  const char* name;
  std::uint32_t command;
  std::uint32_t bit;  // of the answer
};

constexpr std::array kOffloads{Offload{"rx_checksum", ETHTOOL_GRXCSUM, 1},
                               Offload{"tx_checksum", ETHTOOL_GTXCSUM, 1},
                               Offload{"tso", ETHTOOL_GTSO, 1},
                               Offload{"gso", ETHTOOL_GGSO, 1},
                               Offload{"gro", ETHTOOL_GGRO, 1},
                               Offload{"lro", ETHTOOL_GFLAGS, ETH_FLAG_LRO}};

template <std::size_t kSize>
std::optional<std::string> text(const char (&field)[kSize]) {
  const std::string result(field, ::strnlen(field, kSize));
  return result.empty() || result == "N/A" ? std::nullopt : std::optional(result);
}

// The masks of link modes follow the structure: three, of at most 127 words each.
constexpr std::size_t kLinkSettingsSize = sizeof(ethtool_link_settings) + 3 * 127 * sizeof(__u32);

}  // namespace

Result<Ethtool> Ethtool::open() {
  net::UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("no socket for ethtool: {}", std::strerror(errno)));
  }
  return Ethtool(std::move(socket));
}

void Ethtool::describe(facts::Interface& interface) const {
  if (interface.loopback || interface.name.size() >= IFNAMSIZ) return;
  read_driver(interface);
  read_speed(interface);
  read_offloads(interface);
}

bool Ethtool::ask(const std::string& interface, void* question) const {
  ifreq request{};
  std::memcpy(request.ifr_name, interface.data(),
              std::min<std::size_t>(interface.size(), IFNAMSIZ - 1));
  request.ifr_data = static_cast<char*>(question);
  return ::ioctl(socket_.get(), SIOCETHTOOL, &request) == 0;
}

void Ethtool::read_driver(facts::Interface& interface) const {
  ethtool_drvinfo info{};
  info.cmd = ETHTOOL_GDRVINFO;
  if (!ask(interface.name, &info)) return;
  interface.driver = text(info.driver);
  if (auto bus = text(info.bus_info)) interface.bus = std::move(bus);
}

// Asked twice: the first answer is how many words the masks have, as a negative number.
void Ethtool::read_speed(facts::Interface& interface) const {
  alignas(ethtool_link_settings) std::array<std::byte, kLinkSettingsSize> buffer{};
  ethtool_link_settings settings{};
  const auto exchange = [&] {
    settings.cmd = ETHTOOL_GLINKSETTINGS;
    std::memcpy(buffer.data(), &settings, sizeof settings);
    if (!ask(interface.name, buffer.data())) return false;
    std::memcpy(&settings, buffer.data(), sizeof settings);
    return true;
  };
  if (!exchange() || settings.link_mode_masks_nwords >= 0) return;
  const auto words = static_cast<__s8>(-settings.link_mode_masks_nwords);
  settings = {};
  settings.link_mode_masks_nwords = words;
  if (!exchange()) return;
  const bool known = settings.speed != 0 && settings.speed != static_cast<__u32>(SPEED_UNKNOWN);
  if (known) interface.speed_mbps = settings.speed;
  if (settings.duplex == DUPLEX_FULL) interface.duplex = "full";
  if (settings.duplex == DUPLEX_HALF) interface.duplex = "half";
}

void Ethtool::read_offloads(facts::Interface& interface) const {
  for (const auto& offload : kOffloads) {
    ethtool_value value{};
    value.cmd = offload.command;
    if (ask(interface.name, &value)) {
      interface.offloads[offload.name] = (value.data & offload.bit) != 0;
    }
  }
}

}  // namespace faultline::probe_facts

#include "probe/app/check.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <utility>

#include <fmt/format.h>

namespace faultline::probe_app {
namespace {

constexpr std::uint32_t kMtuUsual = 1500;
constexpr std::uint32_t kMtuLeast = 1280;  // IPv6's, and what the largest measurement packet needs
constexpr std::uint64_t kReceiveBuffer = 1 << 20;  // that the engine asks for
constexpr unsigned kCapNetAdmin = 12;  // capability.h of Linux, which is no header of pure code
constexpr unsigned kCapNetRaw = 13;
constexpr Duration kClockErrorMax = std::chrono::milliseconds{100};

using Lines = std::vector<CheckLine>;

void ok(Lines& lines, const char* what, std::string text) {
  lines.push_back({CheckLevel::kOk, what, std::move(text), {}});
}
void warn(Lines& lines, const char* what, std::string text, std::string remedy) {
  lines.push_back({CheckLevel::kWarn, what, std::move(text), std::move(remedy)});
}
void wrong(Lines& lines, const char* what, std::string text, std::string remedy) {
  lines.push_back({CheckLevel::kFail, what, std::move(text), std::move(remedy)});
}

void check_state(Lines& lines, const MachineSeen& seen) {
  if (!seen.state_dir_failure.empty()) {
    return wrong(lines, "state",
                 fmt::format("{} cannot be used: {}", seen.state_dir, seen.state_dir_failure),
                 "run this as the probe's user, or set state_dir to a folder of its own");
  }
  if (seen.disk_free < seen.spool_size_max) {
    return warn(lines, "state",
                fmt::format("{} MiB are free at {}, less than the {} MiB of spool.size_max",
                            seen.disk_free >> 20, seen.state_dir, seen.spool_size_max >> 20),
                "free space, or lower spool.size_max");
  }
  ok(lines, "state",
     fmt::format("{} can be written, {} MiB are free", seen.state_dir, seen.disk_free >> 20));
}

void check_address(Lines& lines, const MachineSeen& seen) {
  const auto address = seen.profile.address.to_string();
  if (seen.interface.empty()) {
    return wrong(lines, "address", fmt::format("no interface has {}", address),
                 "set address to one of `ip -brief address`");
  }
  ok(lines, "address", fmt::format("{} is on {}", address, seen.interface));
  if (seen.mtu < kMtuLeast) {
    wrong(lines, "mtu",
          fmt::format("{} has an MTU of {}: full-size measurement packets do not leave",
                      seen.interface, seen.mtu),
          fmt::format("ip link set {} mtu {}", seen.interface, kMtuUsual));
  } else if (seen.mtu < kMtuUsual) {
    warn(lines, "mtu",
         fmt::format("{} has an MTU of {}, less than Ethernet's {}", seen.interface, seen.mtu,
                     kMtuUsual),
         "mend it where it is no tunnel or overlay");
  } else {
    ok(lines, "mtu", fmt::format("{} has an MTU of {}", seen.interface, seen.mtu));
  }
}

void check_port(Lines& lines, const MachineSeen& seen, const PortSeen& port) {
  const auto name = fmt::format("{} {}/{}", port.name, port.port, port.tcp ? "tcp" : "udp");
  if (port.error == 0) return ok(lines, "ports", name + " is free");
  if (port.error == EADDRINUSE && seen.probe_runs) {
    return ok(lines, "ports", name + " is taken, as it should: a probe runs here");
  }
  if (port.error == EADDRINUSE) {
    return wrong(lines, "ports", name + " is taken by another program",
                 fmt::format("ss -lnp{} sport = :{}", port.tcp ? "t" : "u", port.port));
  }
  if (port.error == EACCES) {
    return wrong(lines, "ports", name + " may not be opened: it is below 1024",
                 "give the probe CAP_NET_BIND_SERVICE (the unit file does), or set another port");
  }
  wrong(lines, "ports", fmt::format("{} cannot be opened: {}", name, std::strerror(port.error)),
        "set another port");
}

void check_ports(Lines& lines, const MachineSeen& seen) {
  for (const auto& port : seen.ports) check_port(lines, seen, port);
  const std::uint32_t first = seen.profile.source_port_first;
  const std::uint32_t last = first + seen.profile.source_port_count - 1;
  if (!seen.ephemeral_first || !seen.ephemeral_last) {
    return warn(lines, "ports", "net.ipv4.ip_local_port_range cannot be read",
                "look at it as root");
  }
  if (first <= *seen.ephemeral_last && last >= *seen.ephemeral_first) {
    return warn(lines, "ports",
                fmt::format("the source ports {}-{} are among those that programs get ({}-{}): one "
                            "may be taken at the next start",
                            first, last, *seen.ephemeral_first, *seen.ephemeral_last),
                fmt::format("sysctl -w net.ipv4.ip_local_reserved_ports={}-{}, or set ports.first",
                            first, last));
  }
  ok(lines, "ports",
     fmt::format("the source ports {}-{} are outside of those that programs get", first, last));
}

void check_kernel(Lines& lines, const MachineSeen& seen) {
  if (!seen.receive_buffer_max) {
    warn(lines, "sysctls", "net.core.rmem_max cannot be read", "look at it as root");
  } else if (*seen.receive_buffer_max < kReceiveBuffer) {
    warn(lines, "sysctls",
         fmt::format("net.core.rmem_max is {}: bursts of replies may be lost on this host and "
                     "counted as its own trouble",
                     *seen.receive_buffer_max),
         fmt::format("sysctl -w net.core.rmem_max={}", kReceiveBuffer));
  } else {
    ok(lines, "sysctls", fmt::format("net.core.rmem_max is {}", *seen.receive_buffer_max));
  }
  if (seen.may_echo) {
    ok(lines, "icmp", "`test ping` by ICMP may be ordered");
  } else {
    warn(lines, "icmp", "`test ping` and `test mtu` by ICMP cannot be carried out here",
         "sysctl -w net.ipv4.ping_group_range=\"0 2147483647\", or CAP_NET_RAW for the probe");
  }
}

// What goes beyond measuring, which needs CAP_NET_BIND_SERVICE at most (the ports above).
void check_capabilities(Lines& lines, const MachineSeen& seen) {
  if (!seen.capabilities) {
    return warn(lines, "privileges", "what this process may do cannot be read",
                "look at CapEff in /proc/self/status");
  }
  const auto has = [&](unsigned capability) { return (*seen.capabilities >> capability & 1) != 0; };
  if (has(kCapNetRaw)) {
    ok(lines, "privileges", "CAP_NET_RAW is there: captures, and ICMP echo whatever the sysctl");
  } else {
    warn(
        lines, "privileges",
        "CAP_NET_RAW is missing: `faultline capture` cannot be ordered here, and ICMP echo only by "
        "net.ipv4.ping_group_range",
        "only where captures are wanted: systemctl edit faultline-probe, with CAP_NET_RAW in "
        "CapabilityBoundingSet= and AmbientCapabilities=, and "
        "RestrictAddressFamilies=AF_PACKET");
  }
  if (has(kCapNetAdmin)) {
    ok(lines, "privileges", "CAP_NET_ADMIN is there: the facts tell the firewall's rules");
  } else {
    warn(lines, "privileges",
         "CAP_NET_ADMIN is missing: the facts say nothing of the firewall, so that no rule of it "
         "is found at fault",
         "only where that is wanted: systemctl edit faultline-probe, with CAP_NET_ADMIN in "
         "CapabilityBoundingSet= and AmbientCapabilities= (it may then change rules, too)");
  }
}

void check_clock(Lines& lines, const MachineSeen& seen) {
  constexpr const char* kRemedy = "run chrony, ntpd, systemd-timesyncd or ptp4l with phc2sys";
  if (!seen.clock) return warn(lines, "clock", "the kernel does not say how the clock is", kRemedy);
  if (!seen.clock->synchronized) {
    return warn(lines, "clock",
                "nothing sets the clock: one-way delays mean nothing, and windows shift", kRemedy);
  }
  if (seen.clock->error_max > kClockErrorMax) {
    return warn(lines, "clock",
                fmt::format("the clock is set, but may be wrong by {}",
                            format_duration(seen.clock->error_max)),
                "look at `chronyc tracking` or `timedatectl timesync-status`");
  }
  ok(lines, "clock",
     fmt::format("the clock is set, wrong by {} at most", format_duration(seen.clock->error_max)));
}

void check_controllers(Lines& lines, const MachineSeen& seen) {
  if (!seen.joined && !seen.has_token && seen.controllers.empty()) {
    wrong(lines, "controller", "this node has not joined, and has no token to join with",
          "faultline node token create --node NAME, and put it into token_file");
  } else if (!seen.joined) {
    ok(lines, "controller", "this node has not joined yet; it has what it needs for it");
  }
  std::size_t reached = 0;
  for (const auto& controller : seen.controllers) reached += controller.failure.empty() ? 1 : 0;
  for (const auto& controller : seen.controllers) {
    if (controller.failure.empty()) {
      ok(lines, "controller",
         fmt::format(
             "{} takes connections ({})", controller.endpoint,
             format_duration(std::chrono::ceil<std::chrono::milliseconds>(controller.took))));
      continue;
    }
    auto text = fmt::format("{} cannot be reached: {}", controller.endpoint, controller.failure);
    constexpr const char* kRemedy = "look whether the controller runs, and for firewalls between";
    if (reached > 0) {
      warn(lines, "controller", std::move(text), kRemedy);
    } else {
      wrong(lines, "controller", std::move(text), kRemedy);
    }
  }
}

}  // namespace

std::string_view mark(CheckLevel level) {
  switch (level) {
    case CheckLevel::kOk:
      return "[ok]";
    case CheckLevel::kWarn:
      return "[warn]";
    case CheckLevel::kFail:
      break;
  }
  return "[fail]";
}

std::optional<std::uint64_t> parse_capabilities(std::string_view status) {
  constexpr std::string_view kName = "\nCapEff:\t";
  const auto at = status.find(kName);
  if (at == std::string_view::npos) return std::nullopt;
  const auto rest = status.substr(at + kName.size());
  const auto digits = rest.substr(0, rest.find('\n'));
  std::uint64_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

std::vector<CheckLine> check(const MachineSeen& seen) {
  Lines lines;
  check_state(lines, seen);
  check_address(lines, seen);
  check_ports(lines, seen);
  check_kernel(lines, seen);
  check_capabilities(lines, seen);
  check_clock(lines, seen);
  check_controllers(lines, seen);
  return lines;
}

}  // namespace faultline::probe_app

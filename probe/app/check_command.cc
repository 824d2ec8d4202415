#include "probe/app/check_command.h"

#include <sys/timex.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/config/document.h"
#include "common/net/udp_socket.h"
#include "common/ondemand/order.h"
#include "probe/app/config.h"
#include "probe/app/health.h"
#include "probe/app/state_dir.h"
#include "probe/tester/icmp_socket.h"
#include "probe/tester/route.h"
#include "probe/tester/run.h"

namespace faultline::probe_app {
namespace {

using Grade = CheckItem::Grade;
using Json = nlohmann::ordered_json;

constexpr std::uint16_t kMtuUsual = 1500;
constexpr std::uint16_t kMtuMin = 1280;         // RFC 8200; below, IPv6 does not work
constexpr long kReceiveBufferWanted = 1 << 20;  // octets; net::UdpSocketOptions asks for as much
constexpr double kClockErrorMax = 0.1;          // seconds; windows are compared between nodes

std::string_view to_string(Grade grade) {
  constexpr std::array<std::string_view, 3> kNames{"ok", "warn", "fail"};
  return kNames.at(static_cast<std::size_t>(grade));
}

std::optional<std::string> read_line(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  return line;
}

// Of a probe that runs here already: it holds the ports.
bool probe_runs(const ProbeConfig& config) {
  std::ifstream file(config.state_dir / kHealthFile);
  const std::string json{std::istreambuf_iterator<char>(file), {}};
  const auto record = parse_health(json, "health.json");
  return record && std::filesystem::exists(fmt::format("/proc/{}", record->pid));
}

CheckItem check_ports(const ProbeConfig& config) {
  const auto& profile = config.profile;
  if (probe_runs(config)) return {Grade::kOk, "ports", "the probe that runs here holds them"};
  std::vector<std::uint16_t> ports{profile.reflector_port};
  for (std::uint16_t i = 0; i < profile.source_port_count; ++i) {
    ports.push_back(static_cast<std::uint16_t>(profile.source_port_first + i));
  }
  for (const auto port : ports) {
    const auto socket = net::UdpSocket::open({.local = {profile.address, port}});
    if (!socket) return {Grade::kFail, "ports", socket.error().context};
  }
  return {Grade::kOk, "ports",
          fmt::format("UDP {} and {} to {} of {} are free", profile.reflector_port,
                      profile.source_port_first, ports.back(), profile.address.to_string())};
}

CheckItem check_local_ports(const ProbeConfig& config) {
  const auto line = read_line("/proc/sys/net/ipv4/ip_local_port_range");
  unsigned first = 0, last = 0;
  if (!line || std::sscanf(line->c_str(), "%u %u", &first, &last) != 2) {
    return {Grade::kWarn, "local ports", "net.ipv4.ip_local_port_range cannot be read"};
  }
  const unsigned begin = config.profile.source_port_first;
  const unsigned end = begin + config.profile.source_port_count - 1U;
  if (end < first || begin > last) {
    return {Grade::kOk, "local ports", fmt::format("{} to {} are outside of ours", first, last)};
  }
  return {Grade::kWarn, "local ports",
          fmt::format("net.ipv4.ip_local_port_range ({} to {}) overlaps ports {} to {}: another "
                      "program may be given one of them; set it apart or change ports.first",
                      first, last, begin, end)};
}

CheckItem check_receive_buffer() {
  const auto line = read_line("/proc/sys/net/core/rmem_max");
  const long most = line ? std::strtol(line->c_str(), nullptr, 10) : 0;
  if (most >= kReceiveBufferWanted) {
    return {Grade::kOk, "receive buffer", fmt::format("net.core.rmem_max is {}", most)};
  }
  return {Grade::kWarn, "receive buffer",
          fmt::format("net.core.rmem_max is {}: replies may be lost on this machine when it is "
                      "busy; set it to {} or more",
                      most, kReceiveBufferWanted)};
}

CheckItem check_icmp(const ProbeConfig& config) {
  const auto socket = tester::IcmpSocket::open(
      {.target = config.profile.address, .source = config.profile.address});
  if (!socket) return {Grade::kWarn, "ICMP tests", socket.error().context};
  return {Grade::kOk, "ICMP tests",
          (*socket)->raw() ? "by a raw socket (CAP_NET_RAW)" : "by a datagram socket"};
}

CheckItem check_clock() {
  timex clock{};
  const int state = ::adjtimex(&clock);
  const double error = static_cast<double>(clock.maxerror) / 1e6;
  if (state == TIME_ERROR || (clock.status & STA_UNSYNC) != 0) {
    return {Grade::kWarn, "clock",
            "not synchronized: one-way delays mean nothing, and windows may not fit those of other "
            "nodes; run chrony, ntpd, systemd-timesyncd or ptp4l with phc2sys"};
  }
  if (error > kClockErrorMax) {
    return {Grade::kWarn, "clock", fmt::format("synchronized, to {:.0f} ms only", error * 1e3)};
  }
  return {Grade::kOk, "clock", fmt::format("synchronized, to {:.1f} ms", error * 1e3)};
}

CheckItem check_mtu(const IpAddress& target, const ProbeConfig& config) {
  const auto route = tester::route_to(target, config.profile.address);
  if (!route) return {Grade::kFail, "route", route.error().context};
  const auto text =
      fmt::format("to {} by {}, MTU {}", target.to_string(), route->interface, route->mtu);
  if (route->mtu < kMtuMin) return {Grade::kFail, "MTU", text + ": too small for IPv6"};
  if (route->mtu < kMtuUsual) return {Grade::kWarn, "MTU", text + ": less than usual"};
  return {Grade::kOk, "MTU", text};
}

// "tcp://192.0.2.10:7400", "tcp://[2001:db8::1]:7400"; empty for names and anything else.
std::optional<Endpoint> parse_endpoint(std::string_view text) {
  if (!text.starts_with("tcp://")) return std::nullopt;
  text.remove_prefix(6);
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  const auto port = std::strtoul(std::string(text.substr(colon + 1)).c_str(), nullptr, 10);
  if (!address || port == 0 || port > 65535) return std::nullopt;
  return Endpoint{*address, static_cast<std::uint16_t>(port)};
}

std::vector<std::string> controllers_of(const ProbeConfig& config) {
  std::vector<std::string> endpoints;
  for (const auto& controller : config.controllers) endpoints.push_back(controller.endpoint);
  if (!std::filesystem::exists(config.state_dir / "membership.yaml")) return endpoints;
  const auto state = StateDir::open(config.state_dir);
  if (!state) return endpoints;
  const auto membership = state->load_membership();
  if (membership && *membership) {
    endpoints.insert(endpoints.end(), (*membership)->endpoints.begin(),
                     (*membership)->endpoints.end());
  }
  return endpoints;
}

void check_controllers(const ProbeConfig& config, std::vector<CheckItem>& items) {
  const auto endpoints = controllers_of(config);
  if (endpoints.empty()) {
    items.push_back(
        {Grade::kWarn, "controller",
         "not joined, and none is configured: its token names them at the first start"});
  }
  bool reached = false;
  const auto first = items.size();
  for (const auto& text : endpoints) {
    const auto endpoint = parse_endpoint(text);
    if (!endpoint) {
      items.push_back({Grade::kWarn, "controller", text + " is not tested: it is no address"});
      continue;
    }
    items.push_back(check_mtu(endpoint->address, config));
    const auto report = tester::run_test({.kind = ondemand::TestKind::kPort,
                                          .method = ondemand::Method::kTcp,
                                          .target = *endpoint,
                                          .count = 2},
                                         {});
    if (!report) {
      items.push_back({Grade::kWarn, "controller", text + ": " + report.error().context});
      continue;
    }
    const bool open = (*report)["answered"].get<int>() > 0;
    reached = reached || open;
    items.push_back({open ? Grade::kOk : Grade::kWarn, "controller",
                     fmt::format("{}: {}", text, (*report)["summary"].get<std::string>())});
  }
  if (reached || endpoints.empty()) return;
  for (auto i = first; i < items.size(); ++i) {  // one that answers would do
    if (items[i].what == "controller") items[i].grade = Grade::kFail;
  }
}

std::vector<CheckItem> check(const std::filesystem::path& config_file) {
  std::vector<CheckItem> items;
  const auto config = load_config(config_file, config::environment_of_process());
  if (!config) {
    items.push_back({Grade::kFail, "configuration", config.error().context});
    items.push_back(check_receive_buffer());
    items.push_back(check_clock());
    return items;
  }
  items.push_back({Grade::kOk, "configuration", config_file.string()});
  items.push_back(check_ports(*config));
  items.push_back(check_local_ports(*config));
  items.push_back(check_receive_buffer());
  items.push_back(check_icmp(*config));
  items.push_back(check_clock());
  check_controllers(*config, items);
  return items;
}

}  // namespace

int run_check(const std::filesystem::path& config_file, bool json) {
  const auto items = check(config_file);
  const auto count = [&](Grade grade) {
    return std::ranges::count(items, grade, &CheckItem::grade);
  };
  const auto failed = count(Grade::kFail);
  const auto warned = count(Grade::kWarn);
  const auto verdict = failed > 0 ? fmt::format("a probe cannot work here: {} to mend", failed)
                       : warned > 0
                           ? fmt::format("a probe can work here, with {} to look at", warned)
                           : std::string("a probe can work here");
  if (json) {
    Json list = Json::array();
    for (const auto& item : items) {
      list.push_back({{"grade", to_string(item.grade)}, {"what", item.what}, {"text", item.text}});
    }
    const Json document{{"schema", "faultline.probe_check/1"},
                        {"verdict", verdict},
                        {"failed", failed},
                        {"warned", warned},
                        {"items", list}};
    fmt::print("{}\n", document.dump(2, ' ', false, Json::error_handler_t::replace));
  } else {
    for (const auto& item : items) {
      fmt::print("{:<7} {:<15} {}\n", fmt::format("[{}]", to_string(item.grade)), item.what,
                 item.text);
    }
    fmt::print("{}\n", verdict);
  }
  return failed > 0 ? 1 : 0;
}

}  // namespace faultline::probe_app

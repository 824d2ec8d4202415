#include "probe/app/check_command.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/async/clock.h"
#include "common/crypto/token.h"
#include "common/net/socket_address.h"
#include "common/net/unique_fd.h"
#include "probe/app/check.h"
#include "probe/app/health.h"
#include "probe/app/state_dir.h"

namespace faultline::probe_app {
namespace {

constexpr int kConnectPatienceMs = 2000;
constexpr int kExitFailed = 1;

std::optional<std::string> read_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  return std::string{std::istreambuf_iterator<char>(file), {}};
}

bool probe_runs(const std::filesystem::path& state_dir) {
  const auto json = read_file(state_dir / kHealthFile);
  if (!json) return false;
  const auto record = parse_health(*json, kHealthFile);
  return record && (::kill(static_cast<pid_t>(record->pid), 0) == 0 || errno == EPERM);
}

// errno of opening it and closing it again; 0: it is free.
int try_port(const Endpoint& local, bool tcp) {
  const int family = local.address.is_v4() ? AF_INET : AF_INET6;
  const net::UniqueFd fd(::socket(family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return errno;
  const int on = 1;
  // Where connections of an earlier listener linger.
  if (tcp) (void)::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  net::SocketAddress address{};
  const auto length = net::to_socket_address(local, address);
  return ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0 ? 0 : errno;
}

void read_interface(MachineSeen& seen) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return;
  for (const auto* item = list; item != nullptr; item = item->ifa_next) {
    if (item->ifa_addr == nullptr) continue;
    const auto endpoint = net::from_socket_address(*item->ifa_addr);
    if (endpoint && endpoint->address == seen.profile.address) seen.interface = item->ifa_name;
  }
  ::freeifaddrs(list);
  const net::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strncpy(request.ifr_name, seen.interface.c_str(), IFNAMSIZ - 1);
  if (::ioctl(fd.get(), SIOCGIFMTU, &request) == 0) {
    seen.mtu = static_cast<std::uint32_t>(request.ifr_mtu);
  }
}

void read_ports(MachineSeen& seen) {
  const auto& profile = seen.profile;
  const auto look = [&](std::string name, std::uint16_t port, bool tcp) {
    seen.ports.push_back({std::move(name), port, tcp, try_port({profile.address, port}, tcp)});
  };
  look("reflector_port", profile.reflector_port, false);
  if (profile.mesh_port != 0) look("mesh_port", profile.mesh_port, true);
  for (std::uint16_t i = 0; i < profile.source_port_count; ++i) {
    const auto port = static_cast<std::uint16_t>(profile.source_port_first + i);
    const int error = try_port({profile.address, port}, false);
    // Sixteen lines of the same say less than the first that is wrong.
    if (error == 0 && i + 1 < profile.source_port_count) continue;
    seen.ports.push_back(
        {error == 0 ? "every source port up to" : "source port", port, false, error});
    break;
  }
}

void read_kernel(MachineSeen& seen) {
  const int family = seen.profile.address.is_v4() ? AF_INET : AF_INET6;
  const int protocol = seen.profile.address.is_v4() ? static_cast<int>(IPPROTO_ICMP)
                                                    : static_cast<int>(IPPROTO_ICMPV6);
  for (const int type : {SOCK_DGRAM, SOCK_RAW}) {
    const net::UniqueFd fd(::socket(family, type | SOCK_CLOEXEC, protocol));
    seen.may_echo = seen.may_echo || fd.valid();
  }
  std::ifstream range("/proc/sys/net/ipv4/ip_local_port_range");
  std::uint32_t first = 0, last = 0;
  if (range >> first >> last) {
    seen.ephemeral_first = first;
    seen.ephemeral_last = last;
  }
  std::ifstream buffer("/proc/sys/net/core/rmem_max");
  std::uint64_t octets = 0;
  if (buffer >> octets) seen.receive_buffer_max = octets;
  if (const auto status = read_file("/proc/self/status")) {
    seen.capabilities = parse_capabilities(*status);
  }
  timex clock{};
  const int state = ::adjtimex(&clock);
  if (state >= 0) {
    seen.clock = ClockSeen{.synchronized = state != TIME_ERROR && (clock.status & STA_UNSYNC) == 0,
                           .error_max = std::chrono::microseconds{clock.maxerror}};
  }
}

// Empty: connected. "tcp://host:port" as ZeroMQ takes it.
std::string connect_failure(const std::string& endpoint) {
  const auto host_at = endpoint.find("://");
  const auto port_at = endpoint.rfind(':');
  if (host_at == std::string::npos || port_at <= host_at + 2) return "it is no tcp://HOST:PORT";
  auto host = endpoint.substr(host_at + 3, port_at - host_at - 3);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error =
      ::getaddrinfo(host.c_str(), endpoint.substr(port_at + 1).c_str(), &hints, &found);
  if (error != 0) return ::gai_strerror(error);
  const net::UniqueFd fd(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int begun = ::connect(fd.get(), found->ai_addr, found->ai_addrlen);
  const int begun_error = errno;
  ::freeaddrinfo(found);
  if (begun == 0) return {};
  if (begun_error != EINPROGRESS) return std::strerror(begun_error);
  pollfd polled{.fd = fd.get(), .events = POLLOUT, .revents = 0};
  if (::poll(&polled, 1, kConnectPatienceMs) == 0) return "no answer within 2 s";
  int outcome = 0;
  socklen_t size = sizeof outcome;
  (void)::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &outcome, &size);
  return outcome == 0 ? std::string() : std::strerror(outcome);
}

// Where the probe will look for its controllers, as Probe does.
std::vector<std::string> endpoints_of(const ProbeConfig& config, MachineSeen& seen) {
  std::vector<std::string> endpoints;
  for (const auto& controller : config.controllers) endpoints.push_back(controller.endpoint);
  const bool exists = std::filesystem::exists(config.state_dir);
  if (exists) {
    if (const auto state = StateDir::open(config.state_dir)) {
      if (const auto membership = state->load_membership(); membership && *membership) {
        seen.joined = true;
        const auto& known = (*membership)->endpoints;
        endpoints.insert(endpoints.end(), known.begin(), known.end());
      }
    }
  }
  auto text = config.token;
  if (text.empty() && !config.token_file.empty()) text = read_file(config.token_file).value_or("");
  if (const auto token = crypto::parse_token(text); token && !text.empty()) {
    seen.has_token = true;
    if (!seen.joined)
      endpoints.insert(endpoints.end(), token->endpoints.begin(), token->endpoints.end());
  }
  std::ranges::sort(endpoints);
  const auto same = std::ranges::unique(endpoints);
  endpoints.erase(same.begin(), same.end());
  return endpoints;
}

void read_state(const ProbeConfig& config, MachineSeen& seen) {
  seen.state_dir = config.state_dir.string();
  seen.spool_size_max = config.spool_size_max;
  auto folder = config.state_dir;
  while (!folder.empty() && folder != folder.root_path() && !std::filesystem::exists(folder)) {
    folder = folder.parent_path();  // the probe will make it
  }
  if (::access(folder.c_str(), W_OK | X_OK) != 0) seen.state_dir_failure = std::strerror(errno);
  std::error_code error;
  const auto space = std::filesystem::space(folder, error);
  if (!error) seen.disk_free = space.available;
}

MachineSeen look(const ProbeConfig& config) {
  MachineSeen seen{.profile = config.profile, .probe_runs = probe_runs(config.state_dir)};
  read_state(config, seen);
  read_interface(seen);
  if (!seen.interface.empty()) read_ports(seen);
  read_kernel(seen);
  for (auto& endpoint : endpoints_of(config, seen)) {
    const auto began = async::now_instant();
    auto failure = connect_failure(endpoint);
    seen.controllers.push_back(
        {std::move(endpoint), std::move(failure), async::now_instant() - began});
  }
  return seen;
}

}  // namespace

int run_check(const ProbeConfig& config, bool json) {
  const auto lines = check(look(config));
  auto items = nlohmann::ordered_json::array();
  bool failed = false;
  for (const auto& line : lines) {
    failed = failed || line.level == CheckLevel::kFail;
    const auto level = mark(line.level);
    items.push_back({{"level", level.substr(1, level.size() - 2)},
                     {"what", line.what},
                     {"text", line.text},
                     {"remedy", line.remedy}});
    if (json) continue;
    fmt::print("{:<7}{:<11}{}\n", level, line.what, line.text);
    if (!line.remedy.empty()) fmt::print("{:<18}{}\n", "", line.remedy);
  }
  if (json) {
    const nlohmann::ordered_json document{
        {"schema", "faultline.probe_check/1"}, {"fit", !failed}, {"checks", items}};
    fmt::print("{}\n", document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  }
  return failed ? kExitFailed : 0;
}

}  // namespace faultline::probe_app

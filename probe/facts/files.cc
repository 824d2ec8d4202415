#include "probe/facts/files.h"

#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "common/net/unique_fd.h"

namespace faultline::probe_facts {
namespace {

constexpr std::array kSysctls{"net.ipv4.ip_forward",
                              "net.ipv4.conf.all.rp_filter",
                              "net.ipv4.conf.default.rp_filter",
                              "net.ipv4.conf.all.arp_ignore",
                              "net.ipv4.conf.all.arp_announce",
                              "net.ipv4.conf.all.arp_filter",
                              "net.ipv4.icmp_echo_ignore_all",
                              "net.ipv4.ip_no_pmtu_disc",
                              "net.ipv4.tcp_mtu_probing",
                              "net.ipv4.ip_nonlocal_bind",
                              "net.ipv4.neigh.default.gc_thresh1",
                              "net.ipv4.neigh.default.gc_thresh2",
                              "net.ipv4.neigh.default.gc_thresh3",
                              "net.ipv6.neigh.default.gc_thresh1",
                              "net.ipv6.neigh.default.gc_thresh2",
                              "net.ipv6.neigh.default.gc_thresh3",
                              "net.ipv6.conf.all.disable_ipv6",
                              "net.ipv6.conf.all.forwarding",
                              "net.ipv6.conf.all.accept_ra",
                              "net.ipv6.conf.default.accept_ra",
                              "net.bridge.bridge-nf-call-iptables",
                              "net.bridge.bridge-nf-call-ip6tables",
                              "net.bridge.bridge-nf-call-arptables",
                              "net.netfilter.nf_conntrack_max",
                              "net.netfilter.nf_conntrack_count",
                              "net.core.netdev_max_backlog",
                              "net.core.rmem_max"};

std::optional<std::string> maybe(const char* path) {
  auto text = read_file(path);
  if (!text || text->empty()) return std::nullopt;
  return *std::move(text);
}

// CPUID's hypervisor bit and leaf 0x40000000. Empty text: the bit is off.
std::optional<std::string> cpuid_vendor() {
#if defined(__x86_64__) || defined(__i386__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0) return std::nullopt;
  constexpr unsigned kHypervisorBit = 1U << 31U;
  if ((c & kHypervisorBit) == 0) return std::string();
  __cpuid(0x40000000, a, b, c, d);
  std::array<char, 12> name{};
  std::memcpy(name.data(), &b, 4);
  std::memcpy(name.data() + 4, &c, 4);
  std::memcpy(name.data() + 8, &d, 4);
  return std::string(name.data(), ::strnlen(name.data(), name.size()));
#else
  return std::nullopt;
#endif
}

// The value of `container=` among the variables of process 1.
std::optional<std::string> container_variable() {
  const auto text = read_file("/proc/1/environ");
  if (!text) return std::nullopt;
  constexpr std::string_view kName = "container=";
  for (std::size_t start = 0; start < text->size();) {
    const auto end = std::min(text->find('\0', start), text->size());
    const auto variable = std::string_view(*text).substr(start, end - start);
    if (variable.starts_with(kName)) return std::string(variable.substr(kName.size()));
    start = end + 1;
  }
  return std::nullopt;
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  const net::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) return fail(ErrorCode::kUnavailable, path + ": " + std::strerror(errno));
  std::string text(kFileMax, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const auto count = ::read(file.get(), text.data() + size, text.size() - size);
    if (count < 0) return fail(ErrorCode::kUnavailable, path + ": " + std::strerror(errno));
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  text.resize(size);
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

std::map<std::string, std::int64_t> read_sysctls() {
  std::map<std::string, std::int64_t> values;
  for (const auto* name : kSysctls) {
    std::string path = name;
    std::ranges::replace(path, '.', '/');
    const auto text = read_file("/proc/sys/" + path);
    if (!text) continue;
    if (const auto value = parse_number(*text)) values[name] = *value;
  }
  return values;
}

MachineSources read_machine_sources() {
  utsname system{};
  MachineSources sources{.cpuid_vendor = cpuid_vendor(),
                         .sys_hypervisor = maybe("/sys/hypervisor/type"),
                         .dmi_vendor = maybe("/sys/class/dmi/id/sys_vendor"),
                         .dmi_product = maybe("/sys/class/dmi/id/product_name"),
                         .dmi_board_tag = maybe("/sys/class/dmi/id/board_asset_tag"),
                         .dmi_chassis_tag = maybe("/sys/class/dmi/id/chassis_asset_tag"),
                         .docker_mark = ::access("/.dockerenv", F_OK) == 0,
                         .podman_mark = ::access("/run/.containerenv", F_OK) == 0,
                         .container_word = maybe("/run/systemd/container"),
                         .cgroup = maybe("/proc/1/cgroup"),
                         .boot_id = maybe("/proc/sys/kernel/random/boot_id")};
  if (!sources.container_word) sources.container_word = container_variable();
  if (::uname(&system) == 0) sources.kernel = system.release;
  return sources;
}

}  // namespace faultline::probe_facts

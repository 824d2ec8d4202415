// What the machine is and how it may be connected, concluded from what the shell read. Thread
// safety: pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/facts/facts.h"

namespace faultline::probe_facts {

// What the shell found, as it stands there; absent: not readable.
struct MachineSources {
  std::optional<std::string> cpuid_vendor{};     // CPUID 0x40000000; empty text: no hypervisor bit
  std::optional<std::string> sys_hypervisor{};   // /sys/hypervisor/type
  std::optional<std::string> dmi_vendor{};       // /sys/class/dmi/id/sys_vendor
  std::optional<std::string> dmi_product{};      // .../product_name
  std::optional<std::string> dmi_board_tag{};    // .../board_asset_tag
  std::optional<std::string> dmi_chassis_tag{};  // .../chassis_asset_tag
  bool docker_mark = false;                      // /.dockerenv
  bool podman_mark = false;                      // /run/.containerenv
  std::optional<std::string>
      container_word{};                 // /run/systemd/container, or `container` of process 1
  std::optional<std::string> cgroup{};  // /proc/1/cgroup; without a mark it says "none"
  std::optional<std::string> kernel{};
  std::optional<std::string> boot_id{};
};

[[nodiscard]] facts::Machine machine_of(const MachineSources& sources);

// How the node may be connected, from its interfaces, drivers, MACs and addresses.
[[nodiscard]] std::vector<facts::ModeHint> mode_hints(const facts::Facts& facts);

// Of a control group's cpu.stat; empty: it has no quota.
[[nodiscard]] std::optional<std::uint64_t> parse_throttled_us(std::string_view cpu_stat);
// Where the quotas that hold for this process are accounted, the nearest group first, by
// /proc/self/cgroup. Inside of a container the root is its own group; on a host it has no quota.
[[nodiscard]] std::vector<std::string> cpu_stat_paths(std::string_view groups);
// The first line of /proc/stat (proc(5)).
[[nodiscard]] std::optional<facts::CpuTime> parse_cpu_time(std::string_view proc_stat);

// One number, such as a sysctl file holds; of several the first.
[[nodiscard]] std::optional<std::int64_t> parse_number(std::string_view text);

}  // namespace faultline::probe_facts

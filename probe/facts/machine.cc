#include "probe/facts/machine.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>
#include <utility>

#include <fmt/format.h>

namespace faultline::probe_facts {
namespace {

struct Word {
  std::string_view found;
  std::string_view means;
};

template <std::size_t kCount>
std::optional<std::string> lookup(const std::array<Word, kCount>& words,
                                  const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  for (const auto& word : words) {
    if (text->find(word.found) != std::string::npos) return std::string(word.means);
  }
  return std::nullopt;
}

// CPUID leaf 0x40000000, as each hypervisor documents it.
constexpr std::array kCpuidVendors{
    Word{"KVMKVMKVM", "kvm"},       Word{"VMwareVMware", "vmware"},
    Word{"Microsoft Hv", "hyperv"}, Word{"XenVMMXenVMM", "xen"},
    Word{"TCGTCGTCGTCG", "qemu"},   Word{"VBoxVBoxVBox", "virtualbox"},
    Word{"bhyve bhyve", "bhyve"},   Word{"prl hyperv", "parallels"},
    Word{"ACRNACRNACRN", "acrn"},   Word{"QNXQVMBSQG", "qnx"}};

// DMI's vendor or product, as systemd-detect-virt(1) reads them.
constexpr std::array kDmiWords{Word{"QEMU", "kvm"},
                               Word{"KVM", "kvm"},
                               Word{"Amazon EC2", "kvm"},
                               Word{"VMware", "vmware"},
                               Word{"VirtualBox", "virtualbox"},
                               Word{"innotek GmbH", "virtualbox"},
                               Word{"Xen", "xen"},
                               Word{"OpenStack", "kvm"},
                               Word{"Google Compute Engine", "kvm"},
                               Word{"Hyper-V", "hyperv"}};

constexpr std::array kMacOwners{Word{"52:54:00", "KVM (libvirt, QEMU)"},
                                Word{"00:0c:29", "VMware"},
                                Word{"00:50:56", "VMware"},
                                Word{"00:15:5d", "Hyper-V"},
                                Word{"00:16:3e", "Xen"},
                                Word{"08:00:27", "VirtualBox"},
                                Word{"02:42:", "Docker"}};

// Azure's own tag, the same on all of its machines.
constexpr std::string_view kAzureTag = "7783-7084-3265-9085-8269-3286-77";

std::optional<std::string> hypervisor_of(const MachineSources& sources) {
  if (auto found = lookup(kCpuidVendors, sources.cpuid_vendor)) return found;
  if (sources.sys_hypervisor == "xen") return "xen";
  if (auto found = lookup(kDmiWords, sources.dmi_product)) return found;
  if (auto found = lookup(kDmiWords, sources.dmi_vendor)) return found;
  if (sources.dmi_vendor == "Microsoft Corporation" && sources.dmi_product == "Virtual Machine") {
    return "hyperv";
  }
  if (!sources.cpuid_vendor) return std::nullopt;
  return sources.cpuid_vendor->empty() ? "none" : "other";
}

std::optional<std::string> container_of(const MachineSources& sources) {
  if (sources.container_word && !sources.container_word->empty()) return sources.container_word;
  if (sources.docker_mark) return "docker";
  if (sources.podman_mark) return "podman";
  if (!sources.cgroup) return std::nullopt;
  constexpr std::array kWords{Word{"docker", "docker"}, Word{"kubepods", "kubernetes"},
                              Word{"libpod", "podman"}, Word{"lxc", "lxc"},
                              Word{"machine.slice", "systemd-nspawn"}};
  return lookup(kWords, sources.cgroup).value_or("none");
}

void add_cloud(const MachineSources& sources, facts::Machine& machine) {
  const auto vendor = sources.dmi_vendor.value_or("");
  if (vendor.find("Amazon EC2") != std::string::npos) {
    machine.cloud = "aws";
    // On Nitro the board's tag is the instance's id.
    const auto tag = sources.dmi_board_tag.value_or("");
    if (tag.starts_with("i-")) machine.instance = tag;
  } else if (sources.dmi_product.value_or("").find("Google Compute Engine") != std::string::npos) {
    machine.cloud = "gcp";
  } else if (sources.dmi_chassis_tag.value_or("") == kAzureTag) {
    machine.cloud = "azure";
  }
}

void hint_interface(const facts::Interface& interface, std::vector<facts::ModeHint>& hints) {
  const auto say = [&](const char* mode, std::string why) {
    hints.push_back({mode, std::move(why)});
  };
  const auto& name = interface.name;
  if (interface.kind == "macvtap" || interface.kind == "macvlan") {
    say(interface.kind.c_str(),
        fmt::format("{} is a {} ({}) on {}: with mode bridge or private its owner and this host do "
                    "not hear each other",
                    name, interface.kind, interface.mode.value_or("mode unknown"),
                    interface.lower.value_or("an interface of another namespace")));
  }
  if (interface.kind == "tun" && interface.mode == "tap") {
    say("host", interface.master ? fmt::format("{} is a tap in bridge {}: most often a VM's port",
                                               name, *interface.master)
                                 : fmt::format("{} is a tap without a bridge", name));
  }
  if (interface.kind == "veth" && interface.peer_elsewhere && interface.master) {
    say("host", fmt::format("{} is a veth in bridge {} to another namespace: most often a "
                            "container's port",
                            name, *interface.master));
  }
  if (interface.kind == "vxlan" && interface.vxlan) {
    say("overlay", fmt::format("{} carries VNI {} over {}", name, interface.vxlan->vni,
                               interface.vxlan->underlay.value_or("whatever route fits")));
  }
  const auto owner = lookup(kMacOwners, interface.mac);
  if (owner && interface.kind.empty()) {
    say("guest",
        fmt::format("the MAC of {} ({}) is of the range of {}", name, *interface.mac, *owner));
  }
}

// Networks that hypervisors' and containers' NAT uses unless told otherwise.
void hint_address(const facts::Address& address, std::vector<facts::ModeHint>& hints) {
  const auto text = address.prefix.address.to_string();
  constexpr std::array kNats{Word{"10.0.2.", "QEMU's user network and VirtualBox's NAT"},
                             Word{"192.168.122.", "libvirt's network `default`"},
                             Word{"172.17.0.", "Docker's bridge"},
                             Word{"10.88.", "Podman's bridge"}};
  for (const auto& nat : kNats) {
    if (text.starts_with(nat.found)) {
      hints.push_back(
          {"nat", fmt::format("{} has {}, of the range that {} uses unless told otherwise",
                              address.interface, text, nat.means)});
    }
  }
}

}  // namespace

facts::Machine machine_of(const MachineSources& sources) {
  facts::Machine machine{.hypervisor = hypervisor_of(sources),
                         .container = container_of(sources),
                         .vendor = sources.dmi_vendor,
                         .product = sources.dmi_product,
                         .kernel = sources.kernel,
                         .boot_id = sources.boot_id};
  add_cloud(sources, machine);
  return machine;
}

std::vector<facts::ModeHint> mode_hints(const facts::Facts& facts) {
  constexpr std::size_t kHintsMax = 64;
  std::vector<facts::ModeHint> hints;
  if (facts.interfaces) {
    for (const auto& interface : facts.interfaces->items) hint_interface(interface, hints);
  }
  if (facts.addresses) {
    for (const auto& address : facts.addresses->items) hint_address(address, hints);
  }
  if (hints.size() > kHintsMax) hints.resize(kHintsMax);
  return hints;
}

std::optional<std::int64_t> parse_number(std::string_view text) {
  const auto start = text.find_first_not_of(" \t\n");
  if (start == std::string_view::npos) return std::nullopt;
  text.remove_prefix(start);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  const bool ends = end == text.data() + text.size() || *end == ' ' || *end == '\t' || *end == '\n';
  return ends ? std::optional(value) : std::nullopt;
}

std::optional<std::uint64_t> parse_throttled_us(std::string_view cpu_stat) {
  std::istringstream lines{std::string(cpu_stat)};
  std::string name;
  std::uint64_t value = 0;
  bool limited = false;
  std::optional<std::uint64_t> throttled;
  while (lines >> name >> value) {
    if (name == "nr_periods") limited = value > 0;
    if (name == "throttled_usec") throttled = value;
    if (name == "throttled_time") throttled = value / 1000;  // version 1: nanoseconds
  }
  return limited ? throttled : std::nullopt;
}

std::optional<facts::CpuTime> parse_cpu_time(std::string_view proc_stat) {
  constexpr std::string_view kLabel = "cpu ";
  if (!proc_stat.starts_with(kLabel)) return std::nullopt;
  auto line = proc_stat.substr(kLabel.size(), proc_stat.find('\n') - kLabel.size());
  std::array<std::uint64_t, 8> ticks{};  // user nice system idle iowait irq softirq steal
  for (auto& value : ticks) {
    const auto number = parse_number(line);
    if (!number || *number < 0) return std::nullopt;
    value = static_cast<std::uint64_t>(*number);
    line.remove_prefix(std::min(line.size(), line.find_first_not_of(' ')));
    line.remove_prefix(std::min(line.size(), line.find(' ')));
  }
  facts::CpuTime cpu{.idle = ticks[3] + ticks[4], .steal = ticks[7]};
  for (const auto value : ticks) cpu.total += value;
  return cpu;
}

std::vector<std::string> cpu_stat_paths(std::string_view groups) {
  std::vector<std::string> paths;
  while (!groups.empty()) {
    const auto line = groups.substr(0, groups.find('\n'));
    groups.remove_prefix(std::min(line.size() + 1, groups.size()));
    // "4:cpu,cpuacct:/system.slice", and of version 2 "0::/system.slice" (cgroups(7)).
    const auto first = line.find(':');
    const auto second = line.find(':', first == std::string_view::npos ? first : first + 1);
    if (second == std::string_view::npos) continue;
    const auto controllers = "," + std::string(line.substr(first + 1, second - first - 1)) + ",";
    const bool version_2 = controllers == ",,";
    if (!version_2 && controllers.find(",cpu,") == std::string::npos) continue;
    const std::string root = version_2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu";
    auto group = line.substr(second + 1);
    while (group.size() > 1) {
      paths.push_back(fmt::format("{}{}/cpu.stat", root, group));
      group = group.substr(0, group.rfind('/'));
    }
    paths.push_back(root + "/cpu.stat");
  }
  return paths;
}

}  // namespace faultline::probe_facts

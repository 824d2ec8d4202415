#include "probe/facts/machine.h"

#include "tests/support/catch.h"

namespace faultline::probe_facts {
namespace {

TEST_CASE("the hypervisor is told by the processor first, then by the firmware", "[facts]") {
  const auto hypervisor = [](MachineSources sources) { return machine_of(sources).hypervisor; };
  CHECK(hypervisor({.cpuid_vendor = "KVMKVMKVM"}) == "kvm");
  CHECK(hypervisor({.cpuid_vendor = "VMwareVMware"}) == "vmware");
  CHECK(hypervisor({.cpuid_vendor = "Microsoft Hv"}) == "hyperv");
  CHECK(hypervisor({.cpuid_vendor = "XenVMMXenVMM", .dmi_vendor = "Dell Inc."}) == "xen");
  CHECK(hypervisor({.sys_hypervisor = "xen"}) == "xen");
  CHECK(hypervisor({.dmi_vendor = "Microsoft Corporation", .dmi_product = "Virtual Machine"}) ==
        "hyperv");
  CHECK(hypervisor({.dmi_vendor = "QEMU", .dmi_product = "Standard PC"}) == "kvm");
  CHECK(hypervisor({.cpuid_vendor = "", .dmi_vendor = "Dell Inc.", .dmi_product = "PowerEdge"}) ==
        "none");
  CHECK(hypervisor({.cpuid_vendor = "SomethingNew"}) == "other");
  // A laptop of Microsoft's is no virtual machine.
  CHECK(hypervisor({.cpuid_vendor = "",
                    .dmi_vendor = "Microsoft Corporation",
                    .dmi_product = "Surface"}) == "none");
  CHECK(hypervisor({}) == std::nullopt);
}

TEST_CASE("a container is told by its manager's marks, and is unknown without any source",
          "[facts]") {
  const auto container = [](MachineSources sources) { return machine_of(sources).container; };
  CHECK(container({.docker_mark = true, .cgroup = "0::/"}) == "docker");
  CHECK(container({.podman_mark = true}) == "podman");
  CHECK(container({.container_word = "lxc", .cgroup = "0::/"}) == "lxc");
  CHECK(container({.cgroup = "0::/kubepods.slice/pod1"}) == "kubernetes");
  CHECK(container({.cgroup = "0::/init.scope"}) == "none");
  CHECK(container({}) == std::nullopt);
}

TEST_CASE("a cloud is told by its firmware only", "[facts]") {
  const auto aws = machine_of(
      {.dmi_vendor = "Amazon EC2", .dmi_product = "m5.large", .dmi_board_tag = "i-0abc"});
  CHECK(aws.cloud == "aws");
  CHECK(aws.instance == "i-0abc");
  CHECK(aws.hypervisor == "kvm");
  CHECK(machine_of({.dmi_product = "Google Compute Engine"}).cloud == "gcp");
  CHECK(machine_of({.dmi_chassis_tag = "7783-7084-3265-9085-8269-3286-77"}).cloud == "azure");
  CHECK(machine_of({.dmi_vendor = "QEMU"}).cloud == std::nullopt);
}

TEST_CASE("the quota of the nearest control group comes first", "[facts]") {
  using Paths = std::vector<std::string>;
  CHECK(cpu_stat_paths("0::/system.slice/probe.service\n") ==
        Paths{"/sys/fs/cgroup/system.slice/probe.service/cpu.stat",
              "/sys/fs/cgroup/system.slice/cpu.stat", "/sys/fs/cgroup/cpu.stat"});
  CHECK(cpu_stat_paths("5:cpuset:/a\n4:cpu,cpuacct:/b\n2:cpuacct:/c") ==
        Paths{"/sys/fs/cgroup/cpu/b/cpu.stat", "/sys/fs/cgroup/cpu/cpu.stat"});
  CHECK(cpu_stat_paths("0::/\n") == Paths{"/sys/fs/cgroup/cpu.stat"});
  CHECK(cpu_stat_paths("").empty());
  CHECK(cpu_stat_paths("no:group").empty());
}

TEST_CASE("processor time is read with what was stolen", "[facts]") {
  CHECK(parse_cpu_time("cpu  10 1 5 100 20 2 3 7 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n") ==
        facts::CpuTime{.total = 148, .idle = 120, .steal = 7});
  CHECK(parse_throttled_us("usage_usec 5\nnr_periods 9\nnr_throttled 2\nthrottled_usec 1234\n") ==
        1234U);
  CHECK(parse_throttled_us("nr_periods 9\nnr_throttled 2\nthrottled_time 1234000\n") == 1234U);
  CHECK_FALSE(parse_throttled_us("usage_usec 5\nnr_periods 0\nthrottled_usec 0\n"));
  CHECK_FALSE(parse_cpu_time("cpu  10 1 5\ncpu0 1 1 1 1 1 1 1 1\n"));
  CHECK_FALSE(parse_cpu_time("cpu0 1 1 1 1 1 1 1 1\n"));
  CHECK_FALSE(parse_cpu_time("cpu  a b c d e f g h\n"));
  CHECK_FALSE(parse_cpu_time(""));
}

TEST_CASE("a sysctl's number is read, and a text is none", "[facts]") {
  CHECK(parse_number("1") == 1);
  CHECK(parse_number(" -1\n") == -1);
  CHECK(parse_number("4096\t131072\t6291456") == 4096);
  CHECK_FALSE(parse_number("cubic"));
  CHECK_FALSE(parse_number("1a"));
  CHECK_FALSE(parse_number(""));
}

TEST_CASE("ways of being connected are hinted at with what speaks for them", "[facts]") {
  facts::Facts facts;
  facts.interfaces.emplace().items = {{.name = "eth0", .mac = "52:54:00:00:00:01"},
                                      {.name = "macvtap0",
                                       .kind = "macvtap",
                                       .mac = "52:54:00:00:00:02",
                                       .lower = "eth1",
                                       .mode = "bridge"},
                                      {.name = "vnet0",
                                       .kind = "tun",
                                       .mac = "fe:54:00:00:00:03",
                                       .master = "virbr0",
                                       .mode = "tap"}};
  facts.addresses.emplace().items = {
      {.interface = "eth0", .prefix = {*IpAddress::parse("10.0.2.15"), 24}}};
  const auto hints = mode_hints(facts);
  std::vector<std::string> modes;
  for (const auto& hint : hints) modes.push_back(hint.mode);
  CHECK(modes == std::vector<std::string>{"guest", "macvtap", "host", "nat"});
  CHECK(hints[3].why ==
        "eth0 has 10.0.2.15, of the range that QEMU's user network and VirtualBox's NAT uses "
        "unless told otherwise");
  CHECK(mode_hints(facts::Facts{}).empty());
}

}  // namespace
}  // namespace faultline::probe_facts

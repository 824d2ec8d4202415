#include "probe/facts/collector.h"

#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "common/async/clock.h"
#include "probe/facts/child.h"
#include "probe/facts/ethtool.h"
#include "probe/facts/files.h"
#include "probe/facts/firewall.h"
#include "probe/facts/lldp.h"
#include "probe/facts/machine.h"
#include "probe/facts/tables.h"

namespace faultline::probe_facts {
namespace {

// Interfaces whose driver is asked; a machine with thousands of veths is not worth the locks taken.
constexpr std::size_t kDriversMax = 128;

Duration thread_time() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

class Collecting {
 public:
  explicit Collecting(const CollectorOptions& options) : options_(options) {}

  Collection run() {
    const auto start = thread_time();
    facts_.collected_at = async::now_wall();
    read_machine();
    read_tables(facts_);
    read_drivers();
    facts_.sysctls = read_sysctls();
    if (options_.run_programs) {
      read_firewall();
      read_lldp();
    } else {
      unknown("firewall", "no programs are to be run");
      unknown("lldp", "no programs are to be run");
    }
    facts_.hints = mode_hints(facts_);
    return {std::move(facts_), thread_time() - start + programs_time_};
  }

 private:
  void unknown(std::string what, std::string why) {
    facts_.unknown.push_back({std::move(what), std::move(why)});
  }

  void read_machine() {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) == 0) facts_.host_name = name.data();
    facts_.machine = machine_of(read_machine_sources());
    if (!facts_.machine.vendor) unknown("dmi", "/sys/class/dmi/id is not readable here");
    if (!facts_.machine.hypervisor) unknown("hypervisor", "neither CPUID nor DMI tells it");
    const auto stat = read_file("/proc/stat");
    if (stat) facts_.cpu = parse_cpu_time(*stat);
    const auto groups = read_file("/proc/self/cgroup");
    for (const auto& path : cpu_stat_paths(groups.value_or(std::string()))) {
      const auto group = read_file(path);
      if (group && facts_.cpu && !facts_.cpu->throttled_us) {
        facts_.cpu->throttled_us = parse_throttled_us(*group);
      }
    }
    if (!facts_.cpu)
      unknown("cpu", stat ? "/proc/stat is not as proc(5) says" : stat.error().context);
    timex state{};
    const int clock = ::adjtimex(&state);
    if (clock < 0) return unknown("clock", std::strerror(errno));
    const auto offset = (state.status & STA_NANO) != 0 ? state.offset / 1000 : state.offset;
    facts_.clock =
        facts::ClockState{.synchronized = clock != TIME_ERROR && (state.status & STA_UNSYNC) == 0,
                          .offset_us = offset,
                          .max_error_us = state.maxerror};
  }

  void read_drivers() {
    if (!facts_.interfaces) return;
    const auto ethtool = Ethtool::open();
    if (!ethtool) return unknown("drivers", ethtool.error().context);
    std::size_t asked = 0;
    for (auto& interface : facts_.interfaces->items) {
      if (interface.loopback) continue;
      if (++asked > kDriversMax) {
        return unknown("drivers",
                       fmt::format("only the first {} interfaces are asked", kDriversMax));
      }
      ethtool->describe(interface);
      const bool should_know = interface.kind.empty() && interface.carrier.value_or(false);
      if (should_know && !interface.speed_mbps) {
        unknown(fmt::format("interface {}: speed", interface.name), "its driver does not tell");
      }
    }
  }

  // Nothing where the program is not there or fails; then `why` says so.
  std::optional<std::string> output_of(const std::vector<std::string>& command, std::string& why) {
    auto output = run_child(command, {});
    if (!output) {
      why = output.error().context;
      return std::nullopt;
    }
    programs_time_ += output->processor_time;
    return std::move(output->text);
  }

  void read_firewall() {
    facts::Firewall firewall;
    std::string why;
    const auto nft = output_of({"nft", "-j", "list", "ruleset"}, why);
    if (nft) {
      if (const auto status = read_nftables(*nft, firewall); !status) why = status.error().context;
    }
    // Of iptables' rules that became nftables' own, nft names matches such as multiport but not
    // what they ask.
    if (nft && nft->find("\"xt\"") != std::string::npos) {
      for (const auto& [program, source, family] :
           {std::array{"iptables-nft-save", "iptables", "ip"},
            std::array{"ip6tables-nft-save", "ip6tables", "ip6"}}) {
        const auto rules = output_of({program, "-c"}, why);
        if (!rules) continue;
        forget_iptables(family, firewall);
        if (const auto status = read_iptables(*rules, source, firewall); !status) {
          why = status.error().context;
        }
      }
    }
    // Rules of the old kind, which nft does not see; the kernel lists their tables once there are
    // any.
    for (const auto& [names, program, source] :
         {std::array{"/proc/net/ip_tables_names", "iptables-legacy-save", "iptables"},
          std::array{"/proc/net/ip6_tables_names", "ip6tables-legacy-save", "ip6tables"}}) {
      const auto tables = read_file(names);
      if (!tables || tables->empty()) continue;
      const auto rules = output_of({program, "-c"}, why);
      if (!rules) continue;
      if (const auto status = read_iptables(*rules, source, firewall); !status) {
        why = status.error().context;
      }
    }
    if (why.empty()) {
      facts_.firewall = std::move(firewall);
    } else {
      unknown("firewall", why);
    }
  }

  void read_lldp() {
    std::string why;
    const auto output = output_of({"lldpcli", "-f", "json", "show", "neighbors", "details"}, why);
    if (!output) return unknown("lldp", why);
    auto neighbors = parse_lldp(*output);
    if (!neighbors) return unknown("lldp", neighbors.error().context);
    facts_.lldp = *std::move(neighbors);
  }

  const CollectorOptions options_;
  facts::Facts facts_;
  Duration programs_time_{};
};

}  // namespace

Collection collect(const CollectorOptions& options) { return Collecting(options).run(); }

Duration pause_after(Duration processor_time) {
  return std::max(kIntervalMin, processor_time * kProcessorShare);
}

}  // namespace faultline::probe_facts

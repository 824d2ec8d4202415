#include "probe/session/machine.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace faultline::session {
namespace {

constexpr std::uint64_t kNanosecondsPerMicrosecond = 1'000;
constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;

std::optional<std::uint64_t> number(std::string_view text, int base = 10) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The first of what is left, up to `separator`.
std::string_view take(std::string_view& text, char separator) {
  const auto end = text.find(separator);
  const auto first = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  return first;
}

std::string_view take_word(std::string_view& line) {
  while (line.starts_with(' ')) line.remove_prefix(1);
  return take(line, ' ');
}

std::uint64_t growth(std::optional<std::uint64_t> before, std::optional<std::uint64_t> after) {
  if (!before || !after) return 0;
  return *after >= *before ? *after - *before : *after;
}

}  // namespace

std::optional<std::uint64_t> softnet_drops(std::string_view softnet_stat) {
  std::optional<std::uint64_t> sum;
  while (!softnet_stat.empty()) {
    auto line = take(softnet_stat, '\n');
    static_cast<void>(take_word(line));
    const auto drops = number(take_word(line), 16);
    if (!drops) return std::nullopt;
    sum = sum.value_or(0) + *drops;
  }
  return sum;
}

std::optional<std::uint64_t> throttled_ns(std::string_view cpu_stat) {
  while (!cpu_stat.empty()) {
    auto line = take(cpu_stat, '\n');
    const auto name = take_word(line);
    if (name == "throttled_time") return number(line);
    if (name != "throttled_usec") continue;
    const auto microseconds = number(line);
    if (!microseconds) return std::nullopt;
    return *microseconds * kNanosecondsPerMicrosecond;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> stolen_ns(std::string_view proc_stat, std::uint64_t ticks_per_second) {
  auto line = take(proc_stat, '\n');
  if (ticks_per_second == 0 || take_word(line) != "cpu") return std::nullopt;
  for (int i = 0; i < 7; ++i) static_cast<void>(take_word(line));  // user to softirq
  const auto ticks = number(take_word(line));
  if (!ticks) return std::nullopt;
  return *ticks * (kNanosecondsPerSecond / ticks_per_second);
}

// "0::/system.slice/x" (version 2), or "1:cpu,cpuacct:/x" (version 1).
std::optional<std::string> cpu_stat_path(std::string_view self_cgroup) {
  std::optional<std::string> path;
  while (!self_cgroup.empty()) {
    auto line = take(self_cgroup, '\n');
    static_cast<void>(take(line, ':'));
    auto controllers = take(line, ':');
    if (!line.starts_with('/')) continue;
    const std::string group(line == "/" ? std::string_view{} : line);
    if (controllers.empty() && !path) path = "/sys/fs/cgroup" + group + "/cpu.stat";
    while (!controllers.empty()) {
      if (take(controllers, ',') == "cpu") path = "/sys/fs/cgroup/cpu" + group + "/cpu.stat";
    }
  }
  return path;
}

void note_growth(const MachineCounters& before, const MachineCounters& after,
                 ProberHealth& health) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  health.softnet_drops = static_cast<std::uint32_t>(
      std::min(kMost, health.softnet_drops + growth(before.softnet_drops, after.softnet_drops)));
  health.throttled_ns += growth(before.throttled_ns, after.throttled_ns);
  health.stolen_ns += growth(before.stolen_ns, after.stolen_ns);
  health.clock = after.clock;
}

}  // namespace faultline::session

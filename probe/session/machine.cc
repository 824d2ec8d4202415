#include "probe/session/machine.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace faultline::session {
namespace {

// The first of what is left, up to `separator`.
std::string_view take(std::string_view& text, char separator) {
  const auto end = text.find(separator);
  const auto first = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  return first;
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
    static_cast<void>(take(line, ' '));
    const auto word = take(line, ' ');
    std::uint64_t drops = 0;
    const auto end = word.data() + word.size();
    if (std::from_chars(word.data(), end, drops, 16) != std::from_chars_result{end, {}}) return {};
    sum = sum.value_or(0) + drops;
  }
  return sum;
}

void note_growth(const MachineCounters& before, const MachineCounters& after,
                 ProberHealth& health) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  health.softnet_drops = static_cast<std::uint32_t>(
      std::min(kMost, health.softnet_drops + growth(before.softnet_drops, after.softnet_drops)));
  health.throttled_ns += growth(before.throttled_ns, after.throttled_ns);
  health.stolen_ns += growth(before.stolen_ns, after.stolen_ns);
  health.processor_ns += growth(before.processor_ns, after.processor_ns);
  health.clock = after.clock;
}

}  // namespace faultline::session

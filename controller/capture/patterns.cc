#include "controller/capture/patterns.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

namespace faultline::capture {
namespace {

constexpr std::array<std::string_view, 3> kPatternNames{"size", "ports", "dscp"};

struct Count {
  std::uint32_t lost = 0;
  std::uint32_t arrived = 0;
};

// Empty unless each value either always vanishes or never does, and there are both.
template <typename Value>
std::optional<std::vector<std::uint16_t>> always_lost(const std::vector<Fate>& fates, Value value) {
  std::map<std::uint16_t, Count> counts;
  for (const auto& fate : fates) {
    auto& count = counts[value(fate)];
    ++(fate.arrived ? count.arrived : count.lost);
  }
  std::vector<std::uint16_t> lost;
  std::uint32_t lost_packets = 0;
  std::uint32_t arrived_packets = 0;
  for (const auto& [key, count] : counts) {
    if (count.lost > 0 && count.arrived > 0) return std::nullopt;
    if (count.lost > 0) lost.push_back(key);
    lost_packets += count.lost;
    arrived_packets += count.arrived;
  }
  if (lost_packets < kPatternPacketsMin || arrived_packets < kPatternPacketsMin)
    return std::nullopt;
  return lost;
}

}  // namespace

std::string_view to_string(PatternKind kind) {
  return kPatternNames.at(static_cast<std::size_t>(kind));
}

std::vector<Pattern> patterns(const std::vector<Fate>& fates) {
  std::vector<Pattern> found;
  if (const auto lost = always_lost(fates, [](const Fate& fate) { return fate.size; })) {
    std::uint16_t arrives_max = 0;
    for (const auto& fate : fates) {
      if (fate.arrived) arrives_max = std::max(arrives_max, fate.size);
    }
    if (lost->front() > arrives_max) {
      found.push_back(
          {.kind = PatternKind::kSize, .lost = {lost->front()}, .arrives_max = arrives_max});
    }
  }
  if (auto lost = always_lost(fates, [](const Fate& fate) { return fate.source_port; })) {
    found.push_back({.kind = PatternKind::kPorts, .lost = std::move(*lost)});
  }
  if (auto lost = always_lost(fates, [](const Fate& fate) { return fate.dscp; })) {
    found.push_back({.kind = PatternKind::kDscp, .lost = std::move(*lost)});
  }
  return found;
}

}  // namespace faultline::capture

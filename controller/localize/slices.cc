#include "controller/localize/slices.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <set>

namespace faultline::localize {
namespace {

constexpr double kHoldsForDead = 0.95;
constexpr double kHoldsForAlive = 0.05;
// Fewer dead flows have properties in common by chance.
constexpr std::size_t kDeadFlowsMin = 3;

// The tokens of a flow's name, each with its place, so that source and destination ports differ.
void add_tokens(std::set<std::string>& properties, std::string_view flow) {
  std::size_t place = 0;
  for (std::size_t i = 0; i < flow.size();) {
    const auto is_word = [&](std::size_t at) {
      const char c = flow[at];
      return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-';
    };
    if (!is_word(i)) {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < flow.size() && is_word(end)) ++end;
    properties.insert("flow field " + std::to_string(++place) + " = " +
                      std::string(flow.substr(i, end - i)));
    i = end;
  }
}

std::set<std::string> properties_of(const ObservationSet& set, const FlowRecord& flow) {
  std::set<std::string> properties{"src " + set.at(flow.src).id, "dst " + set.at(flow.dst).id};
  if (flow.dscp >= 0) properties.insert("dscp " + std::to_string(flow.dscp));
  add_tokens(properties, set.at(flow.flow));
  return properties;
}

std::map<std::string, double> shares(const ObservationSet& set, const Problem& problem,
                                     const std::vector<std::uint32_t>& flows) {
  std::map<std::string, double> result;
  for (const std::uint32_t flow : flows) {
    for (const std::string& property : properties_of(set, problem.flows[flow])) {
      result[property] += 1 / static_cast<double>(flows.size());
    }
  }
  return result;
}

std::optional<std::uint32_t> size_limit(const Problem& problem,
                                        const std::vector<std::uint32_t>& dead,
                                        const std::vector<std::uint32_t>& alive) {
  std::uint32_t passes = 0;
  std::uint32_t fails = 0xffffffff;
  for (const std::uint32_t flow : alive) passes = std::max(passes, problem.flows[flow].size);
  for (const std::uint32_t flow : dead) fails = std::min(fails, problem.flows[flow].size);
  if (passes == 0 || fails == 0 || passes >= fails) return std::nullopt;
  return passes;
}

}  // namespace

Slice name_slice(const ObservationSet& set, const Problem& problem,
                 const std::vector<std::uint32_t>& dead, const std::vector<std::uint32_t>& alive) {
  const std::size_t all = dead.size() + alive.size();
  const auto percent = std::lround(100.0 * static_cast<double>(dead.size()) /
                                   static_cast<double>(std::max<std::size_t>(1, all)));
  Slice slice{std::to_string(percent) + " % of flows (" + std::to_string(dead.size()) + " of " +
                  std::to_string(all) + " that cross)",
              std::nullopt};
  if (dead.size() < kDeadFlowsMin || alive.empty()) return slice;
  if (const auto mtu = size_limit(problem, dead, alive)) {
    return {"packets larger than " + std::to_string(*mtu) + " bytes", mtu};
  }
  const auto dead_shares = shares(set, problem, dead);
  const auto alive_shares = shares(set, problem, alive);
  for (const auto& [property, share] : dead_shares) {
    const auto living = alive_shares.find(property);
    const double alive_share = living == alive_shares.end() ? 0 : living->second;
    if (share >= kHoldsForDead && alive_share <= kHoldsForAlive) {
      slice.text = property + ": " + slice.text;
      return slice;
    }
  }
  return slice;
}

}  // namespace faultline::localize

#include "tests/campaign/localize/judge.h"

#include <algorithm>
#include <set>

namespace faultline::campaign {
namespace {

std::set<std::string> all_parts(const Case& it) {
  std::set<std::string> result;
  for (const auto& [_, parts] : it.parts) result.insert(parts.begin(), parts.end());
  return result;
}

// The fault or part of one that an accusation means, or nothing.
std::string meant(const Case& it, const std::set<std::string>& parts,
                  const Accusation& accusation) {
  if (it.truth.contains(accusation.id)) return accusation.id;
  for (const std::string& id : accusation.group) {
    if (it.truth.contains(id)) return id;
  }
  return parts.contains(accusation.id) ? accusation.id : std::string{};
}

}  // namespace

Marks judge(const Case& it, const std::vector<Accusation>& accusations) {
  const std::set<std::string> parts = all_parts(it);
  std::set<std::string> named;
  Marks marks;
  for (const Accusation& accusation : accusations) {
    const std::string id = meant(it, parts, accusation);
    marks.is_right.push_back(id.empty() ? 0 : 1);
    ++(id.empty() ? marks.wrong : marks.right);
    if (!id.empty()) named.insert(id);
  }
  double found = 0;
  for (const std::string& fault : it.truth) {
    const auto own = it.parts.find(fault);
    double share = named.contains(fault) ? 1 : 0;
    if (share == 0 && own != it.parts.end() && !own->second.empty()) {
      const auto hits = std::ranges::count_if(
          own->second, [&](const std::string& part) { return named.contains(part); });
      share = static_cast<double>(hits) / static_cast<double>(own->second.size());
    }
    found += share;
    if (share < 1) marks.missed.push_back(fault);
  }
  const double all = marks.right + marks.wrong;
  if (all > 0) marks.precision = marks.right / all;
  if (!it.truth.empty()) marks.recall = found / static_cast<double>(it.truth.size());
  const double sum = marks.precision + marks.recall;
  marks.f1 = sum > 0 ? 2 * marks.precision * marks.recall / sum : 0;
  return marks;
}

std::vector<Accusation> accusations(const Case& it, const localize::Verdict& verdict) {
  std::set<std::string> congested;
  for (std::uint32_t link = 0; link < it.network.congested.size(); ++link) {
    if (it.network.congested[link] != 0) congested.insert(it.network.fabric.link_id(link));
  }
  std::vector<Accusation> result;
  for (const localize::Suspect& suspect : verdict.suspects) {
    const bool says_congestion = to_string(suspect.fault_class) == "congestion";
    if (says_congestion && congested.contains(suspect.id)) continue;
    result.push_back({suspect.id, suspect.ambiguous_with, suspect.posterior});
  }
  return result;
}

std::vector<Accusation> accusations(const Names& names) {
  std::vector<Accusation> result;
  for (const std::string& id : names) result.push_back({id, {}, 1});
  return result;
}

}  // namespace faultline::campaign

#include "controller/core/contested.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

namespace faultline::core {
namespace {

using localize::LinkIndex;
using localize::ObservationSet;
using localize::Suspect;
using plan::Contested;

using Links = std::vector<std::uint32_t>;

// From an id in a verdict to the links that it holds.
class LinkFinder {
 public:
  explicit LinkFinder(const ObservationSet& set) : set_(set) {
    for (std::uint32_t i = 0; i < set.links().size(); ++i) {
      const auto& link = set.links()[i];
      const auto& from = set.at(link.from).id;
      const auto& to = set.at(link.to).id;
      by_device_[from].push_back(i);
      by_device_[to].push_back(i);
      by_cable_[std::min(from, to) + "=" + std::max(from, to)].push_back(i);
    }
  }

  [[nodiscard]] Links operator()(const std::string& id) const {
    if (const auto link = set_.find_link(id)) return {link->value()};
    if (const auto at = by_cable_.find(id); at != by_cable_.end()) return at->second;
    const auto at = by_device_.find(id);
    return at == by_device_.end() ? Links{} : at->second;
  }

 private:
  const ObservationSet& set_;
  std::map<std::string, Links> by_device_;
  std::map<std::string, Links> by_cable_;
};

double log_odds(double posterior) {
  constexpr double kNever = 1e-9;
  const double bounded = std::clamp(posterior, kNever, 1 - kNever);
  return std::log(bounded / (1 - bounded));
}

bool is_confirmed(const Suspect& suspect) {
  return log_odds(suspect.posterior) >= std::log(plan::kConfirmOdds);
}

// Whether packets could tell the suspect from the rest of its group.
bool is_splittable(const Suspect& suspect) {
  return !suspect.ambiguous_with.empty() && suspect.packets_to_split.has_value();
}

void add_suspect(const Suspect& suspect, double log_prior, const LinkFinder& links_of,
                 std::vector<Contested>& contested) {
  std::vector<std::string> ids{suspect.id};
  if (is_splittable(suspect)) {
    ids.insert(ids.end(), suspect.ambiguous_with.begin(), suspect.ambiguous_with.end());
  }
  // Which of a group it is stays open however sure one is of the group.
  const double odds =
      ids.size() > 1 ? std::min(0.0, log_odds(suspect.posterior)) : log_odds(suspect.posterior);
  for (const auto& id : ids) {
    contested.push_back({.id = id,
                         .log_bayes = odds - log_prior,
                         .log_odds = odds,
                         .loss = suspect.loss,
                         .links = links_of(id)});
  }
}

// The path's links, if the route is one known path.
std::optional<std::span<const LinkIndex>> known_path(const ObservationSet& set,
                                                     localize::RouteIndex route) {
  const auto candidates = set.at(route);
  if (candidates.size() != 1) return std::nullopt;
  const auto links = set.at(candidates.front().path);
  const bool silent = std::ranges::any_of(links, [&](LinkIndex link) {
    return set.at(link).from == localize::kSilentHop || set.at(link).to == localize::kSilentHop;
  });
  return silent ? std::nullopt : std::optional(links);
}

std::vector<plan::KnownFlow> known_flows(const ObservationSet& set,
                                         std::span<const SessionRoutes> sessions) {
  std::vector<plan::KnownFlow> flows;
  for (const auto& session : sessions) {
    plan::KnownFlow flow{.key = session.key};
    bool known = true;
    for (const auto route : {session.forward, session.back}) {
      if (route == localize::kNoRoute) continue;
      const auto links = known_path(set, route);
      known = known && links;
      if (!links) continue;
      for (const LinkIndex link : *links) flow.links.push_back(link.value());
    }
    std::ranges::sort(flow.links);
    const auto repeated = std::ranges::unique(flow.links);
    flow.links.erase(repeated.begin(), repeated.end());
    if (known && !flow.links.empty()) flows.push_back(std::move(flow));
  }
  return flows;
}

std::size_t count_sick(const ObservationSet& set) {
  constexpr double kSickMin = 0.5;  // as the localizer has it
  std::set<std::uint32_t> sick;
  for (const auto& health : set.health()) {
    if (health.sick >= kSickMin) sick.insert(health.node.value());
  }
  return sick.size();
}

}  // namespace

OpenQuestions open_questions(const ObservationSet& set, const localize::Verdict& verdict,
                             std::span<const SessionRoutes> sessions) {
  OpenQuestions open{
      .nodes_sick = count_sick(set), .packets = verdict.packets, .lost = verdict.lost};
  const LinkFinder links_of(set);
  // As the localizer has it: about e faults in a network.
  const double log_prior = -std::max(6.0, std::log(std::max(1.0, double(verdict.components))) - 1);
  std::vector<Contested> contested;
  Links bad;
  for (const auto& suspect : verdict.suspects) {
    const bool is_open = !is_confirmed(suspect) || is_splittable(suspect);
    // That a group holds the fault does not confirm its first member.
    if (!is_open) open.suspects.push_back(suspect.id);
    if (is_open) {
      add_suspect(suspect, log_prior, links_of, contested);
      continue;
    }
    std::vector<std::string> ids{suspect.id};
    ids.insert(ids.end(), suspect.ambiguous_with.begin(), suspect.ambiguous_with.end());
    for (const auto& id : ids) std::ranges::copy(links_of(id), std::back_inserter(bad));
  }
  std::set<std::string> named;
  for (const auto& it : contested) named.insert(it.id);
  for (const auto& near : verdict.near_misses) {
    if (!named.insert(near.id).second) continue;
    contested.push_back({.id = near.id,
                         .log_bayes = near.log_bayes,
                         .log_odds = near.log_odds,
                         .loss = near.loss,
                         .links = links_of(near.id)});
  }
  if (contested.empty()) return open;
  const auto flows = known_flows(set, sessions);
  open.contested =
      plan::telling_flows(contested, bad, flows, static_cast<std::uint32_t>(set.links().size()));
  return open;
}

}  // namespace faultline::core

#include "controller/localize/selection.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <queue>

namespace faultline::localize {
namespace {

constexpr int kRoundsMax = 12;
constexpr int kSweepsMax = 4;
// The prior odds against one component's fault are (number of links) / e, and never under e^6: a
// healthy network is judged every window, for years.
constexpr double kPenaltyMin = 6;
// Of the faults that a link's loss could be, most are of one direction.
constexpr double kPenaltyCable = 1.0;
constexpr double kPenaltyDevice = 0.5;
// A prober that calls itself sick is the first to be suspected (R-Pingmesh, SIGCOMM 2024).
constexpr double kSickMin = 0.5;
// Rates below this multiple of the background are the background's own scatter.
constexpr double kBackgroundScatter = 3;
// A swap must gain this much, or two equal explanations would take turns.
constexpr double kSwapGainMin = 0.05;
// Components that gain less than this on a coarse grid of rates are not looked at closely: Occam's
// factor and the prior take more.
constexpr double kRoughGainMin = 2;
// Alternatives this much less likely (1 in 3,000) change no posterior and are not worth a sentence.
constexpr double kLogAlternativeMax = 8;
// A suspect that crosses this share of all lossy flows may be the background in disguise.
constexpr double kWideShare = 0.1;

struct Ranked {
  double total = 0;
  std::uint32_t component = 0;

  bool operator<(const Ranked& other) const {
    if (total != other.total) return total < other.total;
    return component > other.component;
  }
};

}  // namespace

Selection::Selection(const ObservationSet& set, const Problem& problem,
                     const ComponentTable& components)
    : problem_(problem),
      components_(components),
      likelihood_(problem),
      penalty_(std::max(kPenaltyMin, std::log(std::max(1U, components.directed_links())) - 1)) {
  learn_sickness(set);
}

void Selection::learn_sickness(const ObservationSet& set) {
  std::vector<double> by_device(set.devices().size());
  for (const ProbeHealth& health : set.health()) {
    double& sick = by_device[health.node.value()];
    sick = std::max(sick, health.sick);
  }
  sickness_.resize(components_.size());
  for (std::uint32_t i = 0; i < components_.size(); ++i) {
    for (const ComponentName& name : components_.at(i).names) {
      const bool is_link = name.kind == SuspectKind::kLink || name.kind == SuspectKind::kCable;
      if (!is_link) sickness_[i] = std::max(sickness_[i], by_device[name.index]);
    }
  }
}

double Selection::log_prior(std::uint32_t component) const {
  if (sickness_[component] >= kSickMin) return 0;
  // One that admits to less is suspected the more, in proportion: what probers say of themselves is
  // what they noticed.
  const double well = 1 - sickness_[component] / kSickMin;
  switch (components_.at(component).names.front().kind) {
    case SuspectKind::kLink:
      return -penalty_;
    case SuspectKind::kCable:
      return -penalty_ - kPenaltyCable;
    default:
      return well * (-penalty_ - kPenaltyDevice);
  }
}

bool Selection::is_chosen(std::uint32_t component) const {
  return std::ranges::any_of(chosen_,
                             [&](const Choice& choice) { return choice.component == component; });
}

bool Selection::is_chosen_twice(std::uint32_t component) const {
  return std::ranges::count(chosen_, component, &Choice::component) > 1;
}

ModeSet Selection::free_modes(std::uint32_t component, const Choice* except) const {
  ModeSet modes;
  for (const Choice& choice : chosen_) {
    if (choice.component != component || &choice == except) continue;
    (choice.score.mode == FaultMode::kLoss ? modes.loss : modes.dead) = false;
  }
  return modes;
}

void Selection::refresh_background() {
  std::vector<std::uint8_t> excluded(problem_.crossed.size());
  for (const Choice& choice : chosen_) {
    for (const std::uint32_t link : components_.links_of(choice.component)) excluded[link] = 1;
  }
  const Background background = fit_background(likelihood_, problem_, components_, excluded);
  likelihood_.set_background(background_by_link(background, components_, excluded.size()));
  const double highest = std::max(background.host, background.fabric);
  range_.loss_min = std::max(RateRange{}.loss_min, kBackgroundScatter * highest);
}

bool Selection::worth_scoring(const Likelihood::Footprint& footprint) const {
  constexpr double kFewFlows = 3;
  if (footprint.lossy_flows == 0) return false;
  return footprint.lossy_flows > 1 || footprint.clean_flows < kFewFlows;
}

Choice Selection::evaluate(std::uint32_t component, const Choice* except) {
  const auto links = components_.links_of(component);
  Choice choice{component, {}, -1e9};
  likelihood_.lossy_footprint(links, footprint_);
  if (!worth_scoring(footprint_)) return choice;
  if (rough_gain(likelihood_, footprint_, range_) < kRoughGainMin) return choice;
  likelihood_.footprint(links, footprint_);
  choice.score = score(likelihood_, footprint_, range_, free_modes(component, except));
  choice.total = choice.score.log_bayes + log_prior(component);
  return choice;
}

void Selection::put(const Choice& choice) {
  likelihood_.add(components_.links_of(choice.component), choice.score.exponents());
  chosen_.push_back(choice);
}

Choice Selection::take(std::size_t index) {
  const Choice choice = chosen_[index];
  Exponents amount = choice.score.exponents();
  amount.loss = -amount.loss;
  amount.dead = -amount.dead;
  likelihood_.add(components_.links_of(choice.component), amount);
  chosen_.erase(chosen_.begin() + static_cast<std::ptrdiff_t>(index));
  return choice;
}

double Selection::optimistic_total(std::uint32_t component) {
  const auto links = components_.links_of(component);
  likelihood_.lossy_footprint(links, footprint_);
  if (!worth_scoring(footprint_)) return -1e9;
  double gain = rough_gain(likelihood_, footprint_, range_);
  if (gain < kRoughGainMin) return -1e9;
  if (problem_.lossy_count < problem_.active.size()) {
    likelihood_.footprint(links, footprint_);
    gain = rough_gain(likelihood_, footprint_, range_);
    if (gain < kRoughGainMin) return -1e9;
  }
  // Between two points of the coarse grid the peak may be that much higher.
  return 1.5 * gain + 3 + log_prior(component);
}

bool Selection::add_greedily() {
  std::priority_queue<Ranked> queue;
  for (std::uint32_t i = 0; i < components_.size(); ++i) {
    if (is_chosen_twice(i)) continue;
    const double total = optimistic_total(i);
    if (total > 0) queue.push({total, i});
  }
  bool added = false;
  while (!queue.empty() && chosen_.size() < kSelectedMax) {
    const Ranked top = queue.top();
    queue.pop();
    const Choice fresh = evaluate(top.component);
    if (fresh.total <= 0) continue;
    if (!queue.empty() && fresh.total < queue.top().total - 1e-9) {
      queue.push({fresh.total, top.component});
      continue;
    }
    put(fresh);
    added = true;
  }
  return added;
}

void Selection::refit() {
  for (int sweep = 0; sweep < kSweepsMax; ++sweep) {
    double change = 0;
    for (Choice& choice : chosen_) {
      const auto links = components_.links_of(choice.component);
      const Exponents old = choice.score.exponents();
      likelihood_.add(links, {-old.loss, -old.dead});
      likelihood_.footprint(links, footprint_);
      const Score fresh = refine(likelihood_, footprint_, choice.score, range_);
      change = std::max(change, std::abs(std::log(fresh.exponent / choice.score.exponent)));
      choice.score = fresh;
      likelihood_.add(links, fresh.exponents());
    }
    if (change < 0.02) break;
  }
  rescore();
}

void Selection::rescore() {
  for (Choice& choice : chosen_) {
    const auto links = components_.links_of(choice.component);
    const Exponents old = choice.score.exponents();
    likelihood_.add(links, {-old.loss, -old.dead});
    const Choice fresh = evaluate(choice.component, &choice);
    if (fresh.score.exponent > 0) {
      choice = fresh;
    } else {
      choice.total = fresh.total;
    }
    likelihood_.add(links, choice.score.exponents());
  }
}

bool Selection::drop() {
  bool dropped = false;
  for (;;) {
    const auto worst = std::ranges::min_element(chosen_, {}, &Choice::total);
    if (worst == chosen_.end() || worst->total > 0) return dropped;
    take(static_cast<std::size_t>(worst - chosen_.begin()));
    dropped = true;
    refit();
  }
}

std::vector<std::uint32_t> Selection::rivals(std::uint32_t component, double total_min) {
  likelihood_.lossy_footprint(components_.links_of(component), footprint_);
  std::map<std::uint32_t, double> reach;  // at most so much can a component explain of these losses
  std::vector<std::uint32_t> over;
  for (const Likelihood::Footprint::Record& it : footprint_.records) {
    const double bound = likelihood_.gain_bound(it.record);
    const std::uint32_t first = likelihood_.first_way(it.record);
    over.clear();
    for (std::uint32_t way = first; way < first + likelihood_.way_count(it.record); ++way) {
      for (const std::uint32_t link : likelihood_.links_of_way(way)) {
        const auto components = components_.over_link(link);
        over.insert(over.end(), components.begin(), components.end());
      }
    }
    std::ranges::sort(over);
    over.erase(std::unique(over.begin(), over.end()), over.end());
    for (const std::uint32_t rival : over) reach[rival] += bound;
  }
  std::vector<std::uint32_t> result;
  for (const auto& [rival, gain] : reach) {
    if (gain + log_prior(rival) >= total_min) result.push_back(rival);
  }
  return result;
}

std::vector<Choice> Selection::alternatives(std::size_t index) {
  const Choice own = take(index);
  std::vector<Choice> result;
  const double total_min = own.total - kLogAlternativeMax;
  for (const std::uint32_t rival : rivals(own.component, total_min)) {
    if (is_chosen_twice(rival)) continue;
    const Choice choice = evaluate(rival);
    if (choice.total > total_min || rival == own.component) result.push_back(choice);
  }
  std::ranges::sort(result, [](const Choice& a, const Choice& b) {
    return a.total != b.total ? a.total > b.total : a.component < b.component;
  });
  likelihood_.add(components_.links_of(own.component), own.score.exponents());
  chosen_.insert(chosen_.begin() + static_cast<std::ptrdiff_t>(index), own);
  return result;
}

bool Selection::swap() {
  bool swapped = false;
  for (std::size_t i = 0; i < chosen_.size(); ++i) {
    const std::vector<Choice> ranked = alternatives(i);
    const auto own = std::ranges::find(ranked, chosen_[i].component, &Choice::component);
    if (ranked.empty() || ranked.front().component == chosen_[i].component) continue;
    if (own != ranked.end() && ranked.front().total < own->total + kSwapGainMin) continue;
    take(i);
    put(ranked.front());
    std::rotate(chosen_.begin() + static_cast<std::ptrdiff_t>(i), chosen_.end() - 1, chosen_.end());
    swapped = true;
  }
  return swapped;
}

bool Selection::challenge() {
  bool dropped = false;
  for (std::size_t i = 0; i < chosen_.size();) {
    likelihood_.lossy_footprint(components_.links_of(chosen_[i].component), footprint_);
    if (footprint_.lossy_flows < kWideShare * problem_.lossy_count) {
      ++i;
      continue;
    }
    const Choice own = take(i);
    refresh_background();
    const Choice again = evaluate(own.component);
    if (again.total <= 0) {
      dropped = true;
      continue;
    }
    put(again);
    std::rotate(chosen_.begin() + static_cast<std::ptrdiff_t>(i), chosen_.end() - 1, chosen_.end());
    ++i;
  }
  return dropped;
}

bool Selection::try_merge(std::uint32_t device, std::vector<std::size_t> members) {
  std::ranges::sort(members, std::greater<>{});
  // The evidence for the members together: one after the other, each given those still in.
  double apart = 0;
  std::vector<Choice> taken;
  for (const std::size_t member : members) {
    taken.push_back(take(member));
    apart += evaluate(taken.back().component).total;
  }
  const Choice together = evaluate(device);
  if (together.total > std::max(0.0, apart + kSwapGainMin)) {
    put(together);
    return true;
  }
  for (const Choice& choice : taken) put(choice);
  return false;
}

bool Selection::merge() {
  bool merged = false;
  for (std::uint32_t device = 0; device < components_.size(); ++device) {
    const auto links = components_.links_of(device);
    if (links.size() < 2 || is_chosen(device)) continue;
    std::vector<std::size_t> members;
    for (std::size_t i = 0; i < chosen_.size(); ++i) {
      const auto inner = components_.links_of(chosen_[i].component);
      if (std::ranges::includes(links, inner)) members.push_back(i);
    }
    if (members.size() >= 2) merged = try_merge(device, members) || merged;
  }
  return merged;
}

std::pair<std::vector<std::uint32_t>, double> Selection::as_links(std::size_t index) {
  const std::vector<Choice> before = chosen_;
  const Choice own = take(index);
  const auto [links, total] = put_links_of(own.component);
  while (chosen_.size() >= before.size()) take(chosen_.size() - 1);
  likelihood_.add(components_.links_of(own.component), own.score.exponents());
  chosen_ = before;
  return {links, total};
}

bool Selection::split() {
  bool split = false;
  for (std::size_t i = 0; i < chosen_.size(); ++i) {
    if (components_.at(chosen_[i].component).names.front().kind <= SuspectKind::kCable) continue;
    const std::size_t others = chosen_.size() - 1;
    const Choice own = take(i);
    const auto [links, total] = put_links_of(own.component);
    if (links.size() > 1 && total > own.total + kSwapGainMin) {
      split = true;
      --i;
      continue;
    }
    while (chosen_.size() > others) take(chosen_.size() - 1);
    put(own);
    std::rotate(chosen_.begin() + static_cast<std::ptrdiff_t>(i), chosen_.end() - 1, chosen_.end());
  }
  return split;
}

std::pair<std::vector<std::uint32_t>, double> Selection::put_links_of(std::uint32_t whole) {
  std::vector<std::uint32_t> inside;
  for (const std::uint32_t link : components_.links_of(whole)) {
    for (const std::uint32_t over : components_.over_link(link)) {
      if (components_.at(over).names.front().kind <= SuspectKind::kCable) inside.push_back(over);
    }
  }
  std::vector<std::uint32_t> links;
  double total = 0;
  for (std::size_t step = 0; step < inside.size(); ++step) {
    Choice best{0, {}, -1e9};
    for (const std::uint32_t component : inside) {
      if (is_chosen(component)) continue;
      const Choice choice = evaluate(component);
      if (choice.total > best.total) best = choice;
    }
    if (best.total <= 0) break;
    total += best.total;
    put(best);
    links.push_back(best.component);
  }
  return {links, total};
}

void Selection::run() {
  for (int round = 0; round < kRoundsMax; ++round) {
    refresh_background();
    refit();
    bool changed = drop();
    changed = add_greedily() || changed;
    refit();
    changed = merge() || changed;
    changed = split() || changed;
    changed = swap() || changed;
    changed = challenge() || changed;
    refit();
    drop();
    if (!changed) return;
  }
}

}  // namespace faultline::localize

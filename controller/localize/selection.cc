#include "controller/localize/selection.h"

#include <algorithm>
#include <cmath>

namespace faultline::localize {
namespace {

constexpr int kRoundsMax = 12;
constexpr int kSweepsMax = 4;
// The prior odds against one component's fault are (number of links) / e, and never under e^6: a
// healthy network is judged every window, for years.
constexpr double kPenaltyMin = 6;
// What is known of how many faults of a kind a network has is Jeffreys' prior for a count, so that
// beside k others one more has the odds (k + 1/2) / links: the first fault is not believed as
// easily as the fourth. Never better than e / links.
constexpr double kFaultsShape = 0.5;
// Of the faults that a link's loss could be, most are of one direction.
constexpr double kPenaltyCable = 1.0;
constexpr double kPenaltyDevice = 0.5;
// A prober that calls itself sick is the first to be suspected (R-Pingmesh, SIGCOMM 2024).
constexpr double kSickMin = 0.5;
// Rates below this multiple of the background are the background's own scatter.
constexpr double kBackgroundScatter = 3;
// Components that gain less than this on a coarse grid of rates are not looked at closely: Occam's
// factor and the prior take more.
constexpr double kRoughGainMin = 2;
// Alternatives this much less likely (1 in 3,000) change no posterior and are not worth a sentence.
constexpr double kLogAlternativeMax = 8;
// Less than this and the data speak against a component.
constexpr double kLogBayesNear = -1.5;
// A suspect that crosses this share of all lossy flows may be the background in disguise.
constexpr double kWideShare = 0.1;

}  // namespace

Selection::Selection(const ObservationSet& set, const Problem& problem,
                     const ComponentTable& components)
    : problem_(problem),
      components_(components),
      likelihood_(problem),
      log_links_(std::log(std::max(1U, components.directed_links()))),
      penalty_(std::max(kPenaltyMin, log_links_ - 1)),
      screen_(problem, components, likelihood_),
      crossed_(problem, components),
      reach_(components.size()) {
  learn_sickness(set);
  // Losses are shared out by what is assumed, so something must be.
  likelihood_.set_background(background_by_link(background_, components, problem.crossed.size()));
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
    log_prior_.push_back(prior_of(i));
  }
}

double Selection::prior_of(std::uint32_t component) const {
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

bool Selection::is_edge(std::uint32_t component) const {
  return components_.at(component).names.front().kind <= SuspectKind::kCable;
}

double Selection::rarity(std::uint32_t component, FaultMode mode,
                         std::span<const Choice> others) const {
  const auto alike = [&](const Choice& other) {
    if (is_edge(other.component) != is_edge(component)) return false;
    return !is_edge(component) || other.score.mode == mode;
  };
  const auto count = static_cast<double>(std::ranges::count_if(others, alike));
  const double penalty = log_links_ - std::min(1.0, std::log(count + kFaultsShape));
  const double sick = is_edge(component) ? 0 : std::min(1.0, sickness_[component] / kSickMin);
  return -(1 - sick) * std::max(0.0, penalty - penalty_);
}

bool Selection::is_chosen(std::uint32_t component) const {
  return std::ranges::find(chosen_, component, &Choice::component) != chosen_.end();
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
  background_ = fit_background(likelihood_, problem_, components_, excluded);
  likelihood_.set_background(background_by_link(background_, components_, excluded.size()));
  const double highest = std::max(background_.host, background_.fabric);
  range_.loss_min = std::max(RateRange{}.loss_min, kBackgroundScatter * highest);
}

bool Selection::worth_scoring(const Likelihood::Footprint& footprint) const {
  constexpr double kFewFlows = 3;
  if (footprint.lossy_flows == 0) return false;
  return footprint.lossy_flows > 1 || footprint.clean_flows < kFewFlows;
}

Choice Selection::evaluate(std::uint32_t component, double total_min) {
  return evaluate_beside(chosen_, component, free_modes(component, nullptr), total_min);
}

Choice Selection::evaluate_again(const Choice& choice) {
  std::vector<Choice> others;
  for (const Choice& other : chosen_) {
    if (&other != &choice) others.push_back(other);
  }
  return evaluate_beside(others, choice.component, free_modes(choice.component, &choice), 0);
}

Choice Selection::evaluate_beside(std::span<const Choice> others, std::uint32_t component,
                                  ModeSet modes, double total_min) {
  Choice choice{component, {}, -1e9};
  likelihood_.footprint(components_.links_of(component), footprint_);
  if (!worth_scoring(footprint_)) return choice;
  const double prior = log_prior(component);
  const double gain_min = std::max(above_coarse(kRoughGainMin), total_min - prior);
  const auto consider = [&](FaultMode mode, double log_prior_mode) {
    likelihood_.column(footprint_, mode, column_);
    Score found = score(column_, range_, gain_min);
    found.log_bayes += log_prior_mode;
    const double total = found.log_bayes + prior + rarity(component, mode, others);
    if (total > choice.total) choice = {component, found, total};
  };
  if (modes.loss) consider(FaultMode::kLoss, 0);
  if (modes.dead && footprint_.dead_flows >= kDeadFlowsMin) {
    consider(FaultMode::kDead, kLogPriorDead);
  }
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

// Totals computed while less was explained are too high, nearly always, so that the best one, when
// it still is the best after it was computed anew, is the best of all.
bool Selection::put_best_of(std::priority_queue<Ranked>& queue) {
  const std::size_t before = chosen_.size();
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
  }
  return chosen_.size() > before;
}

bool Selection::add_greedily() {
  std::priority_queue<Ranked> queue;
  for (const Candidate& it : screen_.scan(likelihood_, range_, kRoughGainMin)) {
    if (is_chosen_twice(it.component)) continue;
    const double total = above_coarse(it.gain) + log_prior(it.component);
    if (total > 0) queue.push({total, it.component});
  }
  return put_best_of(queue);
}

void Selection::refit() {
  refit_exponents(0);
  rescore();
}

void Selection::refit_exponents(std::size_t first) {
  for (int sweep = 0; sweep < kSweepsMax; ++sweep) {
    double change = 0;
    for (std::size_t i = first; i < chosen_.size(); ++i) {
      Choice& choice = chosen_[i];
      const auto links = components_.links_of(choice.component);
      const Exponents old = choice.score.exponents();
      likelihood_.add(links, {-old.loss, -old.dead});
      likelihood_.footprint(links, footprint_);
      likelihood_.column(footprint_, choice.score.mode, column_);
      const Score fresh = refine(column_, choice.score, range_);
      change = std::max(change, std::abs(std::log(fresh.exponent / choice.score.exponent)));
      choice.score = fresh;
      likelihood_.add(links, fresh.exponents());
    }
    if (change < 0.02) break;
  }
}

void Selection::rescore() {
  for (Choice& choice : chosen_) {
    const auto links = components_.links_of(choice.component);
    const Exponents old = choice.score.exponents();
    likelihood_.add(links, {-old.loss, -old.dead});
    const Choice fresh = evaluate_again(choice);
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
  std::vector<std::uint32_t> reached;
  for (const Likelihood::Footprint::Record& it : footprint_.records) {
    // At most so much can any component explain of these losses, and less if only some ways of the
    // flow cross it.
    const double most = likelihood_.gain_bound(it.record);
    crossed_.visit(likelihood_, it.record, [&](std::uint32_t rival, double weight) {
      if (reach_[rival] == 0) reached.push_back(rival);
      const bool certain = weight > 0.999 || most > 100;
      reach_[rival] += 1e-12 + (certain ? most : std::log1p(weight * std::exp(most)));
    });
  }
  std::vector<std::uint32_t> result;
  for (const std::uint32_t rival : reached) {
    if (reach_[rival] + log_prior(rival) >= total_min) result.push_back(rival);
    reach_[rival] = 0;
  }
  std::ranges::sort(result);
  return result;
}

std::vector<Choice> Selection::alternatives(std::size_t index) {
  const Choice own = take(index);
  std::vector<Choice> result;
  const double total_min = own.total - kLogAlternativeMax;
  for (const std::uint32_t rival : rivals(own.component, total_min)) {
    if (is_chosen_twice(rival)) continue;
    const Choice choice = evaluate(rival, rival == own.component ? 0 : total_min);
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

std::vector<Choice> Selection::near_misses(std::size_t most) {
  std::vector<Choice> result;
  for (std::uint32_t i = 0; most > 0 && i < components_.size(); ++i) {
    if (is_chosen(i)) continue;
    // Not evaluate(): it gives up where a component cannot become a choice.
    likelihood_.lossy_footprint(components_.links_of(i), footprint_);
    if (!worth_scoring(footprint_)) continue;
    likelihood_.footprint(components_.links_of(i), footprint_);
    likelihood_.column(footprint_, FaultMode::kLoss, column_);
    const Score it = score(column_, range_, kLogBayesNear);
    if (it.log_bayes < kLogBayesNear) continue;
    result.push_back({i, it, it.log_bayes + log_prior(i) + rarity(i, it.mode, chosen_)});
  }
  std::ranges::sort(result, [](const Choice& a, const Choice& b) {
    return a.total != b.total ? a.total > b.total : a.component < b.component;
  });
  if (result.size() > most) result.resize(most);
  return result;
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

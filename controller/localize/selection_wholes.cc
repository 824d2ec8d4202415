// The part of Selection in which wholes (cables, devices) compete with their links.
#include <algorithm>
#include <queue>

#include "controller/localize/selection.h"

namespace faultline::localize {
namespace {

// So many first halves of a pair are tried in place of one link.
constexpr std::size_t kPairSeedsMax = 3;

}  // namespace

double Selection::evidence_together(std::size_t first) {
  refit_exponents(first);
  double total = 0;
  const auto reverse = [&](const Choice& choice, double sign) {
    const Exponents exponents = choice.score.exponents();
    likelihood_.add(components_.links_of(choice.component),
                    {sign * exponents.loss, sign * exponents.dead});
  };
  const auto look = [&](const Choice& choice) {
    likelihood_.footprint(components_.links_of(choice.component), footprint_);
    likelihood_.column(footprint_, choice.score.mode, column_);
  };
  // What each costs: Occam's factor, given all the others, and its prior.
  for (std::size_t i = first; i < chosen_.size(); ++i) {
    const Choice& choice = chosen_[i];
    reverse(choice, -1);
    look(choice);
    const Score alone = score(column_, range_, 0);
    total += alone.log_bayes - column_.gain(alone.exponent) + log_prior(choice.component) +
             rarity(choice.component, choice.score.mode, std::span(chosen_).first(i));
    if (choice.score.mode == FaultMode::kDead) total += kLogPriorDead;
    reverse(choice, 1);
  }
  // What they gain, exactly: one after the other, each given those before it.
  for (std::size_t i = chosen_.size(); i-- > first;) {
    reverse(chosen_[i], -1);
    look(chosen_[i]);
    total += column_.gain(chosen_[i].score.exponent);
  }
  for (std::size_t i = first; i < chosen_.size(); ++i) reverse(chosen_[i], 1);
  return total;
}

bool Selection::try_merge(std::uint32_t device, std::vector<std::size_t> members) {
  std::ranges::sort(members, std::greater<>{});
  std::vector<Choice> taken;
  for (const std::size_t member : members) taken.push_back(take(member));
  const std::size_t first = chosen_.size();
  for (const Choice& choice : taken) put(choice);
  const double apart = evidence_together(first);
  while (chosen_.size() > first) take(chosen_.size() - 1);
  const Choice together = evaluate(device);
  if (together.total > std::max(0.0, apart + kSwapGainMin)) {
    put(together);
    return true;
  }
  for (const Choice& choice : taken) put(choice);
  return false;
}

std::vector<std::uint32_t> Selection::wholes() const {
  std::vector<std::uint32_t> result;
  for (const Choice& choice : chosen_) {
    for (const std::uint32_t over :
         components_.over_link(components_.links_of(choice.component)[0])) {
      if (components_.links_of(over).size() > 1) result.push_back(over);
    }
  }
  std::ranges::sort(result);
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

bool Selection::merge() {
  bool merged = false;
  for (const std::uint32_t device : wholes()) {
    const auto links = components_.links_of(device);
    if (is_chosen(device)) continue;
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
    const std::uint32_t whole = chosen_[i].component;
    if (!withstood_split_.insert(whole).second) continue;
    const std::size_t others = chosen_.size() - 1;
    const Choice own = take(i);
    const auto [links, total] = is_edge(whole) ? put_pair_for(own) : put_links_of(own.component);
    if (links.size() > 1 && total > own.total + kSwapGainMin) {
      split = true;
      withstood_split_.erase(whole);
      --i;
      continue;
    }
    while (chosen_.size() > others) take(chosen_.size() - 1);
    put(own);
    std::rotate(chosen_.begin() + static_cast<std::ptrdiff_t>(i), chosen_.end() - 1, chosen_.end());
  }
  return split;
}

std::pair<std::vector<std::uint32_t>, double> Selection::put_pair_for(const Choice& own) {
  const auto inside = components_.links_of(own.component);
  const auto rivals_for = [&](double total_min) {
    std::vector<Choice> result;
    for (const std::uint32_t rival : rivals(own.component, total_min)) {
      // Devices have their turn in merge(), and cost the most to weigh.
      const auto links = components_.links_of(rival);
      if (links.size() > 1 || links[0] == inside[0] || is_chosen(rival)) continue;
      const Choice choice = evaluate(rival, total_min);
      if (choice.total >= total_min) result.push_back(choice);
    }
    std::ranges::stable_sort(result, std::greater<>{}, &Choice::total);
    return result;
  };
  // Of two that together are better, the stronger one has half of the evidence.
  std::vector<Choice> seeds = rivals_for(own.total / 2);
  if (seeds.size() > kPairSeedsMax) seeds.resize(kPairSeedsMax);
  std::vector<Choice> best;
  double best_total = own.total;
  for (const Choice& seed : seeds) {
    put(seed);
    const std::vector<Choice> seconds = rivals_for(std::max(0.0, best_total - seed.total));
    if (!seconds.empty()) {
      best = {seed, seconds.front()};
      best_total = seed.total + seconds.front().total;
    }
    take(chosen_.size() - 1);
  }
  for (const Choice& choice : best) put(choice);
  if (best.empty()) return {};
  return {{best[0].component, best[1].component}, best_total};
}

std::pair<std::vector<std::uint32_t>, double> Selection::put_links_of(std::uint32_t whole) {
  std::vector<std::uint32_t> inside;
  for (const std::uint32_t link : components_.links_of(whole)) {
    for (const std::uint32_t over : components_.over_link(link)) {
      if (components_.at(over).names.front().kind <= SuspectKind::kCable) inside.push_back(over);
    }
  }
  std::ranges::sort(inside);
  inside.erase(std::unique(inside.begin(), inside.end()), inside.end());
  const std::size_t first = chosen_.size();
  std::priority_queue<Ranked> queue;
  for (const std::uint32_t component : inside) {
    if (is_chosen(component)) continue;
    const Choice choice = evaluate(component);
    if (choice.total > 0) queue.push({choice.total, component});
  }
  put_best_of(queue);
  // A cable that was taken while other links were unexplained may be one direction only.
  for (std::size_t i = chosen_.size(); i-- > first;) {
    const Choice own = take(i);
    Choice best = evaluate(own.component);
    for (const std::uint32_t link : components_.links_of(own.component)) {
      // Links are the first components, so a link is the first one over itself.
      const Choice choice = evaluate(components_.over_link(link).front());
      if (choice.total > best.total) best = choice;
    }
    put(best);
    std::rotate(chosen_.begin() + static_cast<std::ptrdiff_t>(i), chosen_.end() - 1, chosen_.end());
  }
  const double total = evidence_together(first);
  std::vector<std::uint32_t> links;
  for (std::size_t i = first; i < chosen_.size(); ++i) links.push_back(chosen_[i].component);
  return {links, total};
}

}  // namespace faultline::localize

// Selection: the smallest set of faulty components that explains the losses.
//
// Greedy forward steps by log Bayes factor with lazy rescoring, then joint refit, backward drops,
// swaps and merges (a device against its links), all repeated with a new background and a full
// rescan until nothing changes: scores that were computed while a big fault was unexplained are
// stale, and small faults come to light only afterwards.
//
// Thread safety: none. Deterministic.
#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "controller/localize/background.h"
#include "controller/localize/components.h"
#include "controller/localize/likelihood.h"
#include "controller/localize/score.h"
#include "controller/localize/screen.h"

namespace faultline::localize {

// No network has so many faults at once that naming more would help anybody.
inline constexpr std::size_t kSelectedMax = 1024;

// A swap must gain this much, or two equal explanations would take turns.
inline constexpr double kSwapGainMin = 0.05;

struct Choice {
  std::uint32_t component = 0;
  Score score;
  double total = 0;  // log Bayes factor plus log prior odds
};

class Selection {
  struct Ranked {
    double total = 0;
    std::uint32_t component = 0;

    bool operator<(const Ranked& other) const {
      if (total != other.total) return total < other.total;
      return component > other.component;
    }
  };

 public:
  Selection(const ObservationSet& set, const Problem& problem, const ComponentTable& components);

  void run();

  [[nodiscard]] const std::vector<Choice>& chosen() const { return chosen_; }
  [[nodiscard]] const Likelihood& likelihood() const { return likelihood_; }
  [[nodiscard]] double log_prior(std::uint32_t component) const { return log_prior_[component]; }
  [[nodiscard]] double sickness(std::uint32_t component) const { return sickness_[component]; }

  // What else would explain what this choice explains, the choice itself included; best first.
  [[nodiscard]] std::vector<Choice> alternatives(std::size_t chosen);
  // Components that are not chosen though the data do not speak against them, most likely first.
  [[nodiscard]] std::vector<Choice> near_misses(std::size_t most);
  // The best explanation of a chosen device's losses by links and cables alone, and its total.
  [[nodiscard]] std::pair<std::vector<std::uint32_t>, double> as_links(std::size_t chosen);

 private:
  void learn_sickness(const ObservationSet& set);
  [[nodiscard]] double prior_of(std::uint32_t component) const;
  void refresh_background();
  // A component may be chosen once per mode: a link can have a small MTU and lose packets too.
  // Close to exact from `total_min` on; below it, only about an upper bound.
  [[nodiscard]] Choice evaluate(std::uint32_t component, double total_min = 0);
  // Likewise for a choice whose exponents were taken out but that is still in chosen_.
  [[nodiscard]] Choice evaluate_again(const Choice& choice);
  [[nodiscard]] Choice evaluate_beside(std::span<const Choice> others, std::uint32_t component,
                                       ModeSet modes, double total_min);
  // What log_prior() is too high by when these are all other faults; at most 0.
  [[nodiscard]] double rarity(std::uint32_t component, FaultMode mode,
                              std::span<const Choice> others) const;
  [[nodiscard]] bool is_edge(std::uint32_t component) const;
  [[nodiscard]] ModeSet free_modes(std::uint32_t component, const Choice* except) const;
  [[nodiscard]] bool worth_scoring(const Likelihood::Footprint& footprint) const;
  void put(const Choice& choice);
  Choice take(std::size_t index);
  // Whether any was worth it.
  bool put_best_of(std::priority_queue<Ranked>& queue);
  bool add_greedily();
  void refit();
  void refit_exponents(std::size_t first);
  // The log Bayes factor plus prior odds of the choices from `first` on, all of them against none,
  // at exponents fitted jointly. Adding up what each explains by itself would count the losses that
  // several could explain once for each.
  double evidence_together(std::size_t first);
  void rescore();
  bool drop();
  bool swap();
  bool merge();
  // Drops suspects that are not needed once the background is fitted without them.
  bool challenge();
  // Replaces a device by links and cables of it when these explain more.
  bool split();
  // Adds links and cables of a device one by one, while they gain; which, and their total.
  std::pair<std::vector<std::uint32_t>, double> put_links_of(std::uint32_t whole);
  // The same for the two components that explain better what `own` explained: flows of two faults
  // may meet in one healthy link, which then is the best single explanation, and greedy steps that
  // began there find the way back to neither. Nothing when there are none.
  std::pair<std::vector<std::uint32_t>, double> put_pair_for(const Choice& own);
  bool try_merge(std::uint32_t device, std::vector<std::size_t> members);
  // Components whose total could reach `total_min` by explaining losses that cross `component`.
  [[nodiscard]] std::vector<std::uint32_t> rivals(std::uint32_t component, double total_min);
  [[nodiscard]] bool is_chosen(std::uint32_t component) const;
  // Components with several links that hold all of a chosen one's, in order.
  [[nodiscard]] std::vector<std::uint32_t> wholes() const;
  [[nodiscard]] bool is_chosen_twice(std::uint32_t component) const;

  const Problem& problem_;
  const ComponentTable& components_;
  Likelihood likelihood_;
  Background background_;
  RateRange range_;
  double log_links_ = 0;
  double penalty_ = 0;
  std::vector<double> sickness_;  // by component
  std::vector<double> log_prior_;
  std::vector<Choice> chosen_;
  std::set<std::uint32_t> withstood_split_;  // not tried again, as it costs much
  Screen screen_;
  CrossedComponents crossed_;
  Likelihood::Footprint footprint_;  // scratch, like the two below
  Column column_;
  std::vector<double> reach_;  // by component
};

}  // namespace faultline::localize

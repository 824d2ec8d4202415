// Baselines: the published localizers that the core is measured against, re-implemented from their
// papers and from the code of Flock's authors, who implemented all three for their comparison.
//
// Each has parameters that its authors calibrate on training traces; the defaults here are what
// `localize_campaign calibrate` finds (best mean F1 over the training cases, one setting for all).
//
// Thread safety: pure. Results are ids of links ("a>b") and devices.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "controller/localize/observation_set.h"
#include "tests/campaign/localize/flow_table.h"

namespace faultline::campaign {

using Names = std::vector<std::string>;

// 007 (Arzani et al., NSDI 2018), algorithm 1: every flow with a loss votes 1/h for each of its h
// links; the link with the most votes is blamed while its share of all votes is at least
// `share_min`, and the flows across it vote no more.
struct VotesParameters {
  double share_min = 0.00285;
};
[[nodiscard]] Names votes_007(const FlowTable& table, const VotesParameters& parameters);
[[nodiscard]] Names votes_007(const localize::ObservationSet& set,
                              const VotesParameters& parameters);

// NetBouncer (Tan et al., NSDI 2019): success rates x of the links by coordinate descent on
// sum (y - prod x)^2 + regularization * sum x (1 - x), y the measured rate of each path; links at
// or below 1 - loss_min are bad. Devices with more than `device_share` of lossy flows are bad
// themselves and their links are left out; the paper has 1 there, Flock's authors calibrate it.
struct NetBouncerParameters {
  double regularization = 0.1;
  double loss_min = 0.0015;
  double device_share = 0.2;
};
[[nodiscard]] Names net_bouncer(const FlowTable& table, const NetBouncerParameters& parameters);
// Its steps, for calibration: loss_min counts in the last one only, device_share in the first.
[[nodiscard]] std::vector<std::uint32_t> net_bouncer_devices(const FlowTable& table,
                                                             double device_share);
// Loss by link; -1 where no flow tells.
[[nodiscard]] std::vector<double> net_bouncer_losses(const FlowTable& table,
                                                     const std::vector<std::uint32_t>& bad_devices,
                                                     double regularization);
[[nodiscard]] Names net_bouncer_names(const FlowTable& table,
                                      const std::vector<std::uint32_t>& bad_devices,
                                      const std::vector<double>& losses, double loss_min);
[[nodiscard]] Names net_bouncer(const localize::ObservationSet& set,
                                const NetBouncerParameters& parameters);

// Flock (Harsh et al., CoNEXT 2023): a flow loses packets at `bad_loss` when a component on its
// path failed, else at `good_loss`; greedy search for the most likely set of failed links and
// devices with joint likelihood exploration: the gains of all components are kept and only those of
// flows across an added component change. `beam` hypotheses are followed at once (its code has 50,
// greedy proper is 1); equally likely answers are united. A device costs five times a link's prior.
struct FlockParameters {
  double bad_loss = 0.003;
  double good_loss = 3e-4;
  double log_prior = -8;
  std::uint32_t beam = 50;
};
// What does not depend on the parameters is prepared once. The table must outlive it.
class FlockSearch {
 public:
  explicit FlockSearch(const FlowTable& table);
  [[nodiscard]] Names run(const FlockParameters& parameters) const;

  // Flows over each component, one component after the other.
  [[nodiscard]] std::span<const std::uint32_t> flows_over(std::uint32_t component) const {
    return {flows_over_.data() + first_[component], first_[component + 1] - first_[component]};
  }
  // Packets over each component on flows of known path.
  struct Counts {
    double lost = 0;
    double passed = 0;
  };
  [[nodiscard]] const std::vector<Counts>& counts() const { return counts_; }
  [[nodiscard]] const std::vector<std::uint32_t>& unknown_flows() const { return unknown_flows_; }

 private:
  const FlowTable& table_;
  std::vector<std::uint32_t> first_;
  std::vector<std::uint32_t> flows_over_;
  std::vector<Counts> counts_;
  std::vector<std::uint32_t> unknown_flows_;  // with more than one path
};

[[nodiscard]] Names flock(const FlowTable& table, const FlockParameters& parameters);
[[nodiscard]] Names flock(const localize::ObservationSet& set, const FlockParameters& parameters);

}  // namespace faultline::campaign

// Screen: which components could be suspects at all, from one pass over the lossy flows.
//
// Why it exists: nearly all components are healthy, and weighing each of them closely would cost
// far more than the few that matter. For a flow whose losses the present exponents explain,
// concavity bounds what an amount a more can gain: the sum of d log(1 + g a) over the flows that
// cross a component is at most D log(1 + S a / D), with D the sum of d and S that of d g. Two sums
// per link are enough, and a third for the packets that these flows did not lose. Only for flows
// that nothing explains yet is the gain itself added up, at a grid of rates.
//
// Thread safety: none. The Likelihood may change between scans, the Problem may not.
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "controller/localize/components.h"
#include "controller/localize/likelihood.h"
#include "controller/localize/score.h"

namespace faultline::localize {

// The components that the ways of one record cross.
class CrossedComponents {
 public:
  struct Crossed {
    std::uint32_t component = 0;
    std::uint32_t crossings = 0;  // on the way that crosses it most often
    double weight = 0;            // of the ways that cross it, before any loss was seen
    double share = 0;             // their part of the record's likelihood
  };

  CrossedComponents(const Problem& problem, const ComponentTable& components);

  // Valid until the next call.
  const std::vector<Crossed>& of(const Likelihood& likelihood, std::uint32_t record);
  // Calls visit(component, weight) once for each.
  template <typename Visitor>
  void visit(const Likelihood& likelihood, std::uint32_t record, Visitor visit);

 private:
  const Problem& problem_;
  const ComponentTable& components_;
  std::vector<std::uint32_t> place_;  // by component: in crossed_, valid if it points back
  std::vector<Crossed> crossed_;
  std::vector<std::uint32_t> on_way_;   // by place in crossed_
  std::vector<std::uint64_t> visited_;  // by component: the last visit that met it
  std::uint64_t visits_ = 0;
};

template <typename Visitor>
void CrossedComponents::visit(const Likelihood& likelihood, std::uint32_t record, Visitor visit) {
  if (likelihood.way_count(record) > 1) {
    for (const Crossed& it : of(likelihood, record)) visit(it.component, it.weight);
    return;
  }
  ++visits_;
  for (const std::uint32_t link : likelihood.links_of_way(likelihood.first_way(record))) {
    for (const std::uint32_t over : components_.over_link(link)) {
      if (std::exchange(visited_[over], visits_) != visits_) visit(over, 1.0);
    }
  }
}

struct Candidate {
  std::uint32_t component = 0;
  double gain = 0;  // nearly always an upper bound at the coarse rates
};

class Screen {
 public:
  Screen(const Problem& problem, const ComponentTable& components, const Likelihood& likelihood);

  // The components that gain at least `gain_min` by their bound, in order.
  const std::vector<Candidate>& scan(const Likelihood& likelihood, const RateRange& range,
                                     double gain_min);

 private:
  using Grid = std::array<float, kCoarsePoints>;
  static constexpr std::uint32_t kNone = 0xffffffff;

  // By link; a component's are those of its links, which counts a flow that crosses two of them
  // twice and so keeps the bound.
  struct Sum {
    float losses = 0;
    float slopes = 0;
    float passed = 0;       // packets of explained flows of one way
    float passed_most = 0;  // of one of them
    float dead_gain = 0;
    std::uint32_t lossy_flows = 0;
    std::uint32_t dead_flows = 0;
    std::uint32_t grid = kNone;  // into grids_
  };
  struct Explained {
    double own_share = 0;
    double dead_gain = 0;
    double odds = 0;  // the highest of its ways
  };
  // Clean flows of unknown path that are alike.
  struct Clean {
    double packets = 0;  // of each, once per crossing
    double weight = 0;   // that it crosses
    double copies = 0;
  };
  // What one record gains at the coarse rates if `share` of it crosses.
  struct Cached {
    double share = 0;
    Grid gain{};
  };

  void count_clean(const Likelihood& likelihood);
  void add_clean(std::uint32_t component, const Clean& clean);
  void add_record(const Likelihood& likelihood, std::uint32_t record);
  void add_to_link(std::uint32_t link, const ActiveRecord& flow, const Explained& explained,
                   double share);
  const Grid& grid_of(const ActiveRecord& flow, double own_share, double odds, double share);
  [[nodiscard]] Sum sum_of(std::uint32_t component) const;
  [[nodiscard]] double bound(std::uint32_t component, const Sum& sum, double gain_min) const;
  [[nodiscard]] double clean_gain(std::uint32_t component, double rate) const;

  const Problem& problem_;
  const ComponentTable& components_;
  CrossedComponents crossed_;
  std::vector<double> clean_packets_;  // by component
  std::vector<double> clean_flows_;
  std::vector<std::vector<Clean>> clean_;  // by component; empty when every path is known
  std::vector<Sum> sums_;
  std::vector<Grid> grids_;
  std::vector<Cached> cache_;
  std::vector<double> share_;  // by link: scratch, all 0 between records
  std::vector<std::uint32_t> on_record_;
  std::array<double, kCoarsePoints> rates_{};
  std::array<double, kCoarsePoints> survival_{};
  double dead_min_ = 0;
  std::vector<Candidate> candidates_;
};

}  // namespace faultline::localize

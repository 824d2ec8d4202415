// Problem: an ObservationSet reduced to what the likelihood needs.
//
// Why it exists: with every path known, a flow without loss contributes only -n to each of its
// links, so such flows fold into two counters per link and leave no other trace: the cost of
// inference follows the lossy flows. Windows of one flow are added up first: the binomial
// likelihood does not change by that, and all-or-nothing flows become visible.
//
// Silent hops become candidates: every device that joins the two known neighbors, weighted by how
// often it should have answered and did not, and an anonymous hop for what the topology does not
// know.
//
// Thread safety: none while clean flows are added. The ObservationSet must outlive the builder.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "controller/localize/localizer.h"
#include "controller/localize/observation_set.h"

namespace faultline::localize {

// One flow (or, without flow names, one row) over the whole horizon.
struct FlowRecord {
  DeviceIndex src;
  DeviceIndex dst;
  FlowIndex flow = kNoFlow;
  std::uint32_t size = 0;
  std::int16_t dscp = -1;
  bool round_trip = false;
  std::uint32_t route = 0;  // Problem::routes
  std::uint64_t sent = 0;
  std::uint64_t lost = 0;
  // Packets of its longest run of windows that lost everything, and log P of a run at that place.
  std::uint64_t dead = 0;
  double dead_log_prior = 0;
};

// A way that a flow may have gone; a flow has one when its path is known.
struct Arm {
  std::uint32_t path = 0;
  double log_weight = 0;
};

// A flow, or several clean ones that look alike, that cannot be folded into the counters. The
// counts of a flow that lost very many packets are scaled down, all by the same factor.
struct ActiveRecord {
  std::uint32_t route = 0;
  double sent = 0;
  double lost = 0;
  double dead = 0;
  double dead_log_prior = 0;
  double copies = 1;
};

struct Problem {
  struct Range {
    std::uint32_t first = 0;
    std::uint32_t count = 0;
  };

  // What flows that lost nothing sent over a link.
  struct Clean {
    double packets = 0;
    double flows = 0;
  };

  std::vector<std::uint32_t> path_links;  // link numbers are LinkIndex values
  std::vector<Range> paths;
  std::vector<Arm> arms;
  std::vector<Range> routes;  // into arms
  // All that lost packets, all of unknown path, and those that were asked for.
  std::vector<FlowRecord> flows;
  std::vector<ActiveRecord> active;   // those that lost packets first
  std::uint32_t lossy_count = 0;      // how many of them did
  std::vector<Clean> clean;           // by link
  std::vector<std::uint8_t> crossed;  // by link
  // By device: some path leads through it. Empty when that tells nothing, as all kinds are
  // declared.
  std::vector<std::uint8_t> passed_through;
  std::uint64_t flow_count = 0;
  std::uint64_t observations = 0;
  std::uint64_t packets = 0;
  std::uint64_t lost = 0;

  [[nodiscard]] std::span<const std::uint32_t> links_of(std::uint32_t path) const {
    return {path_links.data() + paths[path].first, paths[path].count};
  }
  [[nodiscard]] std::span<const Arm> arms_of(std::uint32_t route) const {
    return {arms.data() + routes[route].first, routes[route].count};
  }
};

class FlowRows;
class RouteExpander;

class ProblemBuilder {
 public:
  ProblemBuilder(const ObservationSet& set, const LocalizeOptions& options);
  ~ProblemBuilder();
  ProblemBuilder(const ProblemBuilder&) = delete;
  ProblemBuilder& operator=(const ProblemBuilder&) = delete;

  // Complete for all inference from the start.
  [[nodiscard]] const Problem& problem() const { return problem_; }
  // Adds the flows that lost nothing and cross one of these links, so that they can be told as
  // evidence. To be called once at most; returns the rows of all flows that may cross them.
  std::vector<std::uint32_t> add_clean_flows(std::span<const std::uint32_t> links);

 private:
  class CleanMixtures;

  void add_route(RouteIndex route, CleanMixtures& mixtures);
  void add_flow(std::span<const std::uint32_t> rows, CleanMixtures& mixtures);
  void add_clean_flow(std::span<const std::uint32_t> rows);
  void note_passage();
  // The only path of the route, as the set has it; empty when ways must be worked out.
  [[nodiscard]] std::span<const LinkIndex> plain_path(RouteIndex route) const;
  [[nodiscard]] bool is_plain(const Observation& row) const;

  const ObservationSet& set_;
  Problem problem_;
  std::unique_ptr<FlowRows> rows_;
  std::unique_ptr<RouteExpander> expander_;
};

}  // namespace faultline::localize

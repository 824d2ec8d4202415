// Problem: an ObservationSet reduced to what the likelihood needs.
//
// Why it exists: with every path known, a flow without loss contributes only -n to each of its
// links, so such flows fold into two counters per link and the cost of inference follows the lossy
// flows. Windows of one flow are added up first: the binomial likelihood does not change by that,
// and all-or-nothing flows become visible.
//
// Silent hops become candidates: every device that joins the two known neighbors, weighted by how
// often it should have answered and did not, and an anonymous hop for what the topology does not
// know.
//
// Thread safety: immutable once built. The ObservationSet must outlive it.
#pragma once

#include <cstdint>
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

  std::vector<std::uint32_t> path_links;  // link numbers are LinkIndex values
  std::vector<Range> paths;
  std::vector<Arm> arms;
  std::vector<Range> routes;  // into arms
  std::vector<FlowRecord> flows;
  std::vector<ActiveRecord> active;   // those that lost packets first
  std::uint32_t lossy_count = 0;      // how many of them did
  std::vector<double> clean_packets;  // by link, of flows that lost nothing
  std::vector<double> clean_flows;
  std::vector<std::uint8_t> crossed;  // by link
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

[[nodiscard]] Problem build_problem(const ObservationSet& set, const LocalizeOptions& options);

}  // namespace faultline::localize

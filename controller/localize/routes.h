// Turns the routes of an ObservationSet (known, candidates, silent hops, there and back) into the
// arms of a Problem.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "controller/localize/problem.h"

namespace faultline::localize {

// At this many ways the least likely ones are left out, and the rest share their weight.
inline constexpr std::size_t kArmsMax = 1024;
inline constexpr std::size_t kArmsPerDirectionMax = 256;
// More devices than this between two known hops are treated as one anonymous hop.
inline constexpr std::size_t kSilentCandidatesMax = 64;

class RouteExpander {
 public:
  struct LinkList {
    double log_weight = 0;
    std::vector<std::uint32_t> links;
  };

  // `rows` are the observations inside the horizon; they tell which devices answer traces.
  RouteExpander(const ObservationSet& set, const std::vector<std::uint32_t>& rows,
                Problem& problem);

  // Whether any hop of the set stayed silent: then ways must be worked out.
  [[nodiscard]] bool any_silent() const { return any_silent_; }
  // A route of the Problem for a pair of the set's routes; kNoRoute for one way. Asked twice for
  // the same pair it makes two.
  std::uint32_t route(RouteIndex forward, RouteIndex back);
  // The Problem's route through these ways, the same one for the same ways.
  std::uint32_t route_of_ways(const std::vector<LinkList>& ways);

 private:
  struct Way {
    double weight = 1;
    std::vector<std::uint32_t> links;
  };
  using Ends = std::pair<std::uint32_t, std::uint32_t>;

  // False when the ways must be worked out: hops are silent or there are too many.
  bool add_plain(RouteIndex forward, RouteIndex back);
  std::vector<Way> ways(RouteIndex route) const;
  std::vector<Way> ways_of_path(PathIndex path) const;
  std::vector<Way> silent_segment(LinkIndex into, LinkIndex out_of) const;
  void learn_topology();
  void count_answers(const std::vector<std::uint32_t>& rows);
  void add_arm(double log_weight, std::span<const std::uint32_t> links);
  std::uint32_t end_route(std::size_t first_arm);
  [[nodiscard]] bool equal(std::uint32_t route, const std::vector<LinkList>& ways) const;

  const ObservationSet& set_;
  Problem& problem_;
  bool any_silent_ = false;
  std::unordered_multimap<std::uint64_t, std::uint32_t> route_by_hash_;
  std::vector<std::uint32_t> plain_;                         // scratch
  std::vector<std::vector<std::uint32_t>> links_out_;        // by device, known ends only
  std::map<Ends, std::map<std::uint32_t, double>> answers_;  // (before, after) -> device -> rows
};

}  // namespace faultline::localize

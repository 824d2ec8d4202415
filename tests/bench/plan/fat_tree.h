// A fat tree of k pods with hash-based ECMP, and candidate flows on it, for measuring the planner.
//
// Every switch hashes the 5-tuple with a seed of its own; forward and return paths are unrelated,
// as in real fabrics. Candidates are what an exploration would have traced: for each host some
// random peers and ports, a function of the host and the seed alone, so that a host more or less
// leaves the others' candidates as they are.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "controller/plan/coverage.h"
#include "controller/plan/flow_routes.h"

namespace faultline::bench {

class FatTree {
 public:
  FatTree(std::uint32_t k, std::uint64_t seed);

  [[nodiscard]] std::uint32_t hosts() const { return hosts_; }
  [[nodiscard]] std::uint32_t links() const { return 6 * hosts_; }  // directed
  // Devices are numbered hosts, edge, aggregation, core.
  [[nodiscard]] plan::DirectedLink ends(plan::LinkNumber link) const;
  [[nodiscard]] std::uint32_t rack(std::uint32_t host) const { return host / half_; }
  [[nodiscard]] std::vector<plan::LinkNumber> route(std::uint32_t source, std::uint32_t target,
                                                    std::uint16_t source_port,
                                                    bool is_return) const;

 private:
  // Of the k/2 ways up from this switch.
  [[nodiscard]] std::uint32_t choose(std::uint64_t tuple, std::uint64_t the_switch) const;

  std::uint32_t half_;
  std::uint32_t hosts_;
  std::uint64_t seed_;
};

struct Candidate {
  plan::FlowEnds ends{};
  std::uint16_t port = 0;

  bool operator==(const Candidate&) const = default;
};

struct Candidates {
  std::vector<Candidate> flows;  // as they are numbered in routes
  plan::FlowRoutes routes;
};

// `without`: a host that has gone. Links that only it used remain, and nobody crosses them.
[[nodiscard]] Candidates candidates(const FatTree& tree, std::uint32_t per_host, std::uint64_t seed,
                                    std::optional<std::uint32_t> without);

}  // namespace faultline::bench

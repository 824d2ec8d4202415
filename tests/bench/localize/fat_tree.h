// A k-ary fat tree measured once: made arithmetically, because at k = 48 it has 1.4 million flows.
//
// k pods of k/2 edge and k/2 aggregation switches, (k/2)^2 cores, k/2 hosts per edge switch; each
// host sends to `flows_per_host` hosts chosen uniformly, over a path chosen uniformly, as ECMP
// does. Links lose 1e-5 to 1e-4 of the packets (Pingmesh, SIGCOMM 2015), faulty ones .1 to 1 % more
// (Flock, CoNEXT 2023), faulty devices that on each of their links.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "controller/localize/observation_set.h"

namespace faultline::bench {

struct Load {
  std::uint32_t k = 10;
  std::uint32_t flows_per_host = 50;
  std::uint32_t packets_per_flow = 100;
  std::uint32_t faulty_links = 0;
  std::uint32_t faulty_devices = 0;
  bool delays = false;  // every row has one: 5 us per hop, and up to 40 us at hosts
};

class FatTree {
 public:
  FatTree(const Load& load, std::uint64_t seed);

  struct Flow {
    localize::DeviceIndex src;
    localize::DeviceIndex dst;
    localize::RouteIndex route;
  };

  // Each flow's packets of one window, at the end of which `time_s` is; rows in order of flows.
  [[nodiscard]] std::vector<localize::Observation> window(std::int64_t time_s);

  [[nodiscard]] localize::ObservationSet& set() { return set_; }
  [[nodiscard]] std::size_t flow_count() const { return flows_.size(); }
  [[nodiscard]] const std::set<std::string>& truth() const { return truth_; }

 private:
  void add_devices();
  void add_links();
  void break_some();
  void add_flows();
  [[nodiscard]] std::uint32_t add_delay(std::size_t hops);
  [[nodiscard]] double uniform(double low, double high);
  [[nodiscard]] localize::LinkIndex link(localize::DeviceIndex from, localize::DeviceIndex to);

  Load load_;
  Rng rng_;
  localize::ObservationSet set_;
  std::vector<localize::DeviceIndex> hosts_;  // by pod, edge switch and place
  std::vector<localize::DeviceIndex> edges_;  // by pod and place, like the next
  std::vector<localize::DeviceIndex> aggregations_;
  std::vector<localize::DeviceIndex> cores_;  // by place of the aggregation switch they join
  std::vector<double> loss_;                  // by link
  std::vector<Flow> flows_;
  std::set<std::string> truth_;
};

}  // namespace faultline::bench

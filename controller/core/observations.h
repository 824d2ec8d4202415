// From reported windows to the localizer's observations.
//
// Why it exists: a session's window speaks of up to three things: its forward path, its return
// path, and packets that were lost somewhere on the round trip (FIELD.md's rule). For n sent, f
// lost forward, b lost on the return and u undetermined:
//
//   forward      n - u sent, f lost       on the forward path
//   return       n - u - f sent, b lost   on the return path
//   round trip   u sent, u lost           on both
//
// Sessions whose paths are not known yet are left out and counted. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "common/model/report.h"
#include "controller/core/contested.h"
#include "controller/localize/observation_set.h"
#include "controller/topology/path_book.h"
#include "controller/topology/topology.h"

namespace faultline::core {

class ObservationBuilder {
 public:
  // Both must outlive the builder; `topology` is settled.
  ObservationBuilder(const topology::Topology& topology, const topology::PathBook& paths);

  // Leaves out what begins or ends at one of `excused`; returns how many sessions that were.
  std::uint64_t add(NodeId reporter, const Report& report, const std::set<NodeId>& excused = {});

  [[nodiscard]] const localize::ObservationSet& set() const { return set_; }
  // Whose routes are both known.
  [[nodiscard]] std::vector<SessionRoutes> sessions() const;
  [[nodiscard]] std::uint64_t sessions_without_path() const { return sessions_without_path_; }

 private:
  [[nodiscard]] std::optional<localize::RouteIndex> route(NodeId reporter, const FlowWindow& flow,
                                                          Direction direction);
  void put_in(const std::string& member, const std::string& container, localize::DeviceKind kind);
  void add_flow(NodeId reporter, const FlowWindow& flow, std::int64_t time_s);

  const topology::Topology& topology_;
  const topology::PathBook& paths_;
  localize::ObservationSet set_;
  std::map<topology::PathKey, std::optional<localize::RouteIndex>> routes_;
  std::uint64_t sessions_without_path_ = 0;
};

// 0 (well) to 1 (its measurements mean nothing), from what the prober said of its own window.
[[nodiscard]] double sickness(const Report& report);

}  // namespace faultline::core

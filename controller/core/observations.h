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
// Each window is seen with the paths of its own time. Sessions whose paths are not known yet are
// left out and counted.
//
// A builder may live on from window to window: what it knows of a session (names, routes, flows)
// it then need not work out again. renew() follows a topology whose ids have changed, and drops
// what nobody uses any more.
//
// Pure. Thread safety: none.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/model/report.h"
#include "controller/core/contested.h"
#include "controller/localize/observation_set.h"
#include "controller/localize/stream.h"
#include "controller/topology/path_book.h"
#include "controller/topology/topology.h"

namespace faultline::core {

// The path of a session and direction at a time.
using PathFinder = std::function<topology::PathAt(const topology::PathKey&, WallTime)>;

// Those of the book, as it was at the time. It must outlive the finder, unchanged. Cheapest when
// asked in the order of its keys.
[[nodiscard]] PathFinder paths_of(const topology::PathBook& book);

class ObservationBuilder {
 public:
  // `topology` is settled and must outlive the builder, or its next renew().
  ObservationBuilder(const topology::Topology& topology, PathFinder paths);

  // Other paths from now on; ids of the topology as before.
  void use(const topology::Topology& topology, PathFinder paths);
  // Interns everything anew under the ids of `topology`: of sessions and flows (`keys`, which are
  // renamed) those in use. Sessions are in use that were added since `seen_since_s`.
  void renew(const topology::Topology& topology, PathFinder paths, std::int64_t seen_since_s,
             std::span<localize::Stream::Key> keys);

  // Leaves out what begins or ends at one of `excused`; returns how many sessions that were.
  std::uint64_t add(NodeId reporter, const Report& report, const std::set<NodeId>& excused = {});

  [[nodiscard]] const localize::ObservationSet& set() const { return set_; }
  [[nodiscard]] localize::ObservationSet& set() { return set_; }
  [[nodiscard]] localize::DeviceIndex device_of(NodeId node);
  // Whose routes are both known and that were added since; in order of their keys.
  [[nodiscard]] std::vector<SessionRoutes> sessions(
      std::int64_t seen_since_s = localize::kNoTime) const;
  [[nodiscard]] std::uint64_t sessions_without_path() const { return sessions_without_path_; }
  [[nodiscard]] std::size_t session_count() const { return sessions_.size(); }

 private:
  struct Way {
    std::uint32_t revision = 0;
    bool is_asked = false;
    std::optional<localize::RouteIndex> route;
  };
  struct Session {
    localize::DeviceIndex here;
    localize::DeviceIndex there;
    localize::FlowIndex out;
    localize::FlowIndex back;
    Way forward_way;
    Way return_way;
    std::int64_t seen_s = localize::kNoTime;  // end of the newest window
  };
  struct KeyHash {
    std::size_t operator()(const plan::FlowKey& key) const;
  };

  void declare_devices();
  void put_in(const std::string& member, const std::string& container, localize::DeviceKind kind);
  [[nodiscard]] Session& session_at(const plan::FlowKey& key);
  [[nodiscard]] std::optional<localize::RouteIndex> resolve(NodeId reporter,
                                                            const PathRecord& path);
  [[nodiscard]] std::optional<localize::RouteIndex> route(Way& way, NodeId reporter,
                                                          const topology::PathAt& known);
  void add_flow(NodeId reporter, const FlowWindow& flow, WallTime end);

  const topology::Topology* topology_;
  PathFinder paths_;
  localize::ObservationSet set_;
  std::unordered_map<plan::FlowKey, Session, KeyHash> sessions_;
  std::uint64_t sessions_without_path_ = 0;
};

}  // namespace faultline::core

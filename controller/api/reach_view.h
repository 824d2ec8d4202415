// The view of what other nodes say of one that is in question. As views.h says.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"

namespace faultline::api {

// One of the nodes that were asked.
struct WitnessView {
  std::string name{};
  std::string rack{};
  std::string saw{};   // probe, host, nothing, own_uplink, no_answer
  std::string text{};  // test by test
  WallTime at{};

  bool operator==(const WitnessView&) const = default;
};

struct ReachView {
  std::string condition{};  // probe_down, node_down, uplink, controller_way, reachable, unknown
  std::string words{};      // the same for people
  std::string summary{};    // one sentence
  WallTime doubted_at{};
  std::optional<WallTime> asked_at{};
  std::vector<WitnessView> witnesses{};
  std::string by_way_of{};  // the node that brings its results at present; or empty

  bool operator==(const ReachView&) const = default;
};

struct NodeInQuestion {
  std::string node{};
  ReachView reach{};  // without witnesses

  bool operator==(const NodeInQuestion&) const = default;
};

}  // namespace faultline::api

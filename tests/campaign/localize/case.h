// Case: one broken network, what was measured on it, and everything that is true of it.
//
// Why it exists: a localizer sees the observations only; the oracle, the scores and whoever wants
// more packets sent (adaptive probing) need the truth they were drawn from.
//
// Every draw about a flow (its way, whether a hole swallows it) is a hash of the case and the
// flow's name, so a flow opened later behaves as if it had been there from the start.
//
// Thread safety: const functions from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "controller/localize/observation_set.h"
#include "tests/campaign/localize/fabric.h"
#include "tests/campaign/localize/scenario.h"

namespace faultline::campaign {

// What happens to the packets of a flow.
struct TrueFlow {
  localize::Observation row;  // its ends, route and name; no counts
  Way there;
  Way back;                      // round trips only
  bool swallowed_there = false;  // by a black hole, while the fault lasts
  bool swallowed_back = false;
};

struct Truth {
  Fabric fabric;
  std::vector<localize::DeviceIndex> devices;  // by device of the fabric
  std::vector<localize::LinkIndex> links;      // by link of the fabric
  std::vector<double> healthy;                 // loss by link, before the fault
  std::vector<double> loss;                    // and while it lasts; congestion is in both
  std::vector<double> black_hole;              // share of 5-tuples that a link swallows
  std::vector<std::uint32_t> mtu;              // by link; 0: any packet passes
  std::vector<double> sick;                    // by device: share of packets its prober spoils
  std::vector<std::uint8_t> congested;         // by link
  std::vector<TrueFlow> flows;                 // flow i + 1 of the set
  std::uint64_t seed = 0;
  std::int64_t end_s = 0;  // of the last window
};

struct Case {
  localize::ObservationSet set;
  std::set<std::string> truth;  // ids of what is broken
  // The links of each of these: naming all of them is as good, naming one is no false alarm.
  std::map<std::string, std::vector<std::string>> parts;
  Scenario scenario;
  Truth network;
};

[[nodiscard]] Case make_case(const Scenario& scenario, std::uint64_t seed);

// Sends `packets` more over each flow, while the fault lasts, and returns what is seen of them:
// add() them to the case's set.
[[nodiscard]] std::vector<localize::Observation> probe(const Case& it,
                                                       std::span<const localize::FlowIndex> flows,
                                                       std::uint64_t packets, Rng& rng);
// A flow of another source port between two hosts (device numbers of the fabric). kNoFlow when no
// way leads there.
[[nodiscard]] localize::FlowIndex open_flow(Case& it, std::uint32_t src, std::uint32_t dst,
                                            std::uint32_t port);
[[nodiscard]] const TrueFlow& true_flow(const Case& it, localize::FlowIndex flow);

}  // namespace faultline::campaign

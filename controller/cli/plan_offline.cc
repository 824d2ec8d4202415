#include "controller/cli/plan_offline.h"

#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "controller/cli/bundle_file.h"
#include "controller/cli/progress.h"
#include "controller/cli/table.h"
#include "controller/plan/reports.h"

namespace faultline::cli {
namespace {

using localize::Observation;
using localize::ObservationSet;
using plan::FabricFlows;
using plan::Knowledge;

// One flow on one route; its windows are added up.
using FlowKey = std::tuple<localize::DeviceIndex, localize::DeviceIndex, localize::FlowIndex,
                           localize::RouteIndex, localize::RouteIndex>;

// From the first window to the last, both included.
double seconds_of(const ObservationSet& set) {
  auto first = std::numeric_limits<std::int64_t>::max();
  auto last = localize::kNoTime;
  for (const auto& observation : set.observations()) {
    if (observation.time_s == localize::kNoTime) continue;
    first = std::min(first, observation.time_s);
    last = std::max(last, observation.time_s);
  }
  return set.window_s() + (last > first ? static_cast<double>(last - first) : 0.0);
}

// Of several candidates nobody knows which one is taken: only what is in all of them is certain.
void add_route(const ObservationSet& set, localize::RouteIndex route, FabricFlows& flows,
               FabricFlows::Way& way) {
  if (route == localize::kNoRoute) return;
  const auto candidates = set.at(route);
  for (const auto link : set.at(candidates.front().path)) {
    const bool certain = std::ranges::all_of(candidates, [&](const auto& candidate) {
      return std::ranges::find(set.at(candidate.path), link) != set.at(candidate.path).end();
    });
    const auto& named = set.at(link);
    if (!certain || named.from == localize::kSilentHop || named.to == localize::kSilentHop) {
      way.knowledge = Knowledge::kPart;
      continue;
    }
    way.links.push_back(flows.link(named.id, set.at(named.from).id, set.at(named.to).id));
  }
}

void declare_links(const ObservationSet& set, FabricFlows& flows) {
  for (const auto& link : set.links()) {
    if (link.from == localize::kSilentHop || link.to == localize::kSilentHop) continue;
    flows.link(link.id, set.at(link.from).id, set.at(link.to).id);
  }
}

}  // namespace

Outcome<std::string> coverage_offline(const std::string& file) {
  Progress progress;
  FAULTLINE_CLI_TRY(
      const auto bundle, read_bundle_file(file, [&](const BundleProgress& done) {
        progress.update(fmt::format("reading {}: {}, {} lines", file,
                                    bytes(static_cast<double>(done.bytes)), done.lines));
      }));
  const auto& set = bundle.observations;
  std::map<FlowKey, std::uint64_t> sent;
  for (const auto& seen : set.observations()) {
    sent[{seen.src, seen.dst, seen.flow, seen.forward, seen.back}] += seen.sent;
  }
  FabricFlows flows;
  declare_links(set, flows);
  const double seconds = seconds_of(set);
  for (const auto& [key, packets] : sent) {
    const auto& [src, dst, flow, forward, back] = key;
    FabricFlows::Way way{.knowledge = Knowledge::kAll, .links = {}};
    add_route(set, forward, flows, way);
    add_route(set, back, flows, way);  // a round trip loses on either way: one measurement
    flows.add(set.at(src).id, set.at(dst).id, way, {.knowledge = Knowledge::kAll, .links = {}},
              static_cast<double>(packets) / seconds);
  }
  progress.update(fmt::format("comparing footprints of {} flows", sent.size()));
  auto document = plan::coverage_json(flows.report("bundle", {}));
  progress.end();
  return document;
}

}  // namespace faultline::cli

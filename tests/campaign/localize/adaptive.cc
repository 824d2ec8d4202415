#include "tests/campaign/localize/adaptive.h"

#include <cmath>
#include <map>

#include "controller/core/contested.h"

namespace faultline::campaign {
namespace {

using std::chrono::seconds;

constexpr int kRoundsMax = 40;
constexpr Duration kWindow = seconds{10};
constexpr localize::LocalizeOptions kOptions{.suspects_max = 1000,
                                             .near_misses_max = core::kNearMissesMax};

// Nodes are the devices; ports count the flows between two of them.
std::vector<core::SessionRoutes> sessions_of(const Case& it,
                                             std::map<plan::FlowKey, localize::FlowIndex>& flows) {
  std::vector<core::SessionRoutes> sessions;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint16_t> ports;
  for (const TrueFlow& flow : it.network.flows) {
    const std::pair ends{flow.row.src.value(), flow.row.dst.value()};
    const plan::FlowKey key{NodeId{ends.first}, NodeId{ends.second}, ++ports[ends]};
    flows[key] = flow.row.flow;
    sessions.push_back({key, flow.row.forward, flow.row.back});
  }
  return sessions;
}

plan::AdaptiveInput input_of(const Case& it, const localize::Verdict& verdict,
                             std::span<const core::SessionRoutes> sessions) {
  auto open = core::open_questions(it.set, verdict, sessions);
  plan::AdaptiveInput input;
  input.contested = std::move(open.contested);
  input.suspects = std::move(open.suspects);
  input.window = kWindow;
  input.health = {.nodes_expected = 1, .nodes_reported = 1, .packets = 1};
  input.background = static_cast<double>(verdict.lost) /
                     static_cast<double>(std::max<std::uint64_t>(1, verdict.packets));
  for (const auto& session : sessions) input.headroom[session.key.source] = 1000;
  return input;
}

}  // namespace

AdaptiveRun probe_adaptively(Case& it, const plan::AdaptiveConfig& config, Rng& rng) {
  AdaptiveRun run;
  std::map<plan::FlowKey, localize::FlowIndex> flows;
  const auto sessions = sessions_of(it, flows);
  run.before = run.after = localize::localize(it.set, kOptions);
  run.packets_planned = run.before.packets;
  const auto planned = static_cast<double>(run.packets_planned);
  Instant now{};
  plan::AdaptiveProber prober(config);
  static_cast<void>(
      prober.next(now, {.packets_per_second_planned = planned / plan::kBucketSeconds}));
  now += seconds{static_cast<std::int64_t>(plan::kBucketSeconds)};
  const double budget = config.extra_share * planned;
  for (int round = 0; round < kRoundsMax; ++round) {
    auto input = input_of(it, run.after, sessions);
    // Holds the bucket at what is left of the one filling.
    input.packets_per_second_planned = (budget - static_cast<double>(run.packets_extra)) /
                                       config.extra_share / plan::kBucketSeconds;
    input.flow_interval = Duration{static_cast<std::int64_t>(
        1e9 * plan::kBucketSeconds * static_cast<double>(sessions.size()) / planned)};
    const auto extra = prober.next(now, input);
    if (extra.flows.empty()) break;
    for (const auto& [flow, times] : extra.flows) {
      const double packets =
          std::floor((times - 1) * std::chrono::duration<double>(extra.life) / input.flow_interval);
      const localize::FlowIndex index = flows.at(flow);
      for (auto& row : probe(it, {&index, 1}, static_cast<std::uint64_t>(packets), rng)) {
        run.packets_extra += row.sent;
        static_cast<void>(it.set.add(row));
      }
    }
    now += kWindow;
    run.after = localize::localize(it.set, kOptions);
  }
  run.counters = prober.counters();
  return run;
}

}  // namespace faultline::campaign

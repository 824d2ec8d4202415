#include "tests/campaign/localize/case.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <sstream>

#include "tests/campaign/localize/topologies.h"

namespace faultline::campaign {
namespace {

using localize::DeviceIndex;
using localize::FlowIndex;

constexpr std::uint32_t kFlowsPerHost = 165;
constexpr std::uint32_t kFlowsPerPair = 8;
constexpr std::uint32_t kFirstPort = 50'000;
constexpr std::int64_t kStart = 1'790'000'000;
constexpr std::uint32_t kMtu = 1500;
constexpr std::uint32_t kSmall = 128;
constexpr std::uint32_t kLarge = 8900;

enum Purpose : std::uint64_t { kWayThere = 1, kWayBack, kHole, kUnknown, kSilent, kSilentAt };

double between(Rng& rng, double low, double high) { return low + (high - low) * uniform(rng); }

// In [0, 1), of the flow and what is asked.
double chance(std::uint64_t flow_hash, std::uint64_t purpose, std::uint64_t what = 0) {
  return static_cast<double>(mixed(flow_hash, purpose, what) >> 11) * 0x1.0p-53;
}

Fabric make_fabric(const Scenario& scenario, Rng& rng) {
  switch (scenario.shape) {
    case Shape::kFatTree:
      return fat_tree(10, 15);
    case Shape::kLeafSpine:
      return leaf_spine(4, 4, 4);
    case Shape::kOversubscribed:
      return leaf_spine(8, 2, 6);
    case Shape::kThreeTier:
      return three_tier({});
    case Shape::kWan:
      return wan({}, rng);
    case Shape::kVpc:
      return vpc({});
    case Shape::kEdgeList:
      break;
  }
  std::istringstream text(scenario.edges);
  return read_edges(text).value();
}

bool swallowed(const Truth& truth, const Way& way, std::uint64_t flow_hash) {
  return std::ranges::any_of(way, [&](std::uint32_t link) {
    return chance(flow_hash, kHole, link) < truth.black_hole[link];
  });
}

localize::PathIndex path_of(Case& it, const Way& way, std::uint64_t flow_hash, bool may_be_silent) {
  const Truth& truth = it.network;
  // Every second flow meets a rate-limited hop somewhere in the fabric.
  if (may_be_silent && way.size() > 2 && chance(flow_hash, kSilent) < 0.5) {
    std::vector<DeviceIndex> hops{truth.devices[truth.fabric.links[way.front()].from]};
    for (const std::uint32_t link : way) hops.push_back(truth.devices[truth.fabric.links[link].to]);
    const auto inner = static_cast<double>(way.size() > 3 ? way.size() - 3 : 1);
    hops[2 + static_cast<std::size_t>(inner * chance(flow_hash, kSilentAt))] = localize::kSilentHop;
    return it.set.path(hops);
  }
  std::vector<localize::LinkIndex> links;
  for (const std::uint32_t link : way) links.push_back(truth.links[link]);
  return it.set.path_of_links(links);
}

localize::RouteIndex route_of(Case& it, const Way& way, std::uint64_t flow_hash) {
  const Paths paths = it.scenario.paths;
  const bool unknown = paths == Paths::kMixed && chance(flow_hash, kUnknown) < 0.5;
  if (paths != Paths::kCandidates && !unknown) {
    return it.set.route(path_of(it, way, flow_hash, paths == Paths::kSilent));
  }
  const Fabric& fabric = it.network.fabric;
  std::vector<localize::WeightedPath> candidates;
  for (const Way& other :
       fabric.ways(fabric.links[way.front()].from, fabric.links[way.back()].to)) {
    candidates.push_back({1, path_of(it, other, flow_hash, false)});
  }
  return it.set.route(candidates);
}

std::uint64_t drop(const std::vector<double>& loss, std::uint64_t packets, const Way& way,
                   double spoiled, Rng& rng) {
  double passes = 1 - spoiled;
  for (const std::uint32_t link : way) passes *= 1 - loss[link];
  return std::binomial_distribution<std::uint64_t>(packets, 1 - passes)(rng);
}

// Packets of this size die on the way.
bool too_large(const Truth& truth, const Way& way, std::uint32_t size) {
  return std::ranges::any_of(
      way, [&](std::uint32_t link) { return truth.mtu[link] != 0 && size > truth.mtu[link]; });
}

localize::Observation measure(const Case& it, const TrueFlow& flow, std::uint64_t packets,
                              std::int64_t end_s, bool broken, Rng& rng) {
  const Truth& truth = it.network;
  const std::vector<double>& loss = broken ? truth.loss : truth.healthy;
  const auto spoiled = [&](DeviceIndex device) { return truth.sick[device.value() - 1]; };
  const double spoiled_there = 1 - (1 - spoiled(flow.row.src)) * (1 - spoiled(flow.row.dst));
  const auto swallows = [&](const Way& way, bool hole) {
    return broken && (hole || too_large(truth, way, flow.row.size));
  };
  localize::Observation row = flow.row;
  row.time_s = end_s;
  row.sent = packets;
  row.lost = swallows(flow.there, flow.swallowed_there)
                 ? packets
                 : drop(loss, packets, flow.there, spoiled_there, rng);
  if (!flow.back.empty()) {
    const std::uint64_t arrived = packets - row.lost;
    row.lost +=
        swallows(flow.back, flow.swallowed_back) ? arrived : drop(loss, arrived, flow.back, 0, rng);
  }
  return row;
}

class CaseMaker {
 public:
  CaseMaker(const Scenario& scenario, std::uint64_t seed) : rng_(seed) {
    case_.scenario = scenario;
    truth_.seed = seed;
    truth_.fabric = make_fabric(scenario, rng_);
  }

  Case make() {
    declare();
    break_things();
    fall_ill();
    const bool sampled = case_.scenario.shape == Shape::kFatTree;
    sampled ? measure_sampled() : measure_all_pairs();
    return std::move(case_);
  }

 private:
  void declare() {
    for (std::uint32_t i = 0; i < fabric_.devices.size(); ++i) {
      truth_.devices.push_back(case_.set.device(fabric_.devices[i], fabric_.kinds[i]));
    }
    for (const Fabric::Link& link : fabric_.links) {
      truth_.healthy.push_back(between(rng_, scenario_.background_min, scenario_.background_max));
      truth_.links.push_back(
          case_.set.link(truth_.devices[link.from], truth_.devices[link.to], {}).value());
    }
    truth_.loss = truth_.healthy;
    truth_.black_hole.resize(fabric_.links.size());
    truth_.mtu.resize(fabric_.links.size());
    truth_.congested.resize(fabric_.links.size());
    truth_.sick.resize(fabric_.devices.size());
  }

  double draw_loss() {
    if (!scenario_.log_uniform) return between(rng_, scenario_.loss_min, scenario_.loss_max);
    return std::exp(between(rng_, std::log(scenario_.loss_min), std::log(scenario_.loss_max)));
  }

  std::uint32_t draw_link() {
    for (;;) {
      const auto link = static_cast<std::uint32_t>(uniform_below(rng_, fabric_.links.size()));
      const bool host = fabric_.links[link].host;
      if (host ? !scenario_.host_links : scenario_.only_host_links) continue;
      if (faulty_.contains(link) || faulty_.contains(Fabric::reverse(link))) continue;
      faulty_.insert(link);
      return link;
    }
  }

  void harm(std::uint32_t link, double loss) {
    if (scenario_.black_hole > 0) {
      truth_.black_hole[link] = scenario_.black_hole;
    } else {
      truth_.loss[link] = 1 - (1 - truth_.loss[link]) * (1 - loss);
    }
  }

  void accuse(const std::string& id, const std::vector<std::uint32_t>& links) {
    case_.truth.insert(id);
    for (const std::uint32_t link : links) case_.parts[id].push_back(fabric_.link_id(link));
  }

  void break_device(std::uint32_t device, bool half) {
    std::vector<std::uint32_t> links = fabric_.links_of_device(device);
    std::ranges::shuffle(links, rng_);
    if (half) links.resize(links.size() / 2);
    accuse(fabric_.devices[device], links);
    const double loss = draw_loss();
    for (const std::uint32_t link : links) {
      faulty_.insert(link);
      harm(link, loss);
    }
  }

  std::uint32_t draw(const std::vector<std::uint32_t>& devices) {
    return devices[uniform_below(rng_, devices.size())];
  }

  void break_things() {
    for (std::uint32_t i = 0; i < scenario_.devices + scenario_.half_devices; ++i) {
      break_device(draw(fabric_.switches), i >= scenario_.devices);
    }
    for (std::uint32_t i = 0; i < scenario_.hosts; ++i) break_device(draw(fabric_.hosts), false);
    for (std::uint32_t i = 0; i < scenario_.links; ++i) {
      const std::uint32_t link = draw_link();
      accuse(fabric_.link_id(link), {link});
      harm(link, draw_loss());
    }
    for (std::uint32_t i = 0; i < scenario_.mtu_links; ++i) {
      const std::uint32_t link = draw_link();
      accuse(fabric_.link_id(link), {link});
      truth_.mtu[link] = kMtu;
    }
    for (std::uint32_t i = 0; i < scenario_.cables; ++i) {
      const std::uint32_t link = draw_link();
      const auto [low, high] = std::minmax(fabric_.devices[fabric_.links[link].from],
                                           fabric_.devices[fabric_.links[link].to]);
      accuse(low + "=" + high, {link, Fabric::reverse(link)});
      const double loss = draw_loss();
      harm(link, loss);
      harm(Fabric::reverse(link), loss);
    }
    const auto congested =
        static_cast<std::uint32_t>(scenario_.congested * static_cast<double>(fabric_.links.size()));
    for (std::uint32_t i = 0; i < congested; ++i) {
      const std::uint32_t link = draw_link();
      truth_.congested[link] = 1;
      truth_.healthy[link] = truth_.loss[link] = between(rng_, 2e-4, 8e-4);
    }
  }

  // A starved prober loses what it sends and what it should have received.
  void fall_ill() {
    for (std::uint32_t i = 0; i < scenario_.sick_hosts; ++i) {
      const std::uint32_t host = draw(fabric_.hosts);
      truth_.sick[host] = between(rng_, 0.005, 0.05);
      accuse(fabric_.devices[host], {});
    }
  }

  void report_health() {
    for (std::uint32_t host = 0; host < fabric_.devices.size(); ++host) {
      if (truth_.sick[host] == 0) continue;
      case_.set.add_health({truth_.devices[host], truth_.end_s, 0.8, "cpu throttled"});
    }
  }

  void measure_sampled() {
    truth_.end_s = kStart + 10;
    for (const std::uint32_t src : fabric_.hosts) {
      for (std::uint32_t i = 0; i < kFlowsPerHost; ++i) {
        std::uint32_t dst = src;
        while (dst == src) dst = fabric_.hosts[uniform_below(rng_, fabric_.hosts.size())];
        const FlowIndex flow = open_flow(case_, src, dst, kFirstPort + i);
        const std::uint32_t extra = i < scenario_.packets_per_host % kFlowsPerHost ? 1 : 0;
        add(flow, scenario_.packets_per_host / kFlowsPerHost + extra, truth_.end_s, true);
      }
    }
    report_health();
  }

  void measure_all_pairs() {
    std::vector<FlowIndex> flows;
    for (const std::uint32_t src : fabric_.hosts) {
      for (const std::uint32_t dst : fabric_.hosts) {
        for (std::uint32_t i = 0; src != dst && i < kFlowsPerPair; ++i) {
          const FlowIndex flow = open_flow(case_, src, dst, kFirstPort + i);
          if (flow != localize::kNoFlow) flows.push_back(flow);
        }
      }
    }
    const std::uint32_t windows = scenario_.healthy_windows + scenario_.windows;
    for (std::uint32_t window = 0; window < windows; ++window) {
      truth_.end_s = kStart + 10 * (std::int64_t{window} + 1);
      for (const FlowIndex flow : flows) {
        add(flow, scenario_.packets_per_window, truth_.end_s, window >= scenario_.healthy_windows);
      }
    }
    report_health();
  }

  void add(FlowIndex flow, std::uint64_t packets, std::int64_t end_s, bool broken) {
    static_cast<void>(
        case_.set.add(measure(case_, true_flow(case_, flow), packets, end_s, broken, rng_)));
  }

  Rng rng_;
  Case case_;
  const Scenario& scenario_ = case_.scenario;
  Truth& truth_ = case_.network;
  Fabric& fabric_ = case_.network.fabric;
  std::set<std::uint32_t> faulty_;
};

}  // namespace

Case make_case(const Scenario& scenario, std::uint64_t seed) {
  return CaseMaker(scenario, seed).make();
}

std::vector<localize::Observation> probe(const Case& it, std::span<const FlowIndex> flows,
                                         std::uint64_t packets, Rng& rng) {
  std::vector<localize::Observation> result;
  for (const FlowIndex flow : flows) {
    result.push_back(measure(it, true_flow(it, flow), packets, it.network.end_s, true, rng));
  }
  return result;
}

localize::FlowIndex open_flow(Case& it, std::uint32_t src, std::uint32_t dst, std::uint32_t port) {
  Truth& truth = it.network;
  const std::string name = truth.fabric.devices[src] + ":" + std::to_string(port) + ">" +
                           truth.fabric.devices[dst] + ":862";
  const std::uint64_t hash = mixed(truth.seed, (std::uint64_t{src} << 32) | dst, port);
  TrueFlow flow{.row = {}, .there = truth.fabric.way(src, dst, mixed(hash, kWayThere)), .back = {}};
  if (flow.there.empty()) return localize::kNoFlow;
  flow.row.src = truth.devices[src];
  flow.row.dst = truth.devices[dst];
  flow.row.flow = it.set.flow(name);
  if (flow.row.flow.value() <= truth.flows.size()) return flow.row.flow;
  flow.row.forward = route_of(it, flow.there, hash);
  if (it.scenario.mtu_links > 0) flow.row.size = port % 2 == 0 ? kSmall : kLarge;
  flow.swallowed_there = swallowed(truth, flow.there, mixed(hash, kWayThere));
  if (it.scenario.paths == Paths::kRoundTrip) {
    flow.back = truth.fabric.way(dst, src, mixed(hash, kWayBack));
    flow.row.back = route_of(it, flow.back, mixed(hash, kWayBack));
    flow.swallowed_back = swallowed(truth, flow.back, mixed(hash, kWayBack));
  }
  truth.flows.push_back(std::move(flow));
  return truth.flows.back().row.flow;
}

const TrueFlow& true_flow(const Case& it, localize::FlowIndex flow) {
  return it.network.flows[flow.value() - 1];
}

}  // namespace faultline::campaign

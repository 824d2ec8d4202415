#include "tests/campaign/localize/scenario.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "tests/campaign/localize/delay.h"

namespace faultline::campaign {
namespace {

using localize::DeviceIndex;
using localize::DeviceKind;
using localize::ObservationSet;

constexpr std::uint32_t kFlowsPerHost = 165;
constexpr std::uint32_t kFlowsPerPair = 8;
constexpr std::uint32_t kPacketsPerWindow = 10;
constexpr std::int64_t kStart = 1'790'000'000;

double between(Rng& rng, double low, double high) { return low + (high - low) * uniform(rng); }

class CaseMaker {
 public:
  CaseMaker(const Scenario& scenario, std::uint64_t seed)
      : scenario_(scenario),
        rng_(seed),
        fabric_(scenario.small ? leaf_spine(4, 4, 4) : fat_tree(10, 15)),
        delays_(fabric_, seed) {}

  Case make() {
    declare();
    break_things();
    scenario_.small ? measure_all_pairs() : measure_sampled();
    return std::move(case_);
  }

 private:
  void declare() {
    for (std::uint32_t i = 0; i < fabric_.devices.size(); ++i) {
      const bool host = fabric_.edge_of[i] != 0 || fabric_.up[i].size() == 1;
      devices_.push_back(
          case_.set.device(fabric_.devices[i], host ? DeviceKind::kHost : DeviceKind::kSwitch));
    }
    for (const Fabric::Link& link : fabric_.links) {
      loss_.push_back(between(rng_, scenario_.background_min, scenario_.background_max));
      static_cast<void>(case_.set.link(devices_[link.from], devices_[link.to], {}));
    }
    black_hole_.resize(loss_.size());
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
      if (faulty_.contains(link) || faulty_.contains(fabric_.reverse(link))) continue;
      faulty_.insert(link);
      return link;
    }
  }

  void harm(std::uint32_t link, double loss) {
    if (scenario_.black_hole > 0) {
      black_hole_[link] = scenario_.black_hole;
    } else {
      fault_.emplace_back(link, loss);
    }
  }

  void break_things() {
    for (std::uint32_t i = 0; i < scenario_.devices + scenario_.half_devices; ++i) {
      const std::uint32_t device = fabric_.switches[uniform_below(rng_, fabric_.switches.size())];
      case_.truth.insert(fabric_.devices[device]);
      std::vector<std::uint32_t> links = fabric_.links_of_device(device);
      std::ranges::shuffle(links, rng_);
      if (i >= scenario_.devices) links.resize(links.size() / 2);
      const double loss = draw_loss();
      for (const std::uint32_t link : links) {
        faulty_.insert(link);
        harm(link, loss);
      }
    }
    for (std::uint32_t i = 0; i < scenario_.hosts; ++i) {
      const std::uint32_t host = fabric_.hosts[uniform_below(rng_, fabric_.hosts.size())];
      case_.truth.insert(fabric_.devices[host]);
      const double loss = draw_loss();
      for (const std::uint32_t link : fabric_.links_of_device(host)) harm(link, loss);
    }
    for (std::uint32_t i = 0; i < scenario_.links; ++i) {
      const std::uint32_t link = draw_link();
      case_.truth.insert(fabric_.link_id(link));
      harm(link, draw_loss());
    }
    for (std::uint32_t i = 0; i < scenario_.cables; ++i) {
      const std::uint32_t link = draw_link();
      const auto [low, high] = std::minmax(fabric_.devices[fabric_.links[link].from],
                                           fabric_.devices[fabric_.links[link].to]);
      case_.truth.insert(low + "=" + high);
      const double loss = draw_loss();
      harm(link, loss);
      harm(fabric_.reverse(link), loss);
    }
    const auto congested =
        static_cast<std::uint32_t>(scenario_.congested * static_cast<double>(loss_.size()));
    for (std::uint32_t i = 0; i < congested; ++i) {
      const std::uint32_t link = draw_link();
      loss_[link] = between(rng_, 2e-4, 8e-4);
      delays_.congest(link);
    }
    slow_down();
  }

  void slow_down() {
    for (std::uint32_t i = 0; i < scenario_.slow_links; ++i) {
      const std::uint32_t link = draw_link();
      case_.truth.insert(fabric_.link_id(link));
      slow_.push_back(link);
    }
    for (std::uint32_t i = 0; i < scenario_.jammed_links; ++i) {
      const std::uint32_t link = draw_link();
      case_.truth.insert(fabric_.link_id(link));
      harm(link, between(rng_, 0.005, 0.02));
      jammed_.push_back(link);
    }
  }

  std::uint64_t drop(std::uint64_t packets, const Hops& hops) {
    double passes = 1;
    for (std::size_t i = 1; i < hops.size(); ++i) {
      const std::uint32_t link = fabric_.link(hops[i - 1], hops[i]);
      passes *= 1 - std::min(1.0, loss_[link] * delays_.load(link));
    }
    return std::binomial_distribution<std::uint64_t>(packets, 1 - passes)(rng_);
  }

  bool swallowed(const Hops& hops) {
    bool result = false;
    for (std::size_t i = 1; i < hops.size(); ++i) {
      const double share = black_hole_[fabric_.link(hops[i - 1], hops[i])];
      if (share > 0) result = uniform(rng_) < share || result;
    }
    return result;
  }

  localize::PathIndex path(const Hops& hops, bool silent) {
    std::vector<DeviceIndex> indexes;
    for (const std::uint32_t hop : hops) indexes.push_back(devices_[hop]);
    // Every second flow meets a rate-limited hop somewhere in the fabric.
    if (silent && hops.size() > 3 && uniform(rng_) < 0.5) {
      indexes[2 + uniform_below(rng_, hops.size() - 4)] = localize::kSilentHop;
    }
    return case_.set.path(indexes);
  }

  localize::RouteIndex route(const Hops& hops) {
    const bool mixed = scenario_.paths == Paths::kMixed && uniform(rng_) < 0.5;
    if (scenario_.paths != Paths::kCandidates && !mixed) {
      return case_.set.route(path(hops, scenario_.paths == Paths::kSilent));
    }
    std::vector<localize::WeightedPath> candidates;
    for (const Hops& way : fabric_.ways(hops.front(), hops.back())) {
      candidates.push_back({1, path(way, false)});
    }
    return case_.set.route(candidates);
  }

  struct Flow {
    localize::Observation row;
    Hops there;
    Hops back;
    bool swallowed_there = false;
    bool swallowed_back = false;
  };

  Flow make_flow(std::uint32_t src, std::uint32_t dst, std::uint32_t number) {
    Flow flow{
        .row = {}, .there = fabric_.pick(src, dst, rng_), .back = fabric_.pick(dst, src, rng_)};
    flow.row.src = devices_[src];
    flow.row.dst = devices_[dst];
    flow.row.forward = route(flow.there);
    flow.row.flow = case_.set.flow(fabric_.devices[src] + ":" + std::to_string(50'000 + number) +
                                   ">" + fabric_.devices[dst] + ":862");
    flow.swallowed_there = swallowed(flow.there);
    flow.swallowed_back = swallowed(flow.back);
    return flow;
  }

  void measure(Flow& flow, std::uint64_t packets, std::uint32_t window, bool broken) {
    flow.row.time_s = kStart + 10 * (std::int64_t{window} + 1);
    flow.row.sent = packets;
    flow.row.lost = broken && flow.swallowed_there ? packets : drop(packets, flow.there);
    if (scenario_.paths == Paths::kRoundTrip) {
      const std::uint64_t arrived = packets - flow.row.lost;
      flow.row.lost += broken && flow.swallowed_back ? arrived : drop(arrived, flow.back);
      if (flow.row.back == localize::kNoRoute) flow.row.back = route(flow.back);
    }
    if (scenario_.delays) {
      const Hops* back = flow.row.back == localize::kNoRoute ? nullptr : &flow.back;
      flow.row.delay =
          case_.set.add_delay(delays_.measure(flow.there, back, packets - flow.row.lost));
    }
    static_cast<void>(case_.set.add(flow.row));
  }

  void start_fault() {
    for (const auto& [link, loss] : fault_) loss_[link] = 1 - (1 - loss_[link]) * (1 - loss);
    for (const std::uint32_t link : slow_) delays_.slow(link, scenario_.slow_us);
    for (const std::uint32_t link : jammed_) delays_.congest(link, 0.8, 1500);
  }

  void measure_sampled() {
    start_fault();
    for (const std::uint32_t src : fabric_.hosts) {
      for (std::uint32_t i = 0; i < kFlowsPerHost; ++i) {
        std::uint32_t dst = src;
        while (dst == src) dst = fabric_.hosts[uniform_below(rng_, fabric_.hosts.size())];
        Flow flow = make_flow(src, dst, i);
        const std::uint32_t extra = i < scenario_.packets_per_host % kFlowsPerHost ? 1 : 0;
        measure(flow, scenario_.packets_per_host / kFlowsPerHost + extra, 0, true);
      }
    }
  }

  void measure_all_pairs() {
    std::vector<Flow> flows;
    for (const std::uint32_t src : fabric_.hosts) {
      for (const std::uint32_t dst : fabric_.hosts) {
        for (std::uint32_t i = 0; src != dst && i < kFlowsPerPair; ++i) {
          flows.push_back(make_flow(src, dst, i));
        }
      }
    }
    for (std::uint32_t window = 0; window < scenario_.healthy_windows + scenario_.windows;
         ++window) {
      if (window == scenario_.healthy_windows) start_fault();
      delays_.next_window();
      for (Flow& flow : flows) {
        measure(flow, kPacketsPerWindow, window, window >= scenario_.healthy_windows);
      }
    }
  }

  const Scenario& scenario_;
  Rng rng_;
  Fabric fabric_;
  DelayModel delays_;
  Case case_;
  std::vector<DeviceIndex> devices_;
  std::vector<double> loss_;
  std::vector<double> black_hole_;
  std::vector<std::pair<std::uint32_t, double>> fault_;
  std::set<std::uint32_t> faulty_;
  std::vector<std::uint32_t> slow_;
  std::vector<std::uint32_t> jammed_;
};

const std::vector<Scenario> kScenarios{
    {.name = "A1", .what = "4 links .1-1 % (1k)", .links = 4},
    {.name = "A2", .what = "4 links .1-1 % (2k)", .packets_per_host = 2000, .links = 4},
    {.name = "A3", .what = "8 links .1-1 % (5k)", .packets_per_host = 5000, .links = 8},
    {.name = "B1",
     .what = "4 links .05-.2 % (5k)",
     .packets_per_host = 5000,
     .links = 4,
     .loss_min = 0.0005,
     .loss_max = 0.002},
    {.name = "B2",
     .what = "4 links .05-.2 % (10k)",
     .packets_per_host = 10000,
     .links = 4,
     .loss_min = 0.0005,
     .loss_max = 0.002},
    {.name = "C1", .what = "20 links .1-1 % (5k)", .packets_per_host = 5000, .links = 20},
    {.name = "C2", .what = "50 links .1-1 % (5k)", .packets_per_host = 5000, .links = 50},
    {.name = "D1", .what = "a device, all its links", .packets_per_host = 5000, .devices = 1},
    {.name = "D2", .what = "half of a device's links", .packets_per_host = 5000, .half_devices = 1},
    {.name = "D3",
     .what = "a device + 4 links",
     .packets_per_host = 5000,
     .links = 4,
     .devices = 1},
    {.name = "E1",
     .what = "4 links + 2 % congested",
     .packets_per_host = 5000,
     .links = 4,
     .congested = 0.02},
    {.name = "G1",
     .what = "8 links incl. host links",
     .packets_per_host = 5000,
     .links = 8,
     .host_links = true},
    {.name = "G2",
     .what = "4 hosts .5-2 %",
     .packets_per_host = 5000,
     .hosts = 4,
     .loss_min = 0.005,
     .loss_max = 0.02},
    {.name = "H1",
     .what = "4 links, holes of 10 %",
     .packets_per_host = 5000,
     .links = 4,
     .black_hole = 0.1},
    {.name = "J1",
     .what = "12 links, log .1-100 %",
     .packets_per_host = 5000,
     .links = 12,
     .loss_max = 1.0,
     .log_uniform = true},
    {.name = "K1", .what = "4 cables .1-1 % (5k)", .packets_per_host = 5000, .cables = 4},
    {.name = "M1",
     .what = "8 links .1-1 %, half unknown",
     .packets_per_host = 5000,
     .links = 8,
     .paths = Paths::kMixed},
    {.name = "M2",
     .what = "4 links .5-2 %, candidates",
     .packets_per_host = 5000,
     .links = 4,
     .loss_min = 0.005,
     .loss_max = 0.02,
     .paths = Paths::kCandidates},
    {.name = "R1",
     .what = "8 links .1-1 %, round trips",
     .packets_per_host = 5000,
     .links = 8,
     .host_links = true,
     .paths = Paths::kRoundTrip},
    {.name = "S1",
     .what = "8 links .1-1 %, silent hops",
     .packets_per_host = 5000,
     .links = 8,
     .paths = Paths::kSilent},
    {.name = "Z0", .what = "no fault", .packets_per_host = 5000},
    {.name = "Z1", .what = "no fault, 10k", .packets_per_host = 10000},
    {.name = "L0", .what = "leaf-spine, no fault", .small = true},
    {.name = "L1",
     .what = "leaf-spine, link 1 %",
     .small = true,
     .links = 1,
     .loss_min = 0.01,
     .background_min = 0,
     .background_max = 1e-5},
    {.name = "L2",
     .what = "leaf-spine, host link 1 %",
     .small = true,
     .links = 1,
     .loss_min = 0.01,
     .host_links = true,
     .only_host_links = true,
     .background_min = 0,
     .background_max = 1e-5},
    {.name = "L3",
     .what = "leaf-spine, hole of 1/8",
     .small = true,
     .links = 1,
     .black_hole = 0.125,
     .background_min = 0,
     .background_max = 1e-5},
    {.name = "L4",
     .what = "leaf-spine, device 2 %",
     .small = true,
     .devices = 1,
     .loss_min = 0.02,
     .loss_max = 0.02,
     .background_min = 0,
     .background_max = 1e-5},
    {.name = "L5",
     .what = "leaf-spine, cable down",
     .small = true,
     .cables = 1,
     .loss_min = 1,
     .loss_max = 1,
     .background_min = 0,
     .background_max = 1e-5},
    {.name = "L6",
     .what = "leaf-spine, host 2 %",
     .small = true,
     .hosts = 1,
     .loss_min = 0.02,
     .loss_max = 0.02,
     .background_min = 0,
     .background_max = 1e-5},
    {.name = "L7",
     .what = "leaf-spine, hole, round trips",
     .small = true,
     .links = 1,
     .host_links = true,
     .black_hole = 0.125,
     .background_min = 0,
     .background_max = 1e-5,
     .paths = Paths::kRoundTrip},
    {.name = "L8",
     .what = "leaf-spine, 1 % since window 4",
     .small = true,
     .windows = 3,
     .links = 1,
     .loss_min = 0.01,
     .background_min = 0,
     .background_max = 1e-5,
     .healthy_windows = 4},
    {.name = "L9",
     .what = "leaf-spine, hole since window 4",
     .small = true,
     .windows = 3,
     .links = 1,
     .black_hole = 0.125,
     .background_min = 0,
     .background_max = 1e-5,
     .healthy_windows = 4},
    {.name = "X1", .what = "3 slow links, +200 us", .packets_per_host = 5000, .slow_links = 3},
    {.name = "X2", .what = "3 links jammed, .5-2 %", .packets_per_host = 5000, .jammed_links = 3},
    {.name = "X3",
     .what = "3 slow + 4 lossy + 2 % congested",
     .packets_per_host = 5000,
     .links = 4,
     .congested = 0.02,
     .slow_links = 3},
    {.name = "X5",
     .what = "leaf-spine, slow since window 4",
     .small = true,
     .windows = 3,
     .healthy_windows = 4,
     .slow_links = 1},
    {.name = "X4", .what = "2 % congested, no fault", .packets_per_host = 5000, .congested = 0.02},
};

}  // namespace

std::vector<Scenario> scenarios() { return kScenarios; }

Case make_case(const Scenario& scenario, std::uint64_t seed) {
  return CaseMaker(scenario, seed).make();
}

}  // namespace faultline::campaign

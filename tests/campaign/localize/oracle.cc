#include <algorithm>
#include <cmath>
#include <set>

#include "tests/campaign/localize/oracle.h"

namespace faultline::campaign {
namespace {

// The same belief about faults as the core's: log-uniform exponents, prior odds of e / links.
constexpr double kLossMin = 3e-4;
constexpr double kLossMax = 8;
constexpr double kDeadMin = 1e-2;
constexpr double kLogPriorDead = -1.5;
constexpr int kPoints = 160;

double exponent_of(double share) { return -std::log1p(-std::min(share, 1 - 1e-9)); }

// What a link's flows say when everything else is known.
struct Sight {
  struct Lossy {
    double lost = 0;
    double passed = 0;
    double rest = 0;  // loss exponent of the other links
    bool dead = false;
    double dead_rest = 0;  // share of flows that the other links swallow
  };
  double clean_packets = 0;
  double clean_flows = 0;
  std::vector<Lossy> lossy;
};

double log_loss(const Sight& sight, double exponent) {
  double total = -sight.clean_packets * exponent;
  for (const Sight::Lossy& flow : sight.lossy) {
    const double x = flow.rest + exponent;
    const double value = flow.lost * std::log(-std::expm1(-x)) - flow.passed * exponent;
    const bool may_be_others = flow.dead && flow.dead_rest > 0;
    total +=
        may_be_others ? std::log(flow.dead_rest + (1 - flow.dead_rest) * std::exp(value)) : value;
  }
  return total;
}

// The links' own loss stays at `background`; a share of flows dies here.
double log_dead(const Sight& sight, double exponent, double background) {
  const double alive = std::exp(-exponent);
  double total = -sight.clean_flows * exponent;
  for (const Sight::Lossy& flow : sight.lossy) {
    if (!flow.dead) {
      total -= exponent;
      continue;
    }
    const double by_loss = std::exp(flow.lost * std::log(-std::expm1(-flow.rest - background)));
    const double spared = (1 - flow.dead_rest) * by_loss;
    const double now = 1 - (1 - flow.dead_rest) * alive + (1 - flow.dead_rest) * alive * by_loss;
    total += std::log(now / (flow.dead_rest + spared));
  }
  return total;
}

template <typename Curve>
double log_mean(double low, double high, Curve curve) {
  std::vector<double> values;
  for (int i = 0; i < kPoints; ++i) {
    values.push_back(curve(low * std::pow(high / low, (i + 0.5) / kPoints)));
  }
  const double top = *std::ranges::max_element(values);
  double sum = 0;
  for (const double value : values) sum += std::exp(value - top);
  return top + std::log(sum / kPoints);
}

std::vector<Sight> look(const Case& it) {
  const Truth& truth = it.network;
  std::vector<double> sent(truth.flows.size());
  std::vector<double> lost(truth.flows.size());
  for (const localize::Observation& row : it.set.observations()) {
    sent[row.flow.value() - 1] += static_cast<double>(row.sent);
    lost[row.flow.value() - 1] += static_cast<double>(row.lost);
  }
  std::vector<Sight> sights(truth.fabric.links.size());
  for (std::size_t i = 0; i < truth.flows.size(); ++i) {
    Way way = truth.flows[i].there;
    way.insert(way.end(), truth.flows[i].back.begin(), truth.flows[i].back.end());
    double exponent = 0;
    double spared = 1;
    for (const std::uint32_t link : way) {
      exponent += exponent_of(truth.loss[link]);
      spared *= 1 - truth.black_hole[link];
    }
    for (const std::uint32_t link : way) {
      Sight& sight = sights[link];
      if (lost[i] == 0) {
        sight.clean_packets += sent[i];
        sight.clean_flows += 1;
        continue;
      }
      const double own = exponent_of(truth.loss[link]);
      sight.lossy.push_back({lost[i], sent[i] - lost[i], std::max(0.0, exponent - own),
                             lost[i] == sent[i], 1 - spared / (1 - truth.black_hole[link])});
    }
  }
  return sights;
}

}  // namespace

bool oracle_applies(const Scenario& scenario) {
  const bool links_only = scenario.half_devices + scenario.hosts + scenario.cables +
                              scenario.sick_hosts + scenario.mtu_links + scenario.slow_links +
                              scenario.jammed_links ==
                          0;
  const bool one_state = scenario.healthy_windows == 0;
  return links_only && one_state && scenario.paths != Paths::kCandidates &&
         scenario.paths != Paths::kMixed;
}

Names oracle(const Case& it) {
  const std::vector<Sight> sights = look(it);
  const double crossed = static_cast<double>(std::ranges::count_if(
      sights, [](const Sight& sight) { return sight.clean_flows > 0 || !sight.lossy.empty(); }));
  const double penalty = std::max(1.0, std::log(crossed) - 1);
  const double background =
      exponent_of((it.scenario.background_min + it.scenario.background_max) / 2);
  Names names;
  std::set<std::string> told;
  for (const auto& [device, links] : it.parts) {
    if (links.size() == 1) continue;  // a link is to be found
    names.push_back(device);
    told.insert(links.begin(), links.end());
  }
  for (std::uint32_t link = 0; link < sights.size(); ++link) {
    const Sight& sight = sights[link];
    if (sight.lossy.empty() || told.contains(it.network.fabric.link_id(link))) continue;
    const double healthy = log_loss(sight, background);
    double best = log_mean(kLossMin, kLossMax,
                           [&](double exponent) { return log_loss(sight, exponent) - healthy; });
    if (std::ranges::count(sight.lossy, true, &Sight::Lossy::dead) > 1) {
      best = std::max(best, kLogPriorDead + log_mean(kDeadMin, kLossMax, [&](double exponent) {
                              return log_dead(sight, exponent, background);
                            }));
    }
    if (best > penalty) names.push_back(it.network.fabric.link_id(link));
  }
  return names;
}

}  // namespace faultline::campaign

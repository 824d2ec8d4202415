#include "controller/localize/size_classes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <map>

namespace faultline::localize {
namespace {

constexpr std::size_t kRates = 25;
constexpr double kRateMin = 1e-4;  // exponents per unit
constexpr double kRateMax = 8;
constexpr double kElsewhereMin = 1e-9;
// One fault in ten or so is of the MTU, and then twenty to one.
constexpr double kLogOddsMin = 5.3;
constexpr std::uint64_t kBadFlowsMin = 2;
// More boundaries than this are those of a traffic mix, not of probes.
constexpr std::size_t kSizesMax = 256;

using Curve = std::array<double, kRates>;  // log-likelihood by rate

struct SizeClass {
  Curve with_rate{};
  double without = 0;
  std::uint64_t flows = 0;
  std::uint64_t bad_flows = 0;
};

double log_probability(const SizedFlow& flow, double exponent) {
  const double x = std::max(kElsewhereMin, flow.elsewhere) + flow.units * exponent;
  return flow.bad ? std::log(-std::expm1(-x)) : -x;
}

double rate_at(std::size_t i) {
  const double step = std::log(kRateMax / kRateMin) / (kRates - 1);
  return kRateMin * std::exp(step * static_cast<double>(i));
}

void add(SizeClass& to, const SizeClass& other) {
  for (std::size_t i = 0; i < kRates; ++i) to.with_rate[i] += other.with_rate[i];
  to.without += other.without;
  to.flows += other.flows;
  to.bad_flows += other.bad_flows;
}

// log of the likelihood averaged over the rates, all alike.
double log_evidence(const Curve& curve) {
  const double high = *std::ranges::max_element(curve);
  double sum = 0;
  for (const double value : curve) sum += std::exp(value - high);
  return high + std::log(sum / kRates);
}

std::map<std::uint32_t, SizeClass> classes_of(const std::vector<SizedFlow>& flows) {
  std::map<std::uint32_t, SizeClass> result;
  for (const SizedFlow& flow : flows) {
    SizeClass& it = result[flow.size];
    for (std::size_t i = 0; i < kRates; ++i) {
      it.with_rate[i] += log_probability(flow, rate_at(i));
    }
    it.without += log_probability(flow, 0);
    ++it.flows;
    it.bad_flows += flow.bad;
  }
  return result;
}

}  // namespace

std::optional<SizeLimit> find_size_limit(const std::vector<SizedFlow>& flows) {
  const auto classes = classes_of(flows);
  if (classes.size() < 2 || classes.size() > kSizesMax) return std::nullopt;
  SizeClass all;
  for (const auto& [size, it] : classes) add(all, it);
  const double one_rate = log_evidence(all.with_rate);
  const double boundaries = std::log(static_cast<double>(classes.size() - 1));
  std::optional<SizeLimit> best;
  SizeClass large;
  for (auto it = std::prev(classes.end()); it != classes.begin(); --it) {
    add(large, it->second);
    const double small_without = all.without - large.without;
    const double log_odds = small_without + log_evidence(large.with_rate) - one_rate - boundaries;
    if (large.bad_flows < kBadFlowsMin || log_odds < kLogOddsMin) continue;
    if (best && log_odds <= best->log_odds) continue;
    best = SizeLimit{std::prev(it)->first, it->first, large.flows, large.bad_flows, log_odds};
  }
  return best;
}

}  // namespace faultline::localize

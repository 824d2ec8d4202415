#include "tests/campaign/localize/false_alarms.h"

#include <algorithm>
#include <cmath>
#include <ctime>

#include "controller/localize/localizer.h"
#include "tests/campaign/localize/case.h"

namespace faultline::campaign {
namespace {

constexpr double kCongestedShare = 0.05;
constexpr std::uint64_t kShortPackets = 60;
constexpr std::uint64_t kLongPackets = 300;
constexpr std::uint64_t kDelaySamples = 20;
constexpr double kConfident = 0.9;  // incident.confirm_posterior
constexpr std::size_t kShownMax = 400;

double log_uniform(Rng& rng, double low, double high) {
  return low * std::pow(high / low, uniform(rng));
}

// 0 at night, 1 at two in the afternoon.
double load_at(double hour) {
  const double height = std::sin(M_PI * (hour - 6) / 16);
  return height > 0 ? height * height : 0;
}

void draw_background(Truth& truth, Rng& rng) {
  const double load = load_at(24 * uniform(rng));
  truth.delays = DelayModel(truth.fabric, rng);
  for (std::uint32_t link = 0; link < truth.loss.size(); ++link) {
    truth.loss[link] =
        uniform(rng) < 47.0 / 65 ? log_uniform(rng, 1e-8, 1e-5) : log_uniform(rng, 1e-5, 1e-4);
    if (uniform(rng) >= kCongestedShare) continue;
    truth.loss[link] += load * log_uniform(rng, 1e-5, 3e-4);
    truth.delays.congest(link, 0.5 * load, 80 + 320 * uniform(rng));
  }
}

}  // namespace

FalseAlarms count_false_alarms(std::uint64_t windows, std::uint64_t seed,
                               const WindowProgress& progress) {
  const Scenario scenario{.name = "F", .what = "", .shape = Shape::kLeafSpine, .windows = 0};
  Case base = make_case(scenario, seed);
  std::vector<localize::FlowIndex> flows;
  for (const TrueFlow& flow : base.network.flows) flows.push_back(flow.row.flow);
  Rng rng(mixed(seed, windows));
  FalseAlarms result;
  for (; result.windows < windows; ++result.windows) {
    draw_background(base.network, rng);
    const bool is_long = result.windows % 5 == 4;
    localize::ObservationSet set = base.set;
    for (localize::Observation& row :
         probe(base, flows, is_long ? kLongPackets : kShortPackets, rng)) {
      const TrueFlow& flow = true_flow(base, row.flow);
      const std::uint64_t samples = std::min(kDelaySamples, row.sent - row.lost);
      row.delay = set.add_delay(base.network.delays.measure(flow.there, flow.back, samples, rng));
      static_cast<void>(set.add(row));
    }
    const std::clock_t start = std::clock();
    const localize::Verdict verdict = localize::localize(set, {});
    result.cpu_ms += 1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    result.packets += verdict.packets;
    result.lost += verdict.lost;
    result.with_suspects += verdict.suspects.empty() ? 0 : 1;
    const auto is_confident = [](const auto& it) { return it.posterior >= kConfident; };
    result.confident += std::ranges::any_of(verdict.suspects, is_confident) ? 1 : 0;
    for (const localize::Suspect& suspect : verdict.suspects) {
      if (result.first.size() > kShownMax) break;
      result.first += suspect.id + " (" + std::string(to_string(suspect.fault_class)) + ", " +
                      std::to_string(suspect.posterior) + ") ";
    }
    progress(result.windows + 1);
  }
  if (windows > 0) result.cpu_ms /= static_cast<double>(windows);
  return result;
}

}  // namespace faultline::campaign

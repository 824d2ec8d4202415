#include "controller/localize/background.h"

#include <algorithm>
#include <cmath>

namespace faultline::localize {
namespace {

constexpr int kRounds = 12;
// Real fabrics lose 1e-5 to 1e-4 per packet (Pingmesh, SIGCOMM 2015); below this one stray packet
// would look like a fault, above it no background is plausible. The lower bound yields to data: it
// is half of this after kLossesToHalve losses, a third after twice as many.
constexpr double kLossMin = 3e-5;
constexpr double kLossesToHalve = 50;
constexpr double kLossMax = 1e-2;
// What is believed before any packet: 5e-5, worth five losses.
constexpr double kPriorLosses = 5;
constexpr double kPriorLoss = 5e-5;
// At most this share of a tier's links may be set aside as outliers.
constexpr double kOutliersMax = 0.3;

struct Share {
  double losses = 0;
  double packets = 0;
};

// How many of the losses each link caused, if link i loses `rate[i]` of its own accord.
std::vector<Share> share_out(const Likelihood& likelihood, const Problem& problem,
                             const std::vector<double>& rate, const std::vector<double>& assumed) {
  std::vector<Share> shares(rate.size());
  for (std::size_t link = 0; link < rate.size(); ++link) {
    shares[link].packets = problem.clean_packets[link];
  }
  likelihood.visit_ways([&](const ActiveRecord& flow, const Likelihood::WayView& way) {
    // A reason of its own can only add losses: a flow that lost less than it should has none.
    const bool too_few = flow.lost < flow.sent * way.exponents.loss;
    const double weight =
        flow.copies * (too_few ? std::max(way.probability, way.prior) : way.probability);
    if (weight < 1e-6) return;
    const bool swallowed = way.exponents.dead > 0 && flow.dead > 0;
    const double sent = swallowed ? flow.sent - flow.dead : flow.sent;
    const double lost = swallowed ? flow.lost - flow.dead : flow.lost;
    double x = way.exponents.loss;
    for (const std::uint32_t link : way.links) x += rate[link] - assumed[link];
    for (const std::uint32_t link : way.links) {
      shares[link].packets += weight * sent;
      shares[link].losses += weight * lost * rate[link] / std::max(x, rate[link]);
    }
  });
  return shares;
}

double tier_mean(const std::vector<Share>& shares, const std::vector<std::uint32_t>& links,
                 double now) {
  std::vector<std::pair<double, std::uint32_t>> outliers;
  Share total{kPriorLosses, kPriorLosses / kPriorLoss};
  for (const std::uint32_t link : links) {
    const Share& share = shares[link];
    total.losses += share.losses;
    total.packets += share.packets;
    const double expected = share.packets * now;
    if (share.losses > expected + 3 * std::sqrt(expected) + 2) {
      outliers.emplace_back(share.losses / share.packets, link);
    }
  }
  std::ranges::sort(outliers, std::greater<>{});
  const auto max = static_cast<std::size_t>(kOutliersMax * static_cast<double>(links.size()));
  if (outliers.size() > max) outliers.resize(max);
  for (const auto& [rate, link] : outliers) {
    total.losses -= shares[link].losses;
    total.packets -= shares[link].packets;
  }
  const double floor = kLossMin / (1 + (total.losses - kPriorLosses) / kLossesToHalve);
  return std::clamp(total.losses / std::max(total.packets, 1.0), floor, kLossMax);
}

}  // namespace

Background fit_background(const Likelihood& likelihood, const Problem& problem,
                          const ComponentTable& components,
                          const std::vector<std::uint8_t>& excluded) {
  std::vector<std::uint32_t> host_links;
  std::vector<std::uint32_t> fabric_links;
  for (std::uint32_t link = 0; link < problem.crossed.size(); ++link) {
    if (problem.crossed[link] == 0 || excluded[link] != 0) continue;
    (components.is_host_link(link) ? host_links : fabric_links).push_back(link);
  }
  const std::vector<double> assumed = likelihood.background();
  Background background;
  std::vector<double> rate = background_by_link(background, components, problem.crossed.size());
  for (int round = 0; round < kRounds; ++round) {
    const std::vector<Share> shares = share_out(likelihood, problem, rate, assumed);
    background.host = tier_mean(shares, host_links, background.host);
    background.fabric = tier_mean(shares, fabric_links, background.fabric);
    // Each link's own rate, held near its tier's mean b by Gamma(1, mean b): outliers draw the
    // losses to themselves.
    const std::vector<double> mean =
        background_by_link(background, components, problem.crossed.size());
    for (std::size_t link = 0; link < rate.size(); ++link) {
      rate[link] = (shares[link].losses + 1) / (shares[link].packets + 1 / mean[link]);
    }
  }
  return background;
}

std::vector<double> background_by_link(const Background& background,
                                       const ComponentTable& components, std::size_t link_count) {
  std::vector<double> loss(link_count);
  for (std::uint32_t link = 0; link < link_count; ++link) {
    loss[link] = components.is_host_link(link) ? background.host : background.fabric;
  }
  return loss;
}

}  // namespace faultline::localize

#include "controller/localize/background.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace faultline::localize {
namespace {

constexpr int kRoundsMax = 12;
// Rounds that change the result less than this share of it are the last.
constexpr double kSettled = 2e-3;
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
// Ways less likely than this are left out.
constexpr double kWeightMin = 1e-6;

class Fit {
 public:
  Fit(const Likelihood& likelihood, const Problem& problem, const ComponentTable& components,
      const std::vector<std::uint8_t>& excluded)
      : components_(components),
        excluded_(excluded),
        crossed_(problem.crossed),
        packets_(problem.clean.size()),
        losses_(packets_.size()) {
    for (std::uint32_t link = 0; link < packets_.size(); ++link) {
      packets_[link] = problem.clean[link].packets;
    }
    collect(likelihood);
  }

  Background run() {
    rate_ = background_by_link(result_, components_, packets_.size());
    divide_links();
    for (int round = 0; round < kRoundsMax; ++round) {
      share_out();
      const Background last = result_;
      result_ = {tier_mean(tiers_[0], last.host), tier_mean(tiers_[1], last.fabric)};
      renew_rates();
      const double change = std::max(std::abs(result_.host / last.host - 1),
                                     std::abs(result_.fabric / last.fabric - 1));
      if (change < kSettled) break;
    }
    return result_;
  }

 private:
  struct Tier {
    std::vector<std::uint32_t> lossy;  // its links that a lossy flow may have crossed
    double packets_elsewhere = 0;      // over its other links
    std::size_t links = 0;             // that are no suspect's
  };
  // A way that a lossy flow went with some probability.
  struct LossyWay {
    std::span<const std::uint32_t> links;
    double lost = 0;
    double elsewhere = 0;  // exponent of the suspects on it
  };

  // Packets do not depend on the rates; only losses are shared out anew.
  void collect(const Likelihood& likelihood) {
    const auto& assumed = likelihood.background();
    likelihood.visit_ways([&](const ActiveRecord& flow, const Likelihood::WayView& way) {
      // A reason of its own can only add losses: a flow that lost less than it should has none.
      const bool too_few = flow.lost < flow.sent * way.exponents.loss;
      const double weight =
          flow.copies * (too_few ? std::max(way.probability, way.prior) : way.probability);
      if (weight < kWeightMin) return;
      const bool swallowed = way.exponents.dead > 0 && flow.dead > 0;
      const double dead = swallowed ? flow.dead : 0;
      double elsewhere = way.exponents.loss;
      for (const std::uint32_t link : way.links) {
        packets_[link] += weight * (flow.sent - dead);
        elsewhere -= assumed[link];
      }
      if (flow.lost > dead) {
        lossy_.push_back({way.links, weight * (flow.lost - dead), std::max(0.0, elsewhere)});
      }
    });
  }

  // Most links lost nothing: their part of the means is the same in every round.
  void divide_links() {
    std::vector<std::uint8_t> is_lossy(packets_.size());
    for (const LossyWay& way : lossy_) {
      for (const std::uint32_t link : way.links) is_lossy[link] = 1;
    }
    for (std::uint32_t link = 0; link < packets_.size(); ++link) {
      if (crossed_[link] == 0) continue;
      Tier& tier = tiers_[components_.is_host_link(link) ? 0 : 1];
      if (is_lossy[link] != 0) tier.lossy.push_back(link);
      if (excluded_[link] != 0) continue;
      ++tier.links;
      if (is_lossy[link] == 0) tier.packets_elsewhere += packets_[link];
    }
  }

  // How many of the losses each link caused, if link i loses rate_[i] of its own accord.
  void share_out() {
    for (const Tier& tier : tiers_) {
      for (const std::uint32_t link : tier.lossy) losses_[link] = 0;
    }
    for (const LossyWay& way : lossy_) {
      double x = way.elsewhere;
      for (const std::uint32_t link : way.links) x += rate_[link];
      const double per_rate = way.lost / x;
      for (const std::uint32_t link : way.links) losses_[link] += per_rate * rate_[link];
    }
  }

  double tier_mean(const Tier& tier, double now) {
    outliers_.clear();
    double losses = kPriorLosses;
    double packets = kPriorLosses / kPriorLoss + tier.packets_elsewhere;
    for (const std::uint32_t link : tier.lossy) {
      if (excluded_[link] != 0) continue;
      losses += losses_[link];
      packets += packets_[link];
      const double expected = packets_[link] * now;
      const double over = losses_[link] - expected - 2;
      if (over > 0 && over * over > 9 * expected) {
        outliers_.emplace_back(losses_[link] / packets_[link], link);
      }
    }
    std::ranges::sort(outliers_, std::greater<>{});
    const auto max = static_cast<std::size_t>(kOutliersMax * static_cast<double>(tier.links));
    if (outliers_.size() > max) outliers_.resize(max);
    for (const auto& [rate, link] : outliers_) {
      losses -= losses_[link];
      packets -= packets_[link];
    }
    const double floor = kLossMin / (1 + std::max(0.0, losses - kPriorLosses) / kLossesToHalve);
    return std::clamp(losses / std::max(packets, 1.0), floor, kLossMax);
  }

  // Each link's own rate, held near its tier's mean b by Gamma(1, mean b): outliers draw the losses
  // to themselves.
  void renew_rates() {
    const auto renew = [&](const Tier& tier, double mean) {
      for (const std::uint32_t link : tier.lossy) {
        rate_[link] = (losses_[link] + 1) / (packets_[link] + 1 / mean);
      }
    };
    renew(tiers_[0], result_.host);
    renew(tiers_[1], result_.fabric);
  }

  const ComponentTable& components_;
  const std::vector<std::uint8_t>& excluded_;
  Background result_;
  const std::vector<std::uint8_t>& crossed_;
  std::array<Tier, 2> tiers_;    // host links, fabric
  std::vector<double> packets_;  // by link
  std::vector<double> losses_;
  std::vector<double> rate_;
  std::vector<LossyWay> lossy_;
  std::vector<std::pair<double, std::uint32_t>> outliers_;
};

}  // namespace

Background fit_background(const Likelihood& likelihood, const Problem& problem,
                          const ComponentTable& components,
                          const std::vector<std::uint8_t>& excluded) {
  return Fit(likelihood, problem, components, excluded).run();
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

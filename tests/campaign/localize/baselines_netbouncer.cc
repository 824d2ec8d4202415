#include <algorithm>
#include <cmath>

#include "tests/campaign/localize/baselines.h"

namespace faultline::campaign {
namespace {

constexpr int kIterationsMax = 100;
constexpr double kErrorChangeMin = 1e-8;

class Descent {
 public:
  Descent(const FlowTable& table, const std::vector<std::uint32_t>& bad_devices,
          double regularization)
      : table_(table),
        lambda_(regularization),
        success_(table.link_count, 1),
        bad_(table.component_count()),
        flows_over_(table.link_count) {
    for (const std::uint32_t device : bad_devices) bad_[device] = 1;
  }

  std::vector<double> run() {
    start();
    double error = total_error();
    for (int i = 0; i < kIterationsMax; ++i) {
      for (std::uint32_t link = 0; link < table_.link_count; ++link) improve(link);
      const double now = total_error();
      if (std::abs(now - error) < kErrorChangeMin) break;
      error = now;
    }
    std::vector<double> losses;
    for (std::uint32_t link = 0; link < table_.link_count; ++link) {
      losses.push_back(flows_over_[link].empty() ? -1 : 1 - success_[link]);
    }
    return losses;
  }

 private:
  [[nodiscard]] const FlowTable::Path& path_of(std::uint32_t flow) const {
    return table_.paths_of(table_.flows[flow]).front();
  }
  [[nodiscard]] double rate(std::uint32_t flow) const {
    return 1 - table_.flows[flow].lost / table_.flows[flow].sent;
  }

  // Each link starts at the mean rate of the flows across it.
  void start() {
    std::vector<double> sum(table_.link_count);
    for (std::uint32_t i = 0; i < table_.flows.size(); ++i) {
      const FlowTable::Flow& flow = table_.flows[i];
      if (flow.paths.count != 1 || flow.sent == 0) continue;
      const auto is_bad = [&](std::uint32_t device) { return bad_[device] != 0; };
      if (std::ranges::any_of(table_.at(path_of(i).devices), is_bad)) continue;
      for (const std::uint32_t link : table_.at(path_of(i).links)) {
        flows_over_[link].push_back(i);
        sum[link] += rate(i);
      }
      used_.push_back(i);
    }
    for (std::uint32_t link = 0; link < table_.link_count; ++link) {
      if (flows_over_[link].empty()) continue;
      success_[link] = sum[link] / static_cast<double>(flows_over_[link].size());
    }
    product_.resize(table_.flows.size(), 1);
    for (const std::uint32_t i : used_) product_[i] = product_without(i, table_.link_count);
  }

  [[nodiscard]] double product_without(std::uint32_t flow, std::uint32_t left_out) const {
    double product = 1;
    for (const std::uint32_t link : table_.at(path_of(flow).links)) {
      if (link != left_out) product *= success_[link];
    }
    return product;
  }

  void improve(std::uint32_t link) {
    if (flows_over_[link].empty()) return;
    const double old = success_[link];
    double cross = 0;
    double square = 0;
    for (const std::uint32_t i : flows_over_[link]) {
      const double rest = old > 0.1 ? product_[i] / old : product_without(i, link);
      cross += rest * rate(i);
      square += rest * rest;
    }
    const double best = (2 * cross - lambda_) / (2 * (square - lambda_));
    success_[link] = std::clamp(best, 0.0, 1.0);
    for (const std::uint32_t i : flows_over_[link]) {
      product_[i] = old > 0.1 ? product_[i] / old * success_[link]
                              : product_without(i, link) * success_[link];
    }
  }

  [[nodiscard]] double total_error() const {
    double error = 0;
    for (const std::uint32_t i : used_) {
      const double off = rate(i) - product_[i];
      error += off * off;
    }
    for (const double x : success_) error += lambda_ * x * (1 - x);
    return error;
  }

  const FlowTable& table_;
  double lambda_ = 0;              // regularization
  std::vector<double> success_;    // by link
  std::vector<double> product_;    // by flow, over its links
  std::vector<std::uint8_t> bad_;  // by component, devices only
  std::vector<std::vector<std::uint32_t>> flows_over_;
  std::vector<std::uint32_t> used_;
};

}  // namespace

Names net_bouncer(const localize::ObservationSet& set, const NetBouncerParameters& parameters) {
  return net_bouncer(FlowTable(set), parameters);
}

Names net_bouncer(const FlowTable& table, const NetBouncerParameters& parameters) {
  const std::vector<std::uint32_t> bad = net_bouncer_devices(table, parameters.device_share);
  const std::vector<double> losses = net_bouncer_losses(table, bad, parameters.regularization);
  return net_bouncer_names(table, bad, losses, parameters.loss_min);
}

std::vector<std::uint32_t> net_bouncer_devices(const FlowTable& table, double device_share) {
  std::vector<double> all(table.component_count());
  std::vector<double> lossy(table.component_count());
  for (const FlowTable::Flow& flow : table.flows) {
    if (flow.paths.count != 1 || flow.sent == 0) continue;
    for (const std::uint32_t device : table.at(table.paths_of(flow).front().devices)) {
      all[device] += 1;
      lossy[device] += flow.lost > 0 ? 1 : 0;
    }
  }
  std::vector<std::uint32_t> bad;
  for (std::uint32_t device = table.link_count; device < table.component_count(); ++device) {
    if (lossy[device] > device_share * all[device]) bad.push_back(device);
  }
  return bad;
}

std::vector<double> net_bouncer_losses(const FlowTable& table,
                                       const std::vector<std::uint32_t>& bad_devices,
                                       double regularization) {
  return Descent(table, bad_devices, regularization).run();
}

Names net_bouncer_names(const FlowTable& table, const std::vector<std::uint32_t>& bad_devices,
                        const std::vector<double>& losses, double loss_min) {
  Names names;
  for (const std::uint32_t device : bad_devices) names.push_back(table.id(device));
  for (std::uint32_t link = 0; link < table.link_count; ++link) {
    if (losses[link] >= loss_min) names.push_back(table.id(link));
  }
  return names;
}

}  // namespace faultline::campaign

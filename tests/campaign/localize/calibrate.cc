#include "tests/campaign/localize/calibrate.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

namespace faultline::campaign {
namespace {

template <typename Parameters>
struct Grid {
  std::vector<Parameters> settings;
  std::vector<double> f1;  // sum over cases

  void start() { f1.assign(settings.size(), 0); }

  [[nodiscard]] std::size_t best() const {
    return static_cast<std::size_t>(std::ranges::max_element(f1) - f1.begin());
  }
};

Grid<VotesParameters> votes_grid() {
  Grid<VotesParameters> grid;
  for (double share = 2e-4; share < 0.3; share *= 1.15) grid.settings.push_back({share});
  grid.start();
  return grid;
}

Grid<NetBouncerParameters> net_bouncer_grid() {
  Grid<NetBouncerParameters> grid;
  for (const double device : {0.1, 0.2, 0.4, 1.0}) {
    for (const double lambda : {0.01, 0.1}) {
      for (const double loss :
           {2e-4, 3e-4, 4e-4, 5e-4, 6e-4, 8e-4, 1e-3, 1.25e-3, 1.5e-3, 2e-3, 3e-3, 5e-3}) {
        grid.settings.push_back({lambda, loss, device});
      }
    }
  }
  grid.start();
  return grid;
}

// The range of its authors' grid for active probes, widened downwards because B1 loses less.
Grid<FlockParameters> flock_grid() {
  Grid<FlockParameters> grid;
  for (const double bad : {7e-4, 1e-3, 1.5e-3, 2e-3, 3e-3, 5e-3, 8e-3}) {
    for (const double good : {2.5e-5, 5e-5, 1e-4, 1.5e-4, 2e-4, 3e-4, 5e-4}) {
      for (const double prior : {3.0, 6.0, 8.0, 10.0, 15.0, 25.0}) {
        if (good < 0.7 * bad) grid.settings.push_back({bad, good, -prior, 1});
      }
    }
  }
  grid.start();
  return grid;
}

class Calibrator {
 public:
  explicit Calibrator(const Contest& training) : training_(training) {}

  Calibration run(const std::function<void(const std::string&)>& progress) {
    const std::size_t all = training_.scenarios.size() * training_.seeds;
    std::atomic<std::size_t> next = 0;
    const auto work = [&] {
      for (std::size_t i = next++; i < all; i = next++) {
        const Scenario& scenario = training_.scenarios[i / training_.seeds];
        try_all(make_case(scenario, training_.first_seed + i % training_.seeds));
        const std::lock_guard lock(adding_);
        progress(scenario.name + ", " + std::to_string(++done_) + " of " + std::to_string(all));
      }
    };
    std::vector<std::thread> others;
    for (std::uint32_t i = 1; i < training_.threads; ++i) others.emplace_back(work);
    work();
    for (std::thread& other : others) other.join();
    return result(static_cast<double>(all));
  }

 private:
  template <typename Parameters, typename Solve>
  void try_grid(const Case& it, Grid<Parameters>& grid, Solve solve) {
    for (std::size_t i = 0; i < grid.settings.size(); ++i) {
      const double f1 = judge(it, accusations(solve(grid.settings[i]))).f1;
      const std::lock_guard lock(adding_);
      grid.f1[i] += f1;
    }
  }

  // Settings that differ in loss_min only, or in a device_share that marks the same devices, share
  // one descent.
  void try_net_bouncer(const Case& it, const FlowTable& table) {
    std::map<std::pair<std::vector<std::uint32_t>, double>, std::vector<double>> known;
    try_grid(it, net_bouncer_, [&](const NetBouncerParameters& p) {
      const std::vector<std::uint32_t> bad = net_bouncer_devices(table, p.device_share);
      const auto [entry, is_new] = known.try_emplace({bad, p.regularization});
      if (is_new) entry->second = net_bouncer_losses(table, bad, p.regularization);
      return net_bouncer_names(table, bad, entry->second, p.loss_min);
    });
  }

  void try_all(const Case& it) {
    const FlowTable table(it.set);
    try_grid(it, votes_, [&](const VotesParameters& p) { return votes_007(table, p); });
    try_grid(it, net_bouncer_,
             [&](const NetBouncerParameters& p) { return net_bouncer(table, p); });
    const FlockSearch search(table);
    try_grid(it, flock_, [&](const FlockParameters& p) { return search.run(p); });
  }

  [[nodiscard]] Calibration result(double cases) const {
    Calibration it;
    it.best = {votes_.settings[votes_.best()], net_bouncer_.settings[net_bouncer_.best()],
               flock_.settings[flock_.best()]};
    it.best.flock.beam = FlockParameters{}.beam;
    it.votes_f1 = votes_.f1[votes_.best()] / cases;
    it.net_bouncer_f1 = net_bouncer_.f1[net_bouncer_.best()] / cases;
    it.flock_f1 = flock_.f1[flock_.best()] / cases;
    it.votes_f1_min = std::ranges::min(votes_.f1) / cases;
    it.net_bouncer_f1_min = std::ranges::min(net_bouncer_.f1) / cases;
    it.flock_f1_min = std::ranges::min(flock_.f1) / cases;
    return it;
  }

  const Contest& training_;
  Grid<VotesParameters> votes_ = votes_grid();
  Grid<NetBouncerParameters> net_bouncer_ = net_bouncer_grid();
  Grid<FlockParameters> flock_ = flock_grid();
  std::mutex adding_;
  std::size_t done_ = 0;
};

}  // namespace

Calibration calibrate(const Contest& training,
                      const std::function<void(const std::string&)>& progress) {
  return Calibrator(training).run(progress);
}

}  // namespace faultline::campaign

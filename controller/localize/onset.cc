#include "controller/localize/onset.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>
#include <vector>

namespace faultline::localize {
namespace {

// A fault that began inside the horizon must explain this much more than one that was always there.
constexpr double kLogOddsMin = 2;

struct Window {
  std::int64_t end_s = 0;
  double crossings = 0;  // packets, once per link of the suspect that they cross
  double lost = 0;
  double elsewhere = 0;  // losses that the rest of the ways explains
};

struct RouteView {
  double crossings = 0;  // expected number of the suspect's links on the way
  double elsewhere = 0;
};

class RouteViews {
 public:
  RouteViews(const ObservationSet& set, const Likelihood& likelihood,
             std::span<const std::uint32_t> links, Exponents own)
      : set_(set), likelihood_(likelihood), own_(own), mark_(set.links().size()) {
    for (const std::uint32_t link : links) mark_[link] = 1;
  }

  const RouteView& at(RouteIndex route) {
    const auto [it, is_new] = views_.try_emplace(route.value());
    if (is_new) it->second = look(route);
    return it->second;
  }

 private:
  [[nodiscard]] RouteView look(RouteIndex route) const {
    RouteView view;
    double total = 0;
    for (const WeightedPath& way : set_.at(route)) total += way.weight;
    for (const WeightedPath& way : set_.at(route)) {
      for (const LinkIndex link : set_.at(way.path)) {
        const bool marked = mark_[link.value()] != 0;
        const double loss = likelihood_.exponents(link.value()).loss;
        view.crossings += marked ? way.weight / total : 0;
        view.elsewhere += way.weight / total * std::max(0.0, loss - (marked ? own_.loss : 0));
      }
    }
    return view;
  }

  const ObservationSet& set_;
  const Likelihood& likelihood_;
  Exponents own_;
  std::vector<std::uint8_t> mark_;
  std::unordered_map<std::uint32_t, RouteView> views_;
};

std::vector<Window> windows_of(const ObservationSet& set, const LocalizeOptions& options,
                               RouteViews& views) {
  std::map<std::int64_t, Window> by_time;
  for (const Observation& row : set.observations()) {
    const bool inside = row.time_s > options.after_s && row.time_s <= options.until_s;
    if (row.time_s == kNoTime || !inside) continue;
    RouteView view = views.at(row.forward);
    if (row.back != kNoRoute) {
      const RouteView& back = views.at(row.back);
      view.crossings += back.crossings;
      view.elsewhere += back.elsewhere;
    }
    if (view.crossings < 0.1) continue;
    Window& window = by_time[row.time_s];
    window.end_s = row.time_s;
    window.crossings += view.crossings * static_cast<double>(row.sent);
    window.lost += static_cast<double>(row.lost);
    window.elsewhere += -std::expm1(-view.elsewhere) * static_cast<double>(row.sent);
  }
  std::vector<Window> windows;
  for (const auto& [time, window] : by_time) windows.push_back(window);
  return windows;
}

double excess_rate(std::span<const Window> windows) {
  double lost = 0;
  double elsewhere = 0;
  double crossings = 0;
  for (const Window& window : windows) {
    lost += window.lost;
    elsewhere += window.elsewhere;
    crossings += window.crossings;
  }
  return crossings > 0 ? std::max(0.0, lost - elsewhere) / crossings : 0;
}

double gain_from(std::span<const Window> windows) {
  const double rate = excess_rate(windows);
  double gain = 0;
  for (const Window& window : windows) {
    const double elsewhere = std::max(window.elsewhere, 1e-9);
    gain += window.lost * std::log1p(window.crossings * rate / elsewhere) - window.crossings * rate;
  }
  return gain;
}

}  // namespace

std::optional<Onset> find_onset(const ObservationSet& set, const LocalizeOptions& options,
                                const Likelihood& likelihood, std::span<const std::uint32_t> links,
                                Exponents own) {
  RouteViews views(set, likelihood, links, own);
  const std::vector<Window> windows = windows_of(set, options, views);
  if (windows.empty()) return std::nullopt;
  const std::span<const Window> all(windows);
  std::size_t best = 0;
  double best_gain = gain_from(all) + kLogOddsMin;
  for (std::size_t i = 1; i < all.size(); ++i) {
    const double gain = gain_from(all.subspan(i));
    if (gain > best_gain) {
      best = i;
      best_gain = gain;
    }
  }
  const double whole = excess_rate(all);
  const double ratio = whole > 0 ? excess_rate(all.subspan(best)) / whole : 1;
  return Onset{windows[best].end_s - set.window_s(), std::max(1.0, ratio)};
}

}  // namespace faultline::localize

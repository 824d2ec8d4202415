#include "controller/localize/onset.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

namespace faultline::localize {
namespace {

// A fault that began inside the horizon must explain this much more than one that was always there.
constexpr double kLogOddsMin = 2;
// That it is over must explain this much more than that it goes on: 100 to 1, as live verdicts
// demand of a healed fault.
constexpr double kLogOddsOver = 4.6;
// How often the best end is sought for the best begin and the other way round.
constexpr int kTurns = 2;

struct RouteView {
  double crossings = 0;  // expected number of the suspect's links on the way
  double elsewhere = 0;  // exponent of everything else on it
};

void look(const ObservationSet& set, const Likelihood& likelihood,
          std::span<const std::uint32_t> links, Exponents own, RouteIndex route, RouteView& view) {
  double total = 0;
  for (const WeightedPath& way : set.at(route)) total += way.weight;
  for (const WeightedPath& way : set.at(route)) {
    for (const LinkIndex link : set.at(way.path)) {
      const bool marked = std::ranges::find(links, link.value()) != links.end();
      const double loss = likelihood.exponents(link.value()).loss;
      view.crossings += marked ? way.weight / total : 0;
      view.elsewhere += way.weight / total * std::max(0.0, loss - (marked ? own.loss : 0));
    }
  }
}

}  // namespace

struct OnsetFinder::Window {
  std::int64_t end_s = 0;
  double crossings = 0;  // packets, once per link of the suspect that they cross
  double packets = 0;    // once each
  double lost = 0;
  double elsewhere = 0;  // losses that the rest of the ways explains
};

namespace {

template <typename Window>
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

template <typename Window>
double gain_from(std::span<const Window> windows) {
  const double rate = excess_rate(windows);
  double gain = 0;
  for (const Window& window : windows) {
    const double elsewhere = std::max(window.elsewhere, 1e-9);
    gain += window.lost * std::log1p(window.crossings * rate / elsewhere) - window.crossings * rate;
  }
  return gain;
}

template <typename Window>
std::size_t best_begin(std::span<const Window> windows) {
  std::size_t best = 0;
  double best_gain = gain_from(windows) + kLogOddsMin;
  for (std::size_t i = 1; i < windows.size(); ++i) {
    const double gain = gain_from(windows.subspan(i));
    if (gain > best_gain) {
      best = i;
      best_gain = gain;
    }
  }
  return best;
}

// How many of the windows, from the first on, it lasts.
template <typename Window>
std::size_t best_end(std::span<const Window> windows) {
  std::size_t best = windows.size();
  double best_gain = gain_from(windows) + kLogOddsOver;
  for (std::size_t count = windows.size() - 1; count > 0; --count) {
    const double gain = gain_from(windows.first(count));
    if (gain > best_gain) {
      best = count;
      best_gain = gain;
    }
  }
  return best;
}

}  // namespace

OnsetFinder::OnsetFinder(const ObservationSet& set, std::span<const std::uint32_t> rows,
                         std::span<const std::uint32_t> links)
    : set_(set), is_wanted_(set.links().size()), trips_by_link_(set.links().size()) {
  for (const std::uint32_t link : links) is_wanted_[link] = 1;
  std::unordered_map<std::uint64_t, std::uint32_t> by_routes;
  for (const std::uint32_t i : rows) {
    const Observation& row = set.observations()[i];
    if (row.time_s == kNoTime) continue;
    const std::uint64_t key = (std::uint64_t{row.forward.value()} << 32) | row.back.value();
    const auto [it, is_new] = by_routes.try_emplace(key, static_cast<std::uint32_t>(trips_.size()));
    if (is_new) {
      trips_.push_back({row.forward, row.back, {}});
      index_links(it->second, row.forward);
      if (row.back != kNoRoute) index_links(it->second, row.back);
    }
    trips_[it->second].rows.push_back(i);
  }
}

void OnsetFinder::index_links(std::uint32_t trip, RouteIndex route) {
  for (const WeightedPath& way : set_.at(route)) {
    for (const LinkIndex link : set_.at(way.path)) {
      if (is_wanted_[link.value()] == 0) continue;
      auto& trips = trips_by_link_[link.value()];
      if (trips.empty() || trips.back() != trip) trips.push_back(trip);
    }
  }
}

std::vector<OnsetFinder::Window> OnsetFinder::windows(const Likelihood& likelihood,
                                                      std::span<const std::uint32_t> links,
                                                      Exponents own) const {
  std::vector<std::uint32_t> trips;
  for (const std::uint32_t link : links) {
    trips.insert(trips.end(), trips_by_link_[link].begin(), trips_by_link_[link].end());
  }
  std::ranges::sort(trips);
  trips.erase(std::unique(trips.begin(), trips.end()), trips.end());
  std::map<std::int64_t, Window> by_time;
  for (const std::uint32_t index : trips) {
    const Trip& trip = trips_[index];
    RouteView view;
    look(set_, likelihood, links, own, trip.forward, view);
    if (trip.back != kNoRoute) look(set_, likelihood, links, own, trip.back, view);
    if (view.crossings < 0.1) continue;
    for (const std::uint32_t i : trip.rows) {
      const Observation& row = set_.observations()[i];
      Window& window = by_time[row.time_s];
      window.end_s = row.time_s;
      window.crossings += view.crossings * static_cast<double>(row.sent);
      window.packets += std::min(1.0, view.crossings) * static_cast<double>(row.sent);
      window.lost += static_cast<double>(row.lost);
      window.elsewhere += -std::expm1(-view.elsewhere) * static_cast<double>(row.sent);
    }
  }
  std::vector<Window> result;
  for (const auto& [time, window] : by_time) result.push_back(window);
  return result;
}

std::optional<Onset> OnsetFinder::find(const Likelihood& likelihood,
                                       std::span<const std::uint32_t> links, Exponents own) const {
  const std::vector<Window> observed = windows(likelihood, links, own);
  if (observed.empty()) return std::nullopt;
  const std::span<const Window> all(observed);
  std::size_t first = 0;
  std::size_t end = all.size();
  for (int turn = 0; turn < kTurns; ++turn) {
    first = best_begin(all.first(end));
    const std::size_t better = first + best_end(all.subspan(first));
    if (std::exchange(end, better) == better) break;
  }
  const auto bad = all.subspan(first, end - first);
  const double whole = excess_rate(all);
  Onset onset{
      .since_s = bad.front().end_s - set_.window_s(),
      .last_seen_s = bad.back().end_s,
      .over = end<all.size(), .rate_ratio = whole> 0 ? std::max(1.0, excess_rate(bad) / whole) : 1};
  double lost = 0;
  double packets = 0;
  for (const Window& window : bad) {
    lost += window.lost;
    packets += window.packets;
    if (window.lost > 0) onset.last_seen_s = window.end_s;
  }
  onset.lost_share = packets > 0 ? std::min(1.0, lost / packets) : 0;
  return onset;
}

}  // namespace faultline::localize

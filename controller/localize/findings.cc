#include "controller/localize/findings.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace faultline::localize {
namespace {

// A link of a faulty device that is this much worse than the device is a fault of its own.
constexpr double kWorseThanDevice = 20;
// Above this exponent (95 %) a device loses everything, by packets or by flows.
constexpr double kDownExponent = 3;
// A device is named for its links only when at least so many, and this share of them, are bad.
constexpr std::size_t kPartsMin = 3;
constexpr double kPartsShareMin = 0.25;
constexpr double kLogOddsMin = 1;

bool is_edge(const ComponentTable& components, std::uint32_t component) {
  return components.at(component).names.front().kind <= SuspectKind::kCable;
}

double log_choose(std::size_t n, std::size_t k) {
  return std::lgamma(static_cast<double>(n) + 1) - std::lgamma(static_cast<double>(k) + 1) -
         std::lgamma(static_cast<double>(n - k) + 1);
}

class Grouping {
 public:
  Grouping(const Selection& selection, const ComponentTable& components)
      : selection_(selection), components_(components), used_(selection.chosen().size()) {}

  std::vector<Finding> run() {
    for (std::size_t i = 0; i < used_.size(); ++i) {
      if (!is_edge(components_, chosen(i).component)) absorb(i);
    }
    while (const auto best = best_of_parts()) {
      for (const std::size_t member : best->members) used_[member] = 1;
      result_.push_back(*best);
    }
    for (std::size_t i = 0; i < used_.size(); ++i) {
      if (used_[i] == 0) result_.push_back(single(i));
    }
    return std::move(result_);
  }

 private:
  [[nodiscard]] const Choice& chosen(std::size_t i) const { return selection_.chosen()[i]; }

  [[nodiscard]] Finding single(std::size_t i) const {
    const auto links = components_.links_of(chosen(i).component);
    return {{i}, chosen(i).component, {links.begin(), links.end()}, 0, false};
  }

  void absorb(std::size_t device) {
    if (used_[device] != 0) return;
    Finding finding = single(device);
    const double limit = kWorseThanDevice * chosen(device).score.exponent;
    const bool down = chosen(device).score.exponent >= kDownExponent;
    for (std::size_t i = 0; i < used_.size(); ++i) {
      const auto links = components_.links_of(chosen(i).component);
      const bool inside = i != device && std::ranges::includes(finding.links, links);
      if (!inside || used_[i] != 0 || chosen(i).score.exponent > limit) continue;
      // A link that swallows flows in a device that loses packets is another fault.
      if (!down && chosen(i).score.mode != chosen(device).score.mode) continue;
      finding.members.push_back(i);
      used_[i] = 1;
    }
    used_[device] = 1;
    result_.push_back(std::move(finding));
  }

  // Free edges by the devices they touch.
  [[nodiscard]] std::map<std::uint32_t, std::vector<std::size_t>> edges_by_device() const {
    std::map<std::uint32_t, std::vector<std::size_t>> result;
    for (std::size_t i = 0; i < used_.size(); ++i) {
      if (used_[i] != 0) continue;
      for (const std::uint32_t link : components_.links_of(chosen(i).component)) {
        for (const std::uint32_t over : components_.over_link(link)) {
          if (is_edge(components_, over)) continue;
          auto& members = result[over];
          if (members.empty() || members.back() != i) members.push_back(i);
        }
      }
    }
    return result;
  }

  [[nodiscard]] std::optional<Finding> best_of_parts() const {
    const auto free = static_cast<std::size_t>(std::ranges::count(used_, 0));
    std::optional<Finding> best;
    for (const auto& [device, members] : edges_by_device()) {
      if (members.size() < kPartsMin) continue;
      Finding finding{members, device, {}, 0, true};
      for (const std::size_t member : members) {
        const auto links = components_.links_of(chosen(member).component);
        finding.links.insert(finding.links.end(), links.begin(), links.end());
      }
      std::ranges::sort(finding.links);
      const std::size_t bad = finding.links.size();
      const std::size_t all = components_.links_of(device).size();
      if (static_cast<double>(bad) < kPartsShareMin * static_cast<double>(all)) continue;
      // Faults elsewhere say how common faults of single links are here.
      const double elsewhere = static_cast<double>(free - members.size()) + 1;
      const double per_link =
          std::log(static_cast<double>(components_.directed_links()) / elsewhere);
      const double apart = static_cast<double>(members.size()) * std::max(0.0, per_link);
      const double together = -selection_.log_prior(device) +
                              std::log(static_cast<double>(all) + 1) + log_choose(all, bad);
      finding.log_odds_as_links = apart - together;
      if (finding.log_odds_as_links < kLogOddsMin) continue;
      if (!best || finding.log_odds_as_links > best->log_odds_as_links) best = std::move(finding);
    }
    return best;
  }

  const Selection& selection_;
  const ComponentTable& components_;
  std::vector<std::uint8_t> used_;
  std::vector<Finding> result_;
};

}  // namespace

std::vector<Finding> findings(const Selection& selection, const ComponentTable& components) {
  return Grouping(selection, components).run();
}

}  // namespace faultline::localize

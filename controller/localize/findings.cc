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

// A host and its only cable are one component, and to the switch it is an edge like any other.
bool is_edge(const ComponentTable& components, std::uint32_t component) {
  return std::ranges::any_of(components.at(component).names, [](const ComponentName& name) {
    return name.kind <= SuspectKind::kCable;
  });
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
    const auto common = common_devices();
    for (std::size_t i = 0; i < used_.size(); ++i) {
      const bool host =
          components_.at(chosen(i).component).names.front().kind > SuspectKind::kCable;
      if (host) absorb(i);
    }
    for (std::size_t i = 0; i < used_.size(); ++i) {
      if (used_[i] != 0) continue;
      result_.push_back(single(i));
      if (const auto it = common.find(i); it != common.end()) {
        result_.back().common_device = it->second;
      }
    }
    return std::move(result_);
  }

 private:
  [[nodiscard]] const Choice& chosen(std::size_t i) const { return selection_.chosen()[i]; }

  [[nodiscard]] Finding single(std::size_t i) const {
    const auto links = components_.links_of(chosen(i).component);
    return {
        .members = {i}, .component = chosen(i).component, .links = {links.begin(), links.end()}};
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
          // A link that is at fault in two ways is one link.
          const bool known = std::ranges::any_of(members, [&](std::size_t member) {
            return chosen(member).component == chosen(i).component;
          });
          if (!known) members.push_back(i);
        }
      }
    }
    return result;
  }

  // A device with these faulty edges, as one fault.
  [[nodiscard]] Finding of_parts(std::uint32_t device,
                                 const std::vector<std::size_t>& members) const {
    Finding finding{.members = members, .component = device, .links = {}, .of_parts = true};
    for (const std::size_t member : members) {
      const auto links = components_.links_of(chosen(member).component);
      finding.links.insert(finding.links.end(), links.begin(), links.end());
    }
    std::ranges::sort(finding.links);
    const std::size_t bad = finding.links.size();
    const std::size_t all = components_.links_of(device).size();
    // Faults elsewhere say how common faults of single links are here.
    const auto free = static_cast<std::size_t>(std::ranges::count(used_, 0));
    const double elsewhere = static_cast<double>(free - members.size()) + 1;
    const double per_link = std::log(static_cast<double>(components_.directed_links()) / elsewhere);
    const double apart = static_cast<double>(members.size()) * std::max(0.0, per_link);
    const double together = -selection_.log_prior(device) + std::log(static_cast<double>(all) + 1) +
                            log_choose(all, bad);
    finding.log_odds_as_links = apart - together;
    return finding;
  }

  [[nodiscard]] std::optional<Finding> best_of_parts() const {
    std::optional<Finding> best;
    for (const auto& [device, members] : edges_by_device()) {
      if (members.size() < kPartsMin) continue;
      Finding finding = of_parts(device, members);
      const auto all = static_cast<double>(components_.links_of(device).size());
      if (static_cast<double>(finding.links.size()) < kPartsShareMin * all) continue;
      if (finding.log_odds_as_links < kLogOddsMin) continue;
      if (!best || finding.log_odds_as_links > best->log_odds_as_links) best = std::move(finding);
    }
    return best;
  }

  // For each free edge, the likeliest device that it shares with another one.
  [[nodiscard]] std::map<std::size_t, CommonDevice> common_devices() const {
    std::map<std::size_t, CommonDevice> result;
    for (const auto& [device, members] : edges_by_device()) {
      if (members.size() < 2) continue;
      const double odds = of_parts(device, members).log_odds_as_links;
      for (const std::size_t member : members) {
        const auto [it, is_new] = result.try_emplace(member, CommonDevice{device, -odds});
        if (!is_new && -odds < it->second.log_odds_against) it->second = {device, -odds};
      }
    }
    return result;
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

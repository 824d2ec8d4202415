// Horizons: one verdict of several, of the newest window alone and of ever longer times.
//
// Why so many: a small loss needs many windows to stand out, and a fault that has just begun is
// diluted by the healthy windows before it. No fault may be named twice for that: each name is a
// page.
//
// Thread safety: pure.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controller/localize/localizer.h"
#include "controller/localize/observation_set.h"

namespace faultline::core {

// Which nodes lie in a hypervisor or zone, by id.
class Containers {
 public:
  Containers() = default;
  explicit Containers(const localize::ObservationSet& set);

  void put_in(const std::string& member, const std::string& container) {
    pairs_.emplace(container, member);
  }
  [[nodiscard]] bool holds(const std::string& container, const std::string& member) const {
    return pairs_.contains({container, member});
  }

 private:
  std::set<std::pair<std::string, std::string>> pairs_;
};

// Whether two verdicts mean one fault: their ambiguity groups share a component.
[[nodiscard]] bool same_suspect(const localize::Suspect& left, const localize::Suspect& right);

// Whether `part` is a link of the cable or device `whole`, or lies in the hypervisor or zone.
[[nodiscard]] bool contains(const localize::Suspect& whole, const localize::Suspect& part,
                            const Containers& containers);

// Adds to `verdict`, of a minute, what only the newest window shows. Of a component and its part,
// the part says no more; a whole that only the newest window sees has grown out of its parts.
void add_newest(localize::Verdict& verdict, const localize::Verdict& newest,
                const Containers& containers);

// Whether a suspect of a longer horizon is news to `verdict`, which newer windows speak in: neither
// named there, nor as a part or the whole of what is, nor known there to be a queue.
[[nodiscard]] bool is_news(const localize::Verdict& verdict, const localize::Suspect& suspect,
                           const Containers& containers);

// Adds the near misses of a longer horizon that `verdict` neither has nor accuses.
void add_near_misses(localize::Verdict& verdict, const std::vector<localize::NearMiss>& longer);

}  // namespace faultline::core

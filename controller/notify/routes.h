// Routes: which receivers an alert is for, by its severity and its labels.
//
// Why it exists: a link that loses 0.2 % is for the chat, a rack that is down is for the pager, and
// rack r17 belongs to another team.
//
// The first route that matches decides; with `goes_on` those after it are looked at too. Without a
// route every receiver gets every alert; with routes an alert that none matches goes to all of
// them: a hole in the routes must not hide a fault. All alerts of an incident should take one way,
// so a resolve goes wherever an opening or update of the same incident went (core/telling.h).
//
// Thread safety: pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "controller/notify/alert.h"

namespace faultline::notify {

inline constexpr std::size_t kRoutesMax = 64;

struct Route {
  AlertSeverity severity_min = AlertSeverity::kInfo;
  // All must match. `kind`, `class`, `component` and `incident` are the alert's own; any other name
  // is a label of the affected nodes, of which one has one of the values.
  std::map<std::string, std::vector<std::string>> match;
  std::vector<std::string> receivers;  // empty: nobody is told
  bool goes_on = false;

  bool operator==(const Route&) const = default;
};

[[nodiscard]] bool matches(const Route& route, const Alert& alert);

// A subset of `all`, the names of the receivers that there are.
[[nodiscard]] std::set<std::string> receivers_for(const std::vector<Route>& routes,
                                                  const std::vector<std::string>& all,
                                                  const Alert& alert);

}  // namespace faultline::notify

#include "controller/notify/routes.h"

#include <algorithm>

namespace faultline::notify {
namespace {

std::vector<std::string> values_of(const Alert& alert, const std::string& name) {
  if (name == "kind") return {alert.kind};
  if (name == "class") return {alert.fault_class};
  if (name == "component") return {alert.component};
  if (name == "incident") return {alert.incident};
  const auto label = alert.labels.find(name);
  return label == alert.labels.end() ? std::vector<std::string>() : label->second;
}

}  // namespace

bool matches(const Route& route, const Alert& alert) {
  if (alert.severity < route.severity_min) return false;
  return std::ranges::all_of(route.match, [&](const auto& matcher) {
    const auto values = values_of(alert, matcher.first);
    return std::ranges::any_of(values, [&](const std::string& value) {
      return std::ranges::find(matcher.second, value) != matcher.second.end();
    });
  });
}

std::set<std::string> receivers_for(const std::vector<Route>& routes,
                                    const std::vector<std::string>& all, const Alert& alert) {
  std::set<std::string> receivers;
  bool matched = false;
  for (const auto& route : routes) {
    if (!matches(route, alert)) continue;
    matched = true;
    receivers.insert(route.receivers.begin(), route.receivers.end());
    if (!route.goes_on) break;
  }
  if (!matched) receivers.insert(all.begin(), all.end());
  std::erase_if(receivers,
                [&](const std::string& name) { return std::ranges::find(all, name) == all.end(); });
  return receivers;
}

}  // namespace faultline::notify

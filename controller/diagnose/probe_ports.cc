#include "controller/diagnose/probe_ports.h"

#include <algorithm>
#include <charconv>

namespace faultline::diagnose {
namespace {

// `ports` is "862" or "800-900", as firewalls write it.
bool holds(const std::string& ports, std::uint16_t port) {
  const auto dash = ports.find('-');
  unsigned low = 0;
  std::from_chars(ports.data(), ports.data() + std::min(dash, ports.size()), low);
  if (dash == std::string::npos) return low == port;
  unsigned high = 0;
  std::from_chars(ports.data() + dash + 1, ports.data() + ports.size(), high);
  return low <= port && port <= high;
}

}  // namespace

bool may_take(const facts::FirewallRule& rule, const ProbePort& wanted) {
  if (rule.protocol && *rule.protocol != wanted.protocol) return false;
  return rule.ports.empty() || std::ranges::any_of(rule.ports, [&](const auto& ports) {
           return holds(ports, wanted.port);
         });
}

}  // namespace faultline::diagnose

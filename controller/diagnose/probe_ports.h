// What peers send to a probe that has the ports of the example configuration. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "common/facts/facts.h"

namespace faultline::diagnose {

struct ProbePort {
  std::string_view protocol;
  std::uint16_t port;
  std::string_view what;
};
inline constexpr std::array kProbePorts{
    ProbePort{"udp", 862, "measurement packets"},
    ProbePort{"tcp", 7401, "other probes' requests for traces"}};

// Whether the rule takes packets of this kind: those that ask more (`other`) take some of them.
[[nodiscard]] bool may_take(const facts::FirewallRule& rule, const ProbePort& wanted);

}  // namespace faultline::diagnose

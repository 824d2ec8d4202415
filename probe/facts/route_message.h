// RTM_NEWROUTE and RTM_NEWRULE messages (rtnetlink(7), linux/fib_rules.h) as facts. Thread safety:
// pure.
#pragma once

#include <optional>

#include "common/facts/facts.h"
#include "probe/facts/attributes.h"
#include "probe/facts/link_message.h"

namespace faultline::probe_facts {

// Empty also for what the kernel derives from addresses (local, broadcast, multicast) and for its
// cache.
[[nodiscard]] std::optional<facts::Route> parse_route(Bytes message, const Names& names);

[[nodiscard]] std::optional<facts::Rule> parse_rule(Bytes message);

// Marks the addresses that came with a route of protocol `dhcp`: of its preferred source, or (where
// it names none) the one address of its interface that holds its gateway.
void mark_dhcp(std::vector<facts::Address>& addresses, const std::vector<facts::Route>& routes);

}  // namespace faultline::probe_facts

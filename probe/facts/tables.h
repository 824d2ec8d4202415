// The kernel's tables over netlink: interfaces, addresses, routes, rules, neighbors, listening
// ports. Thread safety: may be called on any thread; blocks it.
#pragma once

#include "common/facts/facts.h"

namespace faultline::probe_facts {

// Fills in what can be read, and names the rest in `unknown`.
void read_tables(facts::Facts& facts);

}  // namespace faultline::probe_facts

// What the firewall does with a probe's packets, from the tools' own output: `nft -j list ruleset`
// (libnftables-json(5)) and `iptables-legacy-save -c`. A rule is kept if it drops, rejects or
// accepts, or if it translates addresses; what it asks beside protocol and destination port is kept
// as words. Thread safety: pure.
#pragma once

#include <string_view>

#include "common/base/result.h"
#include "common/facts/facts.h"

namespace faultline::probe_facts {

// Adds to `firewall`.
[[nodiscard]] Status read_nftables(std::string_view json, facts::Firewall& firewall);
// `source` is "iptables" or "ip6tables".
[[nodiscard]] Status read_iptables(std::string_view text, std::string_view source,
                                   facts::Firewall& firewall);
// Drops what read_nftables found in the tables that iptables made: read_iptables tells them better.
void forget_iptables(std::string_view family, facts::Firewall& firewall);

}  // namespace faultline::probe_facts

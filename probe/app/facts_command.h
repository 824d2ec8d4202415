// `faultline-probe facts`: what this machine says of itself, as a snapshot on stdout. Needs neither
// a configuration nor a controller; a running probe is not asked.
#pragma once

namespace faultline::probe_app {

struct FactsCommand {
  bool programs = true;  // run nft, iptables-legacy-save and lldpcli
  bool cost = false;     // say on stderr what collecting took
};

// Prints the document "faultline.facts/1" and returns the exit code.
[[nodiscard]] int run_facts(const FactsCommand& command);

}  // namespace faultline::probe_app

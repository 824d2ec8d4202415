// Documents made of the API's topology: what does not fit in it, and what changed between two.
// Thread safety: pure.
#pragma once

#include <string>

#include "controller/cli/document.h"
#include "controller/cli/failure.h"

namespace faultline::cli {

// "faultline.topology_check/1": conflicts, what is declared and was never seen, what is seen and
// not declared (only where there is an inventory), and switches that LLDP alone knows.
[[nodiscard]] Json topology_check(const Json& topology);

// "faultline.topology_diff/1": devices and links that came and went, devices whose kind or
// addresses changed, VMs and cables that moved.
[[nodiscard]] Json topology_diff(const Json& before, const Json& after);

// What `topology export --format json` printed once. Blocks on the disk.
[[nodiscard]] Outcome<Json> load_topology(const std::string& file);

// An Ansible inventory as topology.yaml. Blocks on the disk; says on stderr who was left out.
// The gateways and tunnels of a cloud's snapshot, and the ways between its machines (and to
// networks that its routes lead to) that cross them, as topology.yaml. The same otherwise.
[[nodiscard]] Outcome<std::string> import_snapshot(const std::string& folder);
[[nodiscard]] Outcome<std::string> import_ansible(const std::string& file);

}  // namespace faultline::cli

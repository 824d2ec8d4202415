#include "controller/diagnose/witnesses.h"

#include <algorithm>

#include "controller/diagnose/placement.h"
#include "controller/diagnose/routing.h"

namespace faultline::diagnose {
namespace {

class Witnesses {
 public:
  explicit Witnesses(const Inputs& inputs) : in_(inputs) {}

  std::vector<std::string> run() {
    std::vector<std::string> carriers{in_.a.name, in_.b.name};
    for (const auto& placement : place(in_.facts)) {
      const bool ours = placement.vm == in_.a.name || placement.vm == in_.b.name;
      if (!ours || placement.host.empty()) continue;
      add(placement.host);
      carriers.push_back(placement.host);
    }
    for (const auto& node : in_.facts) {
      if (std::ranges::find(carriers, node.node) != carriers.end()) add_tunnels(node);
    }
    for (const auto& node : in_.facts) {
      if (shares_network(node)) add(node.node);
    }
    return std::move(names_);
  }

 private:
  void add(const std::string& name) {
    const bool is_end = name == in_.a.name || name == in_.b.name;
    const bool known = std::ranges::find(names_, name) != names_.end();
    if (!is_end && !known && names_.size() < kWitnessesMax) names_.push_back(name);
  }

  // Who holds the other end of a tunnel.
  void add_tunnels(const NodeFacts& from) {
    if (!from.facts.interfaces) return;
    for (const auto& interface : from.facts.interfaces->items) {
      if (!interface.vxlan || !interface.vxlan->remote) continue;
      for (const auto& node : in_.facts) {
        if (configured(node.facts, *interface.vxlan->remote) != nullptr) add(node.node);
      }
    }
  }

  // By the node's mask or by that of the end.
  bool shares_network(const NodeFacts& node) const {
    if (!node.facts.addresses) return false;
    for (const auto& address : node.facts.addresses->items) {
      if (address.scope != "global") continue;
      for (const auto* end : {&in_.a, &in_.b}) {
        if (!end->address) continue;
        if (contains(network_of(address.prefix), *end->address)) return true;
        const auto* own = prefix_of(*end);
        if (own != nullptr && contains(network_of(own->prefix), address.prefix.address)) {
          return true;
        }
      }
    }
    return false;
  }

  const facts::Address* prefix_of(const End& end) const {
    for (const auto& node : in_.facts) {
      if (node.node == end.name) return configured(node.facts, *end.address);
    }
    return nullptr;
  }

  const Inputs& in_;
  std::vector<std::string> names_;
};

}  // namespace

std::vector<std::string> witnesses(const Inputs& inputs) { return Witnesses(inputs).run(); }

}  // namespace faultline::diagnose

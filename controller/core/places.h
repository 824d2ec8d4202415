// Places: where the nodes of a window are, by number.
//
// Why it exists: a topology knows devices by name, reports know nodes by number.
//
// Thread safety: none; it looks at a topology that must outlive it.
#pragma once

#include <map>
#include <string>

#include "common/model/ids.h"
#include "controller/topology/topology.h"

namespace faultline::core {

struct Place {
  bool is_vm = false;
  std::string zone{};  // empty: not known, as is the rack
  std::string rack{};
};

class Places {
 public:
  explicit Places(const topology::Topology& topology) : topology_(topology) {}

  // Looks at the topology when first asked. A node that it does not know is nowhere.
  [[nodiscard]] const Place& of(NodeId node);

 private:
  const topology::Topology& topology_;
  bool is_read_ = false;
  std::map<std::string, Place> by_name_;
};

}  // namespace faultline::core

// Topology: turns traced addresses into the devices and links that can be at fault.
//
// Why it exists: the localizer reasons about named components. This joins what the operator
// declared (Inventory), the fleet's own addresses, and what traces teach (AliasResolver), and gives
// every hop a device id and every step a link id:
//
//   device   its inventory name; else its lowest known address ("10.0.0.2")
//   link     "leaf2>spine3"; the second parallel cable between the two is "leaf2>spine3#2", both
//   ways silent   "*"
//
// Use: learn() the paths as they come, settle() once before a round of resolve(). Between two
// settle() calls ids do not change. Thread safety: none for writers; const calls may be shared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/model/address.h"
#include "common/model/ids.h"
#include "common/model/node.h"
#include "common/model/path.h"
#include "controller/topology/alias.h"
#include "controller/topology/inventory.h"

namespace faultline::topology {

inline constexpr std::string_view kSilentDevice = "*";

// From end to end: devices.size() == links.size() + 1, and links[i] leads from devices[i] to
// devices[i + 1]. A trace that did not reach the far end has one kSilentDevice for all that is
// missing.
struct ResolvedPath {
  std::vector<std::string> devices;
  std::vector<std::string> links;

  bool operator==(const ResolvedPath&) const = default;
};

struct DeviceInfo {
  std::string id;
  DeviceKind kind = DeviceKind::kSwitch;
  std::string tier;
  std::vector<IpAddress> addresses;  // ascending
  bool declared = false;             // in the inventory
  bool seen = false;                 // a node, or answered a trace

  bool operator==(const DeviceInfo&) const = default;
};

struct LinkInfo {
  std::string id;
  std::string from;
  std::string to;
  std::optional<IpAddress> ingress;  // of `to`, where known
  bool declared = false;
  bool seen = false;  // some traced path took it

  bool operator==(const LinkInfo&) const = default;
};

class Topology {
 public:
  // An inventory from parse_inventory().
  explicit Topology(Inventory inventory = {});

  // Adds a node or moves it to another name or address.
  void set_node(NodeId id, std::string name, NodeKind kind, const IpAddress& address);
  // Its id stays known for old paths; it is no longer part of the graph.
  void remove_node(NodeId id);

  // `reporter` is the node whose session it is; it need not be the one that traced.
  void learn(NodeId reporter, const PathRecord& path);
  // Makes what was learned and set visible. False when no id can have changed.
  bool settle();

  // In the direction of travel: a return path begins at the target.
  [[nodiscard]] ResolvedPath resolve(NodeId reporter, const PathRecord& path) const;
  [[nodiscard]] std::string device_at(const IpAddress& address) const;
  [[nodiscard]] std::string node_name(NodeId id) const;  // "node-7" when it was never set

  // Everything known, by id in ascending order.
  [[nodiscard]] std::vector<DeviceInfo> devices() const;
  [[nodiscard]] std::vector<LinkInfo> links() const;
  [[nodiscard]] const std::vector<AliasConflict>& conflicts() const { return aliases_.conflicts(); }
  [[nodiscard]] std::uint64_t overflows() const { return aliases_.overflows(); }

 private:
  struct Member {
    std::string name;
    NodeKind kind = NodeKind::kHost;
    IpAddress address;
    bool removed = false;
  };
  using DevicePair = std::pair<std::string, std::string>;

  void build_aliases();
  void name_devices();
  void number_cables();
  void note_cable(const std::string& from, const std::string& to, const IpAddress& ingress);
  [[nodiscard]] std::optional<IpAddress> far_end(const IpAddress& ingress) const;
  [[nodiscard]] bool enters_from(const std::string& from, const IpAddress& ingress) const;
  [[nodiscard]] std::string link_id(const std::string& from, const std::string& to,
                                    const std::optional<IpAddress>& ingress) const;

  Inventory inventory_;
  std::map<NodeId, Member> nodes_;
  AliasResolver aliases_;
  bool nodes_changed_ = true;
  std::set<std::pair<NodeId, NodeId>> direct_;
  std::unordered_map<IpAddress, std::string> device_of_;
  std::map<DevicePair, std::vector<IpAddress>> cables_;  // by ordered names: keys of the cables
};

}  // namespace faultline::topology

// Topology: turns traced addresses into the devices and links that can be at fault.
//
// Why it exists: the localizer reasons about named components. This joins what the operator
// declared (Inventory), the fleet's own addresses, and what traces teach (AliasResolver), and gives
// every hop a device id and every step a link id:
//
//   device   its inventory name; else its lowest known address ("10.0.0.2")
//   link     "leaf2>spine3"; parallel cables between the two are numbered by address, the second is
//            "leaf2>spine3#2", and "spine3>leaf2#2" is its other direction
//   silent   "*"
//
// Use: learn() the paths as they come, settle() once before a round of resolve(). Between two
// settle() calls ids do not change. Thread safety: const calls may be shared.
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
  std::vector<std::string> devices{};
  std::vector<std::string> links{};

  bool operator==(const ResolvedPath&) const = default;
};

// What a node is in, as its labels `hypervisor` and `zone` say; empty when they do not.
struct Placement {
  std::string hypervisor{};
  std::string zone{};
  std::string rack{};

  bool operator==(const Placement&) const = default;
};

struct DeviceInfo {
  std::string id{};
  DeviceKind kind = DeviceKind::kSwitch;
  std::string tier{};
  std::vector<IpAddress> addresses{};  // ascending
  bool declared = false;               // in the inventory
  bool seen = false;                   // a node, or answered a trace
  Placement placement{};               // of nodes

  bool operator==(const DeviceInfo&) const = default;
};

struct LinkInfo {
  std::string id{};
  std::string from{};
  std::string to{};
  std::optional<IpAddress> ingress{};  // where it enters `to`, if known
  bool declared = false;

  bool operator==(const LinkInfo&) const = default;
};

class Topology {
 public:
  // Names and addresses in the inventory are unique, and the peers that it names exist.
  explicit Topology(Inventory inventory = {});

  // The same inventory and nodes, and nothing learned: for the paths of another time.
  [[nodiscard]] Topology unlearned() const;

  // Adds a node, or moves it to another name or address.
  void set_node(NodeId id, std::string name, NodeKind kind, const IpAddress& address,
                Placement placement = {});
  // Old paths still know its name; it is no longer part of the topology.
  void remove_node(NodeId id);

  // `reporter` is the node whose session it is, whichever end traced. Worth calling for paths that
  // are news to the PathBook.
  void learn(NodeId reporter, const PathRecord& path);
  // Makes what was learned and set visible. False when no id can have changed.
  bool settle();
  // Another number whenever settle() changed an id, within one history of a topology.
  [[nodiscard]] std::uint64_t names_version() const { return names_version_; }

  // In the direction of travel: a return path begins at the target.
  [[nodiscard]] ResolvedPath resolve(NodeId reporter, const PathRecord& path) const;
  [[nodiscard]] std::string device_at(const IpAddress& address) const;
  [[nodiscard]] std::string node_name(NodeId id) const;  // "node-7" when it was never set

  // Everything known, ascending by id.
  [[nodiscard]] std::vector<DeviceInfo> devices() const;
  // Links that are declared or have a known interface. Traced paths may hold more.
  [[nodiscard]] const std::map<std::string, LinkInfo>& links() const { return links_; }
  // What does not fit together, one sentence each.
  [[nodiscard]] std::vector<std::string> conflicts() const;
  // Things not learned for want of space; see kLearnedPairsMax.
  [[nodiscard]] std::uint64_t overflows() const { return aliases_.overflows(); }

 private:
  struct Member {
    std::string name{};
    NodeKind kind = NodeKind::kHost;
    IpAddress address{};
    bool removed = false;
    Placement placement{};
  };
  struct Peer {  // what is at the other end of a declared interface
    std::string device{};
    std::optional<IpAddress> address{};
  };
  struct Stop {  // one element of a path, and where the path entered it
    std::string device{};
    std::optional<IpAddress> ingress{};
  };
  using DevicePair = std::pair<std::string, std::string>;
  // The two ends of a cable, lower one first; both the same when the other is not known.
  using Cable = std::pair<IpAddress, IpAddress>;

  // Puts what a declared way crosses where the trace saw nothing.
  void insert_way(NodeId begin, NodeId end, std::vector<Stop>& stops) const;
  void pair_by_order();
  void declare_addresses();
  void declare_node(const Member& node);
  void name_devices();
  void number_cables();
  void add_link(const std::string& from, const std::string& to,
                const std::optional<IpAddress>& ingress, bool declared);
  [[nodiscard]] const Device* declared_device(std::string_view name) const;
  [[nodiscard]] bool enters_from(const std::string& from, const IpAddress& ingress) const;
  [[nodiscard]] Cable cable_at(const IpAddress& ingress) const;
  [[nodiscard]] std::string link_id(const std::string& from, const std::string& to,
                                    const std::optional<IpAddress>& ingress) const;

  Inventory inventory_;
  Ways ways_;
  std::map<std::string, std::size_t, std::less<>> device_index_;  // in inventory_.devices
  std::map<IpAddress, std::string> owner_;                        // of declared interfaces
  std::map<IpAddress, Peer> peers_;                               // of declared interfaces
  std::map<NodeId, Member> nodes_;
  AliasResolver aliases_;
  bool nodes_changed_ = true;
  std::uint64_t names_version_ = 0;

  // Of the last settle().
  std::unordered_map<IpAddress, std::string> name_of_;  // by AliasResolver::device_of()
  std::map<DevicePair, std::set<Cable>> cables_;        // by the two names in order
  std::map<std::string, LinkInfo> links_;
  std::vector<std::string> name_conflicts_;
};

}  // namespace faultline::topology

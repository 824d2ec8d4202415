// AliasResolver: which interface addresses belong to one device, from traces alone.
//
// Why it exists: a router answers a trace from the interface that the packet came in on, so it
// shows a different address to each neighbor. Accusing "a device" needs them put together.
//
// Method: point-to-point links are numbered from a /31 (RFC 3021) or /127 (RFC 6164). When hop B
// follows hop A, B's address is its end of the link A-B, so the *mate* of that address (last bit
// flipped) is A's end of it: A's address and the mate are aliases (the analytical alias resolution
// of Gunes and Sarac, IMC 2006, restricted to /31). Aliases are merged by union-find.
//
// Two addresses that answered at different hops of one path are *apart*: no merge may join them,
// for a packet passes a device once. Nor may two declared devices be joined. A merge that would do
// so is left out and shown as a conflict.
//
// Assumption: devices answer from the incoming interface, as most routers do (Linux:
// icmp_errors_use_inbound_ifaddr=1). Where they answer from the outgoing one, traces alone can
// mislead in ways that no consistency check finds: declare those devices in the inventory.
//
// Deterministic: the result depends on what was learned, not on the order. Thread safety: const
// calls may be shared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/model/address.h"
#include "common/model/path.h"

namespace faultline::topology {

// Beyond these nothing more is learned and the overflow is counted: new addresses stay by
// themselves.
inline constexpr std::size_t kLearnedAddressesMax = 65'536;
inline constexpr std::size_t kLearnedPairsMax = 1'048'576;  // steps, and again addresses apart

// The other end of a /31 or /127.
[[nodiscard]] IpAddress mate_of(const IpAddress& address);

// An alias that the traces suggest and something speaks against.
struct AliasConflict {
  IpAddress address;      // this hop ...
  IpAddress mate;         // ... ought to be the device of this address, the mate of the next hop,
  IpAddress apart_left;   // but these two would become one device, and
  IpAddress apart_right;  // are declared as two, or answered at different hops of one path

  auto operator<=>(const AliasConflict&) const = default;
};
[[nodiscard]] std::string to_string(const AliasConflict& conflict);

enum class Declared : std::uint8_t {
  kOpen,    // a device: traces may teach more addresses of it
  kClosed,  // a node: an address that only looks like its mate is on a subnet wider than a /31
};

class AliasResolver {
 public:
  // Addresses of one device, apart from those of every other declared one. An address that is
  // declared again stays with the first.
  void declare(std::span<const IpAddress> addresses, Declared declared);
  void clear_declared();

  // The hops of one path in order, silent ones included, and the address of the far end when it
  // answered. A far end's mate counts only if it ever answers as a hop itself, because hosts often
  // share a wider subnet.
  void learn(std::span<const Hop> hops, const std::optional<IpAddress>& far_end);

  // Works out the aliases. False when nothing was declared or learned since the last time.
  bool settle();

  // As of the last settle(): the lowest address of the device, `address` itself when it is unknown.
  [[nodiscard]] IpAddress device_of(const IpAddress& address) const;
  // Each known device's addresses, ascending, the devices by their lowest address.
  [[nodiscard]] std::vector<std::vector<IpAddress>> devices() const;
  [[nodiscard]] const std::vector<AliasConflict>& conflicts() const { return conflicts_; }

  [[nodiscard]] bool answered(const IpAddress& address) const { return hops_.contains(address); }
  // Consecutive hops of any path.
  [[nodiscard]] const std::set<std::pair<IpAddress, IpAddress>>& steps() const { return steps_; }
  [[nodiscard]] std::uint64_t overflows() const { return overflows_; }

 private:
  using Pair = std::pair<IpAddress, IpAddress>;
  using Group = std::pair<std::vector<IpAddress>, Declared>;
  static constexpr std::size_t kUndeclared = static_cast<std::size_t>(-1);

  void note(std::set<Pair>& pairs, const IpAddress& first, const IpAddress& second);
  void list_addresses();
  void merge(const IpAddress& address, const IpAddress& mate);
  void join(std::size_t left, std::size_t right);
  [[nodiscard]] bool is_closed(std::size_t root) const;
  [[nodiscard]] std::optional<Pair> find_contradiction(std::size_t left, std::size_t right);
  [[nodiscard]] std::size_t root_of(std::size_t index);

  std::vector<Group> groups_;
  std::set<IpAddress> declared_;
  std::set<IpAddress> hops_;
  std::set<Pair> steps_;
  std::set<Pair> last_steps_;  // to the far end
  std::set<Pair> apart_;       // the lower address first
  bool dirty_ = false;
  std::uint64_t overflows_ = 0;

  // Of the last settle(), by index of the address.
  std::vector<IpAddress> addresses_;  // ascending
  std::unordered_map<IpAddress, std::size_t> index_;
  std::vector<std::size_t> parent_;                // its root, the lowest address of the device
  std::vector<std::vector<std::size_t>> members_;  // of a root
  std::vector<std::vector<std::size_t>> apart_from_;
  std::vector<std::size_t> group_;  // of a root: index in groups_, or kUndeclared
  std::vector<AliasConflict> conflicts_;
};

}  // namespace faultline::topology

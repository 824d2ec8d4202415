// AliasResolver: which interface addresses belong to one device, from traces alone.
//
// Why it exists: a router answers a trace from the interface that the packet came in on, so it
// shows a different address to each neighbour. Accusing "a device" needs them put together.
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
// Deterministic: the result depends on what was learned, not on the order. Thread safety: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
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
inline constexpr std::size_t kLearnedAddressesMax = 262'144;
inline constexpr std::size_t kLearnedApartMax = 4'194'304;

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

class AliasResolver {
 public:
  // Addresses of one declared device or node: together, and apart from every other declared one.
  void declare(std::span<const IpAddress> addresses);
  // The hops of one path in order, silent ones included; the far end last if it answered.
  void learn(std::span<const Hop> hops);

  // Works out the aliases. False when nothing was declared or learned since the last time.
  bool settle();

  // As of the last settle(): the lowest address of the device, `address` itself when it is unknown.
  [[nodiscard]] IpAddress device_of(const IpAddress& address) const;
  // Every known address of that device, ascending.
  [[nodiscard]] std::vector<IpAddress> aliases_of(const IpAddress& address) const;
  [[nodiscard]] const std::vector<AliasConflict>& conflicts() const { return conflicts_; }
  [[nodiscard]] std::uint64_t overflows() const { return overflows_; }
  // Consecutive hops that were learned, ascending.
  [[nodiscard]] const std::set<std::pair<IpAddress, IpAddress>>& steps() const { return steps_; }

 private:
  using Pair = std::pair<IpAddress, IpAddress>;  // for `apart_`, the smaller one first

  void merge(const IpAddress& address, const IpAddress& mate);
  [[nodiscard]] std::size_t index_of(const IpAddress& address);
  [[nodiscard]] std::size_t root_of(std::size_t index) const;
  bool note_address(const IpAddress& address);

  std::vector<std::vector<IpAddress>> declared_;
  std::set<Pair> steps_;
  std::set<Pair> apart_;
  std::set<IpAddress> known_;
  bool dirty_ = false;
  std::uint64_t overflows_ = 0;

  // Of the last settle().
  std::vector<IpAddress> addresses_;
  std::unordered_map<IpAddress, std::size_t> index_;
  std::vector<std::size_t> parent_;
  std::vector<std::vector<std::size_t>> members_;          // by root
  std::vector<std::vector<std::size_t>> apart_neighbors_;  // by address
  std::vector<std::size_t> declared_in_;                   // by root: 1 + index of declared_, or 0
  std::vector<AliasConflict> conflicts_;
};

}  // namespace faultline::topology

// Ways: what packets cross between two places without any trace showing it.
//
// Why it exists: a cloud's gateways and tunnels answer no trace and lower no TTL, and yet one of
// them can be what loses packets. Whoever knows that they are there (a snapshot of the cloud, an
// operator) declares them, and they become suspects like any device.
//
// A way is directed. Of several that hold two addresses, the one with the longest `from`, then the
// longest `to`, counts. Pure; const calls may be shared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/model/address.h"

namespace faultline::topology {

inline constexpr std::size_t kWaysMax = 65'536;
inline constexpr std::size_t kWayDevicesMax = 16;

// Addresses whose first `bits` bits are those of `base`; the others of `base` are zero.
struct Place {
  IpAddress base{};
  std::uint8_t bits = 0;

  // "10.0.0.0/8", or an address, which is a place of its own; bits beyond the length are cleared.
  [[nodiscard]] static std::optional<Place> parse(std::string_view text);
  [[nodiscard]] static Place of(const IpAddress& address, std::uint8_t bits);
  [[nodiscard]] bool contains(const IpAddress& address) const;
  [[nodiscard]] std::string to_string() const;

  auto operator<=>(const Place&) const = default;
};

struct Way {
  Place from{};
  Place to{};
  std::vector<std::string> via{};  // names of declared devices, in the order of travel

  bool operator==(const Way&) const = default;
};

class Ways {
 public:
  Ways() = default;
  explicit Ways(const std::vector<Way>& ways);

  // Null: none is declared. Valid as long as this object.
  [[nodiscard]] const Way* between(const IpAddress& from, const IpAddress& to) const;

 private:
  // By the length of `from`, the longest first, then by its base; each list by the length of `to`.
  std::map<std::uint8_t, std::map<IpAddress, std::vector<Way>>, std::greater<>> by_from_;
};

}  // namespace faultline::topology

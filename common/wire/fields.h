// Single fields between Cap'n Proto and the domain, with their checks. Internal to this folder.
//
// Readers return an Error that names the field. Cap'n Proto's own exceptions pass through: they end
// in read_message.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <vector>

#include <capnp/blob.h>
#include <fmt/format.h>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/model/address.h"
#include "common/model/control.h"
#include "common/model/ids.h"
#include "common/model/node.h"
#include "common/model/path.h"
#include "types.capnp.h"

namespace faultline::wire {

[[nodiscard]] tl::unexpected<Error> out_of_range(std::string_view field, std::string_view value);

template <std::integral T>
[[nodiscard]] Status check_range(std::string_view field, T value, T low, T high) {
  if (value >= low && value <= high) return {};
  return out_of_range(field, fmt::format("{}, outside of {} to {}", value, low, high));
}

// Not 0: ids, ports and revisions.
template <std::integral T>
[[nodiscard]] Status check_nonzero(std::string_view field, T value) {
  if (value != 0) return {};
  return out_of_range(field, "0");
}

[[nodiscard]] Status check_count(std::string_view field, std::size_t count, std::size_t count_max);

[[nodiscard]] Result<Duration> read_duration(std::string_view field, std::uint64_t nanoseconds,
                                             Duration low, Duration high);
// Every time on the wire: from 1970 to kTimeMax, so that adding a window or a horizon to it cannot
// overflow.
inline constexpr WallTime kTimeMax = wall_time_from_unix_seconds(7'258'118'400);  // 2200-01-01
[[nodiscard]] Result<WallTime> read_time(std::string_view field, std::int64_t nanoseconds);
// Nanoseconds of a duration that is never negative.
[[nodiscard]] std::uint64_t to_wire(Duration duration);

[[nodiscard]] Result<std::string> read_name(std::string_view field, capnp::Text::Reader text);
// Free text for logs and operators.
[[nodiscard]] Result<std::string> read_text(std::string_view field, capnp::Text::Reader text);
[[nodiscard]] std::string printable(std::string_view text);

[[nodiscard]] Result<PublicKey> read_key(std::string_view field, capnp::Data::Reader data);
[[nodiscard]] capnp::Data::Reader to_wire(const PublicKey& key);

[[nodiscard]] Result<std::vector<std::byte>> read_sealed(capnp::Data::Reader data);
[[nodiscard]] capnp::Data::Reader to_wire(const std::vector<std::byte>& bytes);

[[nodiscard]] Result<IpAddress> read_address(std::string_view field, capnp::Data::Reader data);
[[nodiscard]] Status check_unicast(std::string_view field, const IpAddress& address);
[[nodiscard]] capnp::Data::Reader to_wire(const IpAddress& address);

// A reason that a newer peer knows is none that is told.
[[nodiscard]] PathEnd read_path_end(std::uint8_t value);

[[nodiscard]] Result<NodeProfile> read_profile(schema::NodeProfile::Reader reader);
void write_profile(schema::NodeProfile::Builder builder, const NodeProfile& profile);

template <typename Opening>  // Join, Hello, Welcome, MeshHello
void write_protocol(schema::Protocol::Builder builder, const Opening& opening) {
  builder.setMajor(opening.protocol_major);
  if constexpr (requires { opening.protocol_minor; }) {
    builder.setMinor(opening.protocol_minor);
    builder.setCapabilities(opening.capabilities);
  }
}
template <typename Opening>
void read_protocol(schema::Protocol::Reader reader, Opening& opening) {
  opening.protocol_major = reader.getMajor();
  if constexpr (requires { opening.protocol_minor; }) {
    opening.protocol_minor = reader.getMinor();
    opening.capabilities = reader.getCapabilities();
  }
}

}  // namespace faultline::wire

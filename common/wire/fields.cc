#include "common/wire/fields.h"

#include <algorithm>
#include <limits>

#include "common/wire/control_codec.h"

namespace faultline::wire {
namespace {

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

std::string_view view(capnp::Text::Reader text) { return {text.cStr(), text.size()}; }

Error in_field(std::string_view field, const Error& error) {
  return {error.code, fmt::format("{}: {}", field, error.context)};
}

}  // namespace

tl::unexpected<Error> out_of_range(std::string_view field, std::string_view value) {
  return fail(ErrorCode::kInvalid, fmt::format("{} is {}", field, value));
}

Status check_count(std::string_view field, std::size_t count, std::size_t count_max) {
  if (count <= count_max) return {};
  return fail(ErrorCode::kLimit, fmt::format("{} {}, at most {}", count, field, count_max));
}

Result<Duration> read_duration(std::string_view field, std::uint64_t nanoseconds, Duration low,
                               Duration high) {
  if (nanoseconds <= static_cast<std::uint64_t>(high.count())) {
    const Duration duration{static_cast<std::int64_t>(nanoseconds)};
    if (duration >= low) return duration;
  }
  return out_of_range(field, fmt::format("{} ns, outside of {} to {}", nanoseconds,
                                         format_duration(low), format_duration(high)));
}

Result<WallTime> read_time(std::string_view field, std::int64_t nanoseconds) {
  const auto time = wall_time_from_unix_nanoseconds(nanoseconds);
  if (time >= WallTime{} && time < kTimeMax) return time;
  return out_of_range(field, fmt::format("{} ns, outside of 1970 to 2200", nanoseconds));
}

std::uint64_t to_wire(Duration duration) {
  return static_cast<std::uint64_t>(std::max(duration, Duration::zero()).count());
}

Result<std::string> read_name(std::string_view field, capnp::Text::Reader text) {
  if (auto status = validate_name(view(text)); !status) {
    return tl::unexpected<Error>(in_field(field, status.error()));
  }
  return std::string(view(text));
}

Result<std::string> read_text(std::string_view field, capnp::Text::Reader text) {
  if (text.size() > kTextLengthMax) {
    return fail(ErrorCode::kLimit,
                fmt::format("{} has {} bytes, at most {}", field, text.size(), kTextLengthMax));
  }
  if (std::ranges::any_of(view(text), is_control)) {
    return out_of_range(field, "a text with control characters");
  }
  return std::string(view(text));
}

std::string printable(std::string_view text) {
  std::string result(text.substr(0, kTextLengthMax));
  std::ranges::replace_if(result, is_control, '?');
  return result;
}

Result<PublicKey> read_key(std::string_view field, capnp::Data::Reader data) {
  PublicKey key;
  if (data.size() != key.bytes.size()) {
    return out_of_range(field, fmt::format("{} bytes long instead of 32", data.size()));
  }
  std::copy(data.begin(), data.end(), key.bytes.begin());
  if (key == PublicKey{}) return out_of_range(field, "all zero");
  return key;
}

capnp::Data::Reader to_wire(const PublicKey& key) { return {key.bytes.data(), key.bytes.size()}; }

// Its contents are the business of who can open it.
Result<std::vector<std::byte>> read_sealed(capnp::Data::Reader data) {
  FAULTLINE_TRY_STATUS(
      check_range<std::size_t>("sealed bytes", data.size(), kSealBytes, kSealedMax));
  const auto bytes = std::as_bytes(std::span(data.begin(), data.size()));
  return std::vector<std::byte>(bytes.begin(), bytes.end());
}

capnp::Data::Reader to_wire(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const kj::byte*>(bytes.data()), bytes.size()};
}

Result<IpAddress> read_address(std::string_view field, capnp::Data::Reader data) {
  if (data.size() == 4) {
    std::uint32_t host_order = 0;
    for (const auto byte : data) host_order = host_order << 8 | byte;
    return IpAddress::v4(host_order);
  }
  if (data.size() == 16) {
    std::array<std::uint8_t, 16> bytes{};
    std::copy(data.begin(), data.end(), bytes.begin());
    return IpAddress::v6(bytes);
  }
  return out_of_range(field, fmt::format("{} bytes long instead of 4 or 16", data.size()));
}

PathEnd read_path_end(std::uint8_t value) {
  constexpr auto kMost = static_cast<std::uint8_t>(PathEnd::kRefused);
  return value <= kMost ? static_cast<PathEnd>(value) : PathEnd::kNotTold;
}

// A plan or profile with a broadcast or multicast address would make every probe a flooder.
Status check_unicast(std::string_view field, const IpAddress& address) {
  const bool many = address.is_v4()
                        ? address.bytes()[0] >= 224 && address.v4_host_order() < 0xf0000000U
                        : address.bytes()[0] == 0xff;
  const bool broadcast = address.is_v4() && address.v4_host_order() == 0xffffffffU;
  if (!many && !broadcast && !address.is_unspecified()) return {};
  return out_of_range(field, fmt::format("{}, which is not unicast", address.to_string()));
}

capnp::Data::Reader to_wire(const IpAddress& address) {
  return {address.bytes().data(), address.is_v4() ? std::size_t{4} : std::size_t{16}};
}

Result<NodeProfile> read_profile(schema::NodeProfile::Reader reader) {
  NodeProfile profile;
  constexpr auto kKindMax = static_cast<std::uint8_t>(NodeKind::kVm);
  profile.kind =
      reader.getKind() <= kKindMax ? static_cast<NodeKind>(reader.getKind()) : NodeKind::kHost;
  const auto labels = reader.getLabels();
  FAULTLINE_TRY_STATUS(check_count("labels", labels.size(), kLabelsMax));
  for (const auto label : labels) {
    FAULTLINE_TRY(auto key, read_name("label", label.getKey()));
    FAULTLINE_TRY(auto value, read_text("label value", label.getValue()));
    if (!profile.labels.emplace(std::move(key), std::move(value)).second) {
      return fail(ErrorCode::kInvalid, "a label is given twice");
    }
  }
  FAULTLINE_TRY_STATUS(validate_labels(profile.labels));
  FAULTLINE_TRY(profile.address, read_address("address", reader.getAddress()));
  FAULTLINE_TRY_STATUS(check_unicast("address", profile.address));
  profile.reflector_port = reader.getReflectorPort();
  FAULTLINE_TRY_STATUS(check_nonzero("reflector port", profile.reflector_port));
  profile.source_port_first = reader.getSourcePortFirst();
  profile.source_port_count = reader.getSourcePortCount();
  if (profile.source_port_count > 0) {
    FAULTLINE_TRY_STATUS(check_nonzero("first source port", profile.source_port_first));
  }
  const unsigned ports_left = 65536U - profile.source_port_first;
  FAULTLINE_TRY_STATUS(
      check_range<unsigned>("source port count", profile.source_port_count, 0, ports_left));
  profile.mesh_port = reader.getMeshPort();
  return profile;
}

void write_profile(schema::NodeProfile::Builder builder, const NodeProfile& profile) {
  builder.setKind(static_cast<std::uint8_t>(profile.kind));
  auto labels = builder.initLabels(static_cast<unsigned>(profile.labels.size()));
  unsigned i = 0;
  for (const auto& [key, value] : profile.labels) {
    labels[i].setKey(key);
    labels[i].setValue(value);
    ++i;
  }
  builder.setAddress(to_wire(profile.address));
  builder.setReflectorPort(profile.reflector_port);
  builder.setSourcePortFirst(profile.source_port_first);
  builder.setSourcePortCount(profile.source_port_count);
  builder.setMeshPort(profile.mesh_port);
}

}  // namespace faultline::wire

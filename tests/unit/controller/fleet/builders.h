// A small fleet on virtual time.
#pragma once

#include <string>

#include "controller/fleet/fleet.h"

namespace faultline::fleet {

inline constexpr Duration kInterval = std::chrono::seconds{5};

inline PublicKey key_number(std::uint8_t number) {
  PublicKey key;
  key.bytes.fill(number);
  return key;
}

// Both clocks, `seconds` after the start of the test.
inline Moment at(double seconds) {
  const Duration since{static_cast<std::int64_t>(seconds * 1e9)};
  return {Instant{since}, wall_time_from_unix_seconds(1'790'000'000) + since};
}

inline NodeProfile profile_at(const char* address) {
  NodeProfile profile;
  profile.address = IpAddress::parse(address).value();
  profile.source_port_first = 40'000;
  profile.source_port_count = 16;
  return profile;
}

inline Join join_of(std::uint8_t key, std::string name) {
  Join join;
  join.node_key = key_number(key);
  join.name = std::move(name);
  join.profile = profile_at("10.0.0.1");
  return join;
}

inline Hello hello_of(std::uint64_t boot) {
  Hello hello;
  hello.boot = BootId{boot};
  hello.profile = profile_at("10.0.0.1");
  return hello;
}

inline constexpr std::uint8_t kTokenKey = 200;

inline Result<Change> make_token(Fleet& fleet, std::uint8_t key = kTokenKey, std::string name = {},
                                 Moment now = at(0)) {
  return fleet.create_token({.key = key_number(key), .name = std::move(name), .labels = {}}, now);
}

// Joins with a fresh token of its own.
inline NodeId enroll(Fleet& fleet, std::uint8_t key, std::string name, Moment now = at(0)) {
  const auto token = static_cast<std::uint8_t>(100 + key);
  make_token(fleet, token, {}, now).value();
  return fleet.join(key_number(token), join_of(key, std::move(name)), now).value().node;
}

}  // namespace faultline::fleet

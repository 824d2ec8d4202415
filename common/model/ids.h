// The identities that travel between probe, controller and store.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/strong_id.h"

namespace faultline {

// A node's permanent number, given by the controller when the node joins; 0 is never given.
using NodeId = StrongId<struct NodeIdTag, std::uint32_t>;

// Random per probe process. A batch is (node, boot, sequence), so a restarted probe never collides.
using BootId = StrongId<struct BootIdTag, std::uint64_t>;

// Grows by one with every plan the controller makes; 0 means "no plan yet".
using PlanRevision = StrongId<struct PlanRevisionTag, std::uint64_t>;

// A CURVE25519 public key: the identity of a node or controller. Its text form is 64 hex digits.
struct PublicKey {
  std::array<std::uint8_t, 32> bytes{};

  auto operator<=>(const PublicKey&) const = default;
};

[[nodiscard]] std::string to_string(const PublicKey& key);
// The first 12 hex digits: enough for a log line, too few to be mistaken for the key.
[[nodiscard]] std::string short_name(const PublicKey& key);
[[nodiscard]] std::optional<PublicKey> parse_public_key(std::string_view hex);

}  // namespace faultline

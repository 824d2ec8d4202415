// The wire form of messages between probes (schemas/mesh.capnp). Errors as in control_codec.h; a
// MeshHello of another protocol_major decodes, so that it can be refused by version.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "common/base/result.h"
#include "common/model/mesh.h"

namespace faultline::wire {

inline constexpr std::size_t kMeshMessageMax = 16 << 10;  // bytes, of all kinds but sealed ones
inline constexpr std::size_t kMeshSealedMax = kSealedMax + 64;  // ZMQ_MAXMSGSIZE of the mesh

[[nodiscard]] std::vector<std::byte> encode(const MeshMessage& message);
[[nodiscard]] Result<MeshMessage> decode_mesh_message(std::span<const std::byte> bytes);

}  // namespace faultline::wire

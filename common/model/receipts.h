// What a reflector has received of a STAMP session, as probes tell each other over the mesh.
//
// Why it exists: a reply says how many packets had arrived before it, and what follows the last
// reply says nothing. While all replies of a flow are lost the far end alone knows whether its
// packets arrive. Asked, it tells of each of the newest kReceiptsKept whether it did: no count has
// to be split between two windows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/model/address.h"
#include "common/model/ids.h"

namespace faultline {

inline constexpr std::uint32_t kReceiptsKept = 128;
// After a reflector's restart the packet that comes first may have been overtaken by so many that
// came before it: nothing is said against those.
inline constexpr std::uint32_t kOvertakingMax = 4;
inline constexpr std::size_t kReceiptSessionsMax = 64;    // of one question
inline constexpr std::uint16_t kSessionSsidMax = 0xFFEF;  // schemas/stamp.md

// A session of the asker's, at its address of the plan.
struct SessionName {
  std::uint16_t source_port = 0;
  std::uint16_t ssid = 0;
  bool authenticated = false;

  auto operator<=>(const SessionName&) const = default;
};

// Sequence numbers are the sender's, modulo 2^32.
struct SessionRecord {
  SessionName session{};
  std::uint32_t first = 0;   // of the packet that the record began with: before it nothing is known
  std::uint32_t newest = 0;  // the highest that has arrived
  // Bit i % 64 of word i / 64: whether `newest` - i has arrived. Bit 0 is set.
  std::array<std::uint64_t, kReceiptsKept / 64> received{};

  bool operator==(const SessionRecord&) const = default;
};

struct ReceiptsRequest {
  std::uint64_t request = 0;  // chosen by the asker, echoed
  std::vector<SessionName> sessions{};

  bool operator==(const ReceiptsRequest&) const = default;
};

// A session without a record is not known to the asked one, or it has no time to tell.
struct Receipts {
  std::uint64_t request = 0;
  std::vector<SessionRecord> records{};

  bool operator==(const Receipts&) const = default;
};

// A request and to whom it goes.
struct ReceiptQuestion {
  NodeId to{};
  ReceiptsRequest request{};

  bool operator==(const ReceiptQuestion&) const = default;
};

// What a peer asks of this node's reflector, and what it is told: the values that the core
// exchanges with the engine. `asker` is echoed.
struct ReceiptsOrder {
  NodeId asker{};
  IpAddress address{};  // where the asker's sessions come from
  ReceiptsRequest request{};

  bool operator==(const ReceiptsOrder&) const = default;
};
struct ReceiptsRead {
  NodeId asker{};
  Receipts receipts{};

  bool operator==(const ReceiptsRead&) const = default;
};
// A peer's answer to a ReceiptQuestion.
struct ReceiptsTold {
  NodeId from{};
  Receipts receipts{};

  bool operator==(const ReceiptsTold&) const = default;
};

enum class Receipt : std::uint8_t { kNotTold, kReceived, kNotReceived };

// Of one packet of the record's session that was sent so long before the record was asked for that
// it would have arrived.
[[nodiscard]] constexpr Receipt receipt_of(const SessionRecord& record, std::uint32_t sequence) {
  if (static_cast<std::int32_t>(sequence - record.newest) > 0) return Receipt::kNotReceived;
  const std::uint32_t back = record.newest - sequence;
  if (back >= kReceiptsKept) return Receipt::kNotTold;
  if ((record.received[back / 64] >> back % 64 & 1) != 0) return Receipt::kReceived;
  const bool before_record =
      static_cast<std::int32_t>(sequence - record.first - kOvertakingMax) <= 0;
  return before_record ? Receipt::kNotTold : Receipt::kNotReceived;
}

}  // namespace faultline

#include "probe/session/session_index.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "common/base/check.h"

namespace faultline::session {
namespace {

std::uint32_t key_of(std::uint16_t source_port, std::uint16_t ssid) {
  return std::uint32_t{source_port} << 16 | ssid;
}

}  // namespace

void SessionIndex::clear(std::size_t sessions) {
  // A new vector: assign() would keep the room of a larger plan.
  slots_ = std::vector<Slot>(std::bit_ceil(std::max(kSlotsMin, 2 * sessions)));
  size_ = 0;
}

// Fibonacci hashing: the upper half of the product depends on all bits of the key.
std::size_t SessionIndex::slot_of(std::uint32_t key) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = (key * 0x9e37'79b9'7f4a'7c15ULL >> 32) & mask;
  while (slots_[slot].place != kEmpty && slots_[slot].key != key) slot = (slot + 1) & mask;
  return slot;
}

void SessionIndex::insert(std::uint16_t source_port, std::uint16_t ssid, std::uint32_t place) {
  FAULTLINE_CHECK(place != kEmpty, "that place says that a slot is empty");
  if (2 * (size_ + 1) > slots_.size()) {
    const auto old = std::exchange(slots_, std::vector<Slot>(2 * slots_.size()));
    for (const auto& slot : old) {
      if (slot.place != kEmpty) slots_[slot_of(slot.key)] = slot;
    }
  }
  const auto key = key_of(source_port, ssid);
  auto& slot = slots_[slot_of(key)];
  if (slot.place != kEmpty) return;
  slot = {.key = key, .place = place};
  ++size_;
}

std::optional<std::uint32_t> SessionIndex::find(std::uint16_t source_port,
                                                std::uint16_t ssid) const {
  const auto& slot = slots_[slot_of(key_of(source_port, ssid))];
  return slot.place == kEmpty ? std::nullopt : std::optional(slot.place);
}

}  // namespace faultline::session

// SessionIndex: where among the sender's flows each session is.
//
// Why it exists: a node may have 16,000 sessions and looks one up for each reply and each stamp.
// std::unordered_map would take 45 octets for each. This takes 16 to 32, in about the same time:
// slots of one array, at least half of them empty, searched from where the key's hash points to.
//
// Pure. Not thread safe. Only insert() allocates, and clear() where the number of sessions changes
// much. Sessions are not removed one by one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace faultline::session {

class SessionIndex {
 public:
  // Forgets all; makes room for so many.
  void clear(std::size_t sessions = 0);
  // A session that is there keeps its first place.
  void insert(std::uint16_t source_port, std::uint16_t ssid, std::uint32_t place);
  [[nodiscard]] std::optional<std::uint32_t> find(std::uint16_t source_port,
                                                  std::uint16_t ssid) const;
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  static constexpr std::uint32_t kEmpty = 0xffff'ffff;
  static constexpr std::size_t kSlotsMin = 2;

  struct Slot {
    std::uint32_t key = 0;
    std::uint32_t place = kEmpty;
  };

  // The slot of this session, or the empty one that it would have.
  [[nodiscard]] std::size_t slot_of(std::uint32_t key) const;

  std::vector<Slot> slots_ = std::vector<Slot>(kSlotsMin);  // their number is a power of two
  std::size_t size_ = 0;
};

}  // namespace faultline::session

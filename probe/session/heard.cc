#include "probe/session/heard.h"

#include <algorithm>
#include <tuple>

namespace faultline::session {

void Heard::note(const IpAddress& from, bool refused, WallTime at) {
  const auto key = [](const HeardFrom& entry) { return std::tuple(entry.address, entry.refused); };
  auto entry = std::ranges::lower_bound(entries_, std::tuple(from, refused), {}, key);
  if (entry == entries_.end() || key(*entry) != std::tuple(from, refused)) {
    if (entries_.size() == kHeardMax) {
      const auto oldest = std::ranges::min_element(entries_, {}, &HeardFrom::last_at);
      if (oldest < entry) --entry;
      entries_.erase(oldest);
      ++forgotten_;
    }
    entry = entries_.insert(entry, {.address = from, .refused = refused});
  }
  ++entry->packets;
  entry->last_at = at;
}

}  // namespace faultline::session

#include "probe/session/guests.h"

#include <algorithm>

namespace faultline::session {

void Guests::admit(const Guest& guest, Instant now) {
  std::erase_if(guests_,
                [&](const Guest& known) { return known.test == guest.test || now >= known.until; });
  if (guests_.size() >= kGuestsMax) {
    guests_.erase(std::ranges::min_element(guests_, {}, &Guest::until));
  }
  guests_.push_back(guest);
}

void Guests::dismiss(std::uint64_t test) {
  std::erase_if(guests_, [&](const Guest& known) { return known.test == test; });
}

bool Guests::has(const IpAddress& address, Instant now) const {
  return std::ranges::any_of(guests_, [&](const Guest& guest) {
    return guest.reflector.address == address && now < guest.until;
  });
}

bool Guests::is_reflector(const Endpoint& endpoint, Instant now) const {
  return std::ranges::any_of(guests_, [&](const Guest& guest) {
    return guest.reflector == endpoint && now < guest.until;
  });
}

bool Guests::take(Instant now) {
  if (!budget_) budget_.emplace(kGuestPacketsPerSecondMax, kGuestPacketsPerSecondMax, now);
  return budget_->take(now);
}

}  // namespace faultline::session

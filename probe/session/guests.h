// Guests: members that are no peers of the plan and are answered for the time of a test.
//
// Why it exists: the controller may order any node to test any other; who is tested must know the
// tester for as long as it lasts, and no longer. Bounded: kGuestsMax, of more the one whose time
// ends first goes; together they get kGuestPacketsPerSecondMax answers.
//
// Not thread safe. Allocates in its constructor only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/time.h"
#include "common/model/address.h"
#include "common/stats/token_bucket.h"

namespace faultline::session {

// More than the tests that a controller has under way: 32 of operators and 16 that stand.
inline constexpr std::size_t kGuestsMax = 64;
// A trace ends in up to a fifth of ondemand::kRateMax at its target, pings come every 10 ms.
inline constexpr double kGuestPacketsPerSecondMax = 500;

struct Guest {
  std::uint64_t test = 0;
  Endpoint reflector{};  // the guest's own; its tests come from other ports of this address
  Instant until{};

  bool operator==(const Guest&) const = default;
};

class Guests {
 public:
  Guests() { guests_.reserve(kGuestsMax); }

  // Takes the place of a guest for the same test.
  void admit(const Guest& guest, Instant now);
  void dismiss(std::uint64_t test);

  [[nodiscard]] bool has(const IpAddress& address, Instant now) const;
  [[nodiscard]] bool is_reflector(const Endpoint& endpoint, Instant now) const;
  // Whether a guest may be answered once more now; counts it if so. To be asked last: what is not
  // answered for another reason costs the others nothing.
  [[nodiscard]] bool take(Instant now);
  [[nodiscard]] std::size_t size() const { return guests_.size(); }

 private:
  std::vector<Guest> guests_;
  std::optional<stats::TokenBucket> budget_;  // full at the first guest
};

}  // namespace faultline::session

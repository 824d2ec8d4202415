#include "probe/session/guests.h"

#include <array>

#include "probe/session/reflector.h"
#include "probe/stamp/packet.h"
#include "tests/support/catch.h"

namespace faultline::session {
namespace {

using std::chrono::seconds;
using Octets = std::array<std::byte, 64>;

const IpAddress kGuestAddress = IpAddress::v4(0x0a000009);
const Endpoint kGuestSource{kGuestAddress, 33000};
const Endpoint kGuestReflector{kGuestAddress, 862};
const Instant kStart = Instant{} + seconds{100};

Now at(Duration since_start) {
  return {.instant = kStart + since_start, .wall = wall_time_from_unix_seconds(1'000'000)};
}

Reflector::Outcome ask(Reflector& reflector, const Endpoint& from, std::uint16_t ssid,
                       Duration since_start = {}) {
  Octets asked{};
  stamp::encode(stamp::SenderPacket{.sequence = 5, .ssid = ssid}, asked);
  Octets out{};
  return reflector
      .answer({.from = from, .payload = asked, .received_at = at({}).wall}, at(since_start), out)
      .outcome;
}

Guest guest_for(std::uint64_t test, Duration lease) {
  return {.test = test, .reflector = kGuestReflector, .until = kStart + lease};
}

}  // namespace

using Outcome = Reflector::Outcome;

TEST_CASE("a guest's tests are answered until its time is over, and nobody else's",
          "[session][guests]") {
  Reflector reflector;
  CHECK(ask(reflector, kGuestSource, stamp::kSsidTraceForward) == Outcome::kStranger);
  reflector.admit(guest_for(1, seconds{10}), kStart);
  CHECK(ask(reflector, kGuestSource, stamp::kSsidTraceForward) == Outcome::kAnswered);
  CHECK(ask(reflector, kGuestSource, stamp::kSsidMtu, seconds{9}) == Outcome::kAnswered);
  CHECK(ask(reflector, {IpAddress::v4(0x0a00000a), 33000}, stamp::kSsidMtu) == Outcome::kStranger);
  CHECK(ask(reflector, kGuestSource, stamp::kSsidMtu, seconds{10}) == Outcome::kStranger);
}

TEST_CASE("a guest whose test is over is a stranger again, unless another test goes on",
          "[session][guests]") {
  Reflector reflector;
  reflector.admit(guest_for(1, seconds{10}), kStart);
  reflector.admit(guest_for(2, seconds{10}), kStart);
  reflector.dismiss(1);
  reflector.dismiss(77);  // nobody's
  CHECK(ask(reflector, kGuestSource, stamp::kSsidMtu) == Outcome::kAnswered);
  reflector.dismiss(2);
  CHECK(ask(reflector, kGuestSource, stamp::kSsidMtu) == Outcome::kStranger);
}

TEST_CASE("a guest gets no session, and its own reflector no answer", "[session][guests]") {
  Reflector reflector;
  reflector.admit(guest_for(1, seconds{10}), kStart);
  CHECK(ask(reflector, kGuestSource, 1) == Outcome::kStranger);
  CHECK(ask(reflector, kGuestReflector, stamp::kSsidTraceForward) == Outcome::kOther);
  CHECK(ask(reflector, kGuestReflector, stamp::kSsidMtu) == Outcome::kOther);
}

TEST_CASE("guests together get so many answers a second", "[session][guests]") {
  Reflector reflector;
  reflector.admit(guest_for(1, seconds{10}), kStart);
  const auto count = [&](Duration since_start) {
    int answered = 0;
    while (ask(reflector, kGuestSource, stamp::kSsidMtu, since_start) == Outcome::kAnswered) {
      ++answered;
    }
    CHECK(ask(reflector, kGuestSource, stamp::kSsidMtu, since_start) == Outcome::kLimited);
    return answered;
  };
  CHECK(count({}) == 500);
  CHECK(count(seconds{1}) == 500);
}

TEST_CASE("what is no test of a guest's takes nothing of the guests' rate", "[session][guests]") {
  Reflector reflector;
  reflector.admit(guest_for(1, seconds{10}), kStart);
  for (int i = 0; i < 600; ++i) {
    CHECK(ask(reflector, kGuestSource, 1) == Outcome::kStranger);
    CHECK(ask(reflector, kGuestReflector, stamp::kSsidMtu) == Outcome::kOther);
  }
  CHECK(ask(reflector, kGuestSource, stamp::kSsidMtu) == Outcome::kAnswered);
}

TEST_CASE("an allowed stranger that becomes a guest keeps its sessions", "[session][guests]") {
  Reflector reflector({.allowed = {{.address = kGuestAddress, .bits = 32}}});
  CHECK(ask(reflector, kGuestSource, 1) == Outcome::kAnswered);
  reflector.admit(guest_for(1, seconds{10}), kStart);
  CHECK(ask(reflector, kGuestSource, 1) == Outcome::kAnswered);
  CHECK(ask(reflector, kGuestSource, stamp::kSsidMtu) == Outcome::kAnswered);
}

TEST_CASE("of too many guests the one whose time ends first goes", "[session][guests]") {
  Guests guests;
  const auto address_of = [](std::uint32_t n) { return IpAddress::v4(0x0a000100 + n); };
  for (std::uint32_t n = 0; n <= kGuestsMax; ++n) {
    const auto lease = seconds{n == 3 ? 5 : 60};
    guests.admit({.test = n + 1, .reflector = {address_of(n), 862}, .until = kStart + lease},
                 kStart);
  }
  CHECK(guests.size() == kGuestsMax);
  CHECK_FALSE(guests.has(address_of(3), kStart));
  CHECK(guests.has(address_of(0), kStart));
  CHECK(guests.has(address_of(kGuestsMax), kStart));
  guests.admit({.test = 99, .reflector = {address_of(0), 862}, .until = kStart + seconds{200}},
               kStart + seconds{60});
  CHECK(guests.size() == 1);  // those whose time is over make room
}

}  // namespace faultline::session

#include "probe/session/heard.h"

#include "tests/support/catch.h"

namespace faultline::session {
namespace {

WallTime at(int second) { return WallTime{std::chrono::seconds{second}}; }
IpAddress from(std::uint32_t n) { return IpAddress::v4(0x0a000000U + n); }

TEST_CASE("what was answered and what was refused from one address are told apart", "[heard]") {
  Heard heard;
  heard.note(from(2), true, at(5));
  heard.note(from(2), false, at(6));
  heard.note(from(1), false, at(7));
  heard.note(from(2), false, at(8));
  CHECK(heard.told() == std::vector<HeardFrom>{{from(1), false, 1, at(7)},
                                               {from(2), false, 2, at(8)},
                                               {from(2), true, 1, at(5)}});
  CHECK(heard.forgotten() == 0);
}

TEST_CASE("without room who was silent for longest is forgotten, and counted", "[heard]") {
  Heard heard;
  for (std::uint32_t n = 0; n < kHeardMax; ++n) heard.note(from(n), false, at(10));
  heard.note(from(7), false, at(1));  // clocks step back
  heard.note(from(9999), true, at(11));
  const auto told = heard.told();
  CHECK(told.size() == kHeardMax);
  CHECK(std::ranges::none_of(told, [](const auto& entry) { return entry.address == from(7); }));
  CHECK(told.back() == HeardFrom{from(9999), true, 1, at(11)});
  CHECK(heard.forgotten() == 1);
  heard.note(from(7), false, at(12));
  CHECK(heard.told().size() == kHeardMax);
  CHECK(std::ranges::is_sorted(heard.told(), {}, &HeardFrom::address));
}

}  // namespace
}  // namespace faultline::session

#include "probe/session/destinations.h"

#include "tests/support/catch.h"

namespace faultline::session {
namespace {

PlanPeer peer_at(const char* address, std::uint16_t group = 0) {
  PlanPeer peer;
  peer.address = *IpAddress::parse(address);
  peer.group = group;
  return peer;
}

}  // namespace

TEST_CASE("destinations are grouped by rack where it was told, else by prefix", "[session]") {
  const Destinations destinations({peer_at("10.0.1.1", 7), peer_at("10.0.2.1", 7),
                                   peer_at("10.0.3.1"), peer_at("10.0.3.2"), peer_at("10.0.4.1")});
  const auto of = [&](const char* address) {
    return destinations.group_of(*IpAddress::parse(address));
  };
  CHECK(destinations.groups() == 3);
  REQUIRE(of("10.0.1.1"));
  CHECK(of("10.0.1.1") == of("10.0.2.1"));
  CHECK(of("10.0.3.1") == of("10.0.3.2"));
  CHECK(of("10.0.3.1") != of("10.0.4.1"));
  CHECK(of("10.0.3.1") != of("10.0.1.1"));
  for (const char* address : {"10.0.1.1", "10.0.3.1", "10.0.4.1"}) {
    CHECK(*of(address) < destinations.groups());
  }
}

TEST_CASE("strangers and loopback addresses are in no group", "[session]") {
  const Destinations destinations({peer_at("127.0.0.1"), peer_at("::1"), peer_at("10.0.3.1", 7)});
  CHECK(destinations.groups() == 1);
  CHECK_FALSE(destinations.group_of(IpAddress::v4(0x7f000001)));
  CHECK_FALSE(destinations.group_of(*IpAddress::parse("::1")));
  CHECK_FALSE(destinations.group_of(IpAddress::v4(0x0a000302)));
  CHECK_FALSE(Destinations{}.group_of(IpAddress::v4(0x0a000302)));
}

}  // namespace faultline::session

#include "common/model/address.h"

#include <unordered_set>

#include "tests/support/catch.h"
#include "tests/support/random_values.h"

namespace faultline {
namespace {

TEST_CASE("addresses are read and written in their usual form", "[model][address]") {
  CHECK(IpAddress::parse("10.1.2.3") == IpAddress::v4(0x0a010203));
  CHECK(IpAddress::parse("10.1.2.3")->v4_host_order() == 0x0a010203);
  CHECK(IpAddress::parse("2001:db8::1")->to_string() == "2001:db8::1");
  CHECK_FALSE(IpAddress::parse("2001:db8::1")->is_v4());
  CHECK(IpAddress{}.is_unspecified());
  CHECK(IpAddress::parse("::")->is_unspecified());
  CHECK(IpAddress::parse("::") != IpAddress::parse("0.0.0.0"));
}

TEST_CASE("what is not exactly one address is refused", "[model][address]") {
  const auto* text = GENERATE("", "10.1.2", "10.1.2.3.4", "10.1.2.256", "10.1.2.3:80", " 10.1.2.3",
                              "localhost", "[::1]", "fe80::1%eth0",
                              "::1::", "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111");
  CAPTURE(text);
  CHECK_FALSE(IpAddress::parse(text));
}

TEST_CASE("any address survives being written and read", "[model][address][property]") {
  Rng rng(1);
  for (int i = 0; i < 1000; ++i) {
    const auto address = tests::random_address(rng);
    CAPTURE(address.to_string());
    REQUIRE(IpAddress::parse(address.to_string()) == address);
  }
}

TEST_CASE("an endpoint brackets an IPv6 address", "[model][address]") {
  CHECK(to_string(Endpoint{IpAddress::v4(0x7f000001), 862}) == "127.0.0.1:862");
  CHECK(to_string(Endpoint{*IpAddress::parse("::1"), 862}) == "[::1]:862");
}

TEST_CASE("neighbouring addresses hash apart", "[model][address]") {
  std::unordered_set<std::size_t> hashes;
  for (std::uint32_t i = 0; i < 4096; ++i) {
    hashes.insert(std::hash<IpAddress>{}(IpAddress::v4(0x0a000000 + i)));
  }
  CHECK(hashes.size() > 4090);
}

}  // namespace
}  // namespace faultline

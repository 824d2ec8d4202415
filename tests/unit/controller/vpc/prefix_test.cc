#include "controller/vpc/prefix.h"

#include "tests/support/catch.h"

namespace faultline::vpc {

TEST_CASE("a prefix has exactly its own addresses", "[vpc]") {
  const auto prefix = *Prefix::parse("10.1.2.77/26");
  CHECK(prefix.to_string() == "10.1.2.64/26");
  CHECK(prefix.contains(*IpAddress::parse("10.1.2.64")));
  CHECK(prefix.contains(*IpAddress::parse("10.1.2.127")));
  CHECK_FALSE(prefix.contains(*IpAddress::parse("10.1.2.63")));
  CHECK_FALSE(prefix.contains(*IpAddress::parse("10.1.2.128")));
  CHECK_FALSE(prefix.contains(*IpAddress::parse("::ffff:10.1.2.64")));
  const auto v6 = *Prefix::parse("2001:db8:1:2::/57");
  CHECK(v6.to_string() == "2001:db8:1::/57");
  CHECK(v6.contains(*IpAddress::parse("2001:db8:1:7f::1")));
  CHECK_FALSE(v6.contains(*IpAddress::parse("2001:db8:1:80::1")));
}

TEST_CASE("the whole of IPv4 and a single address are prefixes", "[vpc]") {
  CHECK(Prefix::parse("0.0.0.0/0")->contains(*IpAddress::parse("255.255.255.255")));
  CHECK_FALSE(Prefix::parse("0.0.0.0/0")->contains(*IpAddress::parse("::1")));
  const auto host = Prefix::host(*IpAddress::parse("10.0.0.1"));
  CHECK(host == *Prefix::parse("10.0.0.1/32"));
  CHECK(Prefix::parse("10.0.0.0/8")->overlaps(host));
  CHECK_FALSE(host.contains(*Prefix::parse("10.0.0.0/31")));
}

TEST_CASE("what is no prefix is refused", "[vpc]") {
  for (const auto* text : {"", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0/8",
                           "10.0.0.0/8 ", "::/129", "::1", "/8", "10.0.0.0/8/8", "local"}) {
    INFO(text);
    CHECK_FALSE(Prefix::parse(text));
  }
}

}  // namespace faultline::vpc

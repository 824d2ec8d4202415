// What every kind of ping shares, and the octets of ICMP echo and QUIC.
#include <cerrno>

#include "common/ondemand/order.h"
#include "common/ondemand/report_text.h"
#include "probe/icmp/echo.h"
#include "probe/ping/meaning.h"
#include "probe/ping/series.h"
#include "probe/quic/version_negotiation.h"
#include "probe/tcp/connect.h"
#include "tests/support/catch.h"

using namespace faultline;
using namespace std::chrono_literals;
using ping::Outcome;

namespace {
constexpr Instant kStart{1h};

std::vector<std::byte> octets(std::initializer_list<int> values) {
  std::vector<std::byte> result;
  for (const int value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}
}  // namespace

TEST_CASE("a ping counts once: the first answer, or none in time", "[ping]") {
  ping::Series series({.count = 4, .interval = 100ms, .timeout = 1s});
  for (std::uint32_t i = 0; i < 4; ++i) {
    const auto now = kStart + i * 100ms;
    REQUIRE(series.due(now) == i);
    i == 3 ? series.not_sent(now, "no route") : series.sent(now);
    CHECK(!series.due(now + 99ms));
  }
  series.answer({.sequence = 0}, kStart + 5ms);
  series.answer({.sequence = 0}, kStart + 6ms);
  series.answer({.sequence = 1, .outcome = Outcome::kRefused}, kStart + 108ms);
  series.answer({.sequence = 9}, kStart + 109ms);
  CHECK(!series.done());
  CHECK(series.next_event() == kStart + 1200ms);
  CHECK(series.expire(kStart + 1200ms) == 1);
  series.answer({.sequence = 2}, kStart + 1300ms);
  CHECK(series.done());
  const auto totals = series.totals();
  CHECK(totals.sent == 3);
  CHECK(totals.answered == 1);
  CHECK(totals.refused == 1);
  CHECK(totals.lost == 1);
  CHECK(totals.late == 1);
  CHECK(totals.duplicates == 1);
  CHECK(totals.not_sent == 1);
  CHECK(totals.rtt_min == 5ms);
  CHECK(totals.rtt_max == 8ms);
}

TEST_CASE("ICMP echo has the octets of RFC 792 and RFC 4443", "[icmp]") {
  std::vector<std::byte> request(10);
  icmp::encode_request({.identifier = 0x1234, .sequence = 2}, true, request);
  CHECK(request == octets({8, 0, 0xe5, 0xc9, 0x12, 0x34, 0, 2, 0, 0}));
  CHECK(icmp::internet_checksum(request) == 0);
  CHECK(icmp::decode_quoted_request(request, true) ==
        icmp::Echo{.identifier = 0x1234, .sequence = 2});
  CHECK(!icmp::decode_reply(request, true));
  auto reply = octets({0, 0, 0xed, 0xc9, 0x12, 0x34, 0, 2, 0, 0});
  CHECK(icmp::decode_reply(reply, true) == icmp::Echo{.identifier = 0x1234, .sequence = 2});
  reply[9] = std::byte{1};
  CHECK(!icmp::decode_reply(reply, true));  // its checksum is wrong
  CHECK(icmp::decode_reply(octets({129, 0, 0, 0, 0, 7, 0, 9}), false) ==
        icmp::Echo{.identifier = 7, .sequence = 9});
  CHECK(!icmp::decode_reply(octets({129, 0, 0, 0, 0, 7, 0}), false));
  auto packet = std::vector<std::byte>(24);
  packet[0] = std::byte{0x46};  // a header of 24 octets, with options
  packet[8] = std::byte{61};
  packet.insert(packet.end(), reply.begin(), reply.end());
  const auto stripped = icmp::strip_ipv4(packet);
  REQUIRE(stripped);
  CHECK(stripped->ttl == 61);
  CHECK(stripped->payload.size() == reply.size());
  packet.resize(22);
  CHECK(!icmp::strip_ipv4(packet));
}

TEST_CASE("a QUIC server's version negotiation is believed only with our ids", "[quic]") {
  std::vector<std::byte> probe(quic::kProbeSize);
  quic::encode_probe({.destination = 0x0102030405060708, .source = 0x1112131415161718}, probe);
  CHECK(std::vector(probe.begin(), probe.begin() + 7) ==
        octets({0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8, 1}));
  auto reply = octets({0x80, 0, 0, 0, 0, 8, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 8,   1,
                       2,    3, 4, 5, 6, 7, 8,    0,    0,    0,    1,    0x6b, 0x33, 0x43, 0xcf});
  CHECK(quic::decode(reply) == quic::VersionNegotiation{.ids = {.destination = 0x0102030405060708,
                                                                .source = 0x1112131415161718},
                                                        .versions = {1, 0x6b3343cf}});
  CHECK(!quic::decode(std::span(reply).first(24)));
  reply[4] = std::byte{1};  // a packet of version 1 negotiates nothing
  CHECK(!quic::decode(reply));
}

TEST_CASE("open, refused, filtered and silent ports are told apart", "[tcp]") {
  CHECK(tcp::judge({.error_number = 0}).outcome == Outcome::kAnswered);
  CHECK(tcp::judge({.error_number = ECONNREFUSED}).outcome == Outcome::kRefused);
  CHECK(tcp::judge({.error_number = ETIMEDOUT}).outcome == Outcome::kLost);
  // iptables' REJECT says "port unreachable" in the target's name, which a TCP stack never does.
  CHECK(tcp::judge({.error_number = ECONNREFUSED, .icmp = ping::meaning_of_icmp(true, 3, 3)})
            .outcome == Outcome::kFiltered);
  CHECK(tcp::judge({.error_number = EHOSTUNREACH, .icmp = ping::meaning_of_icmp(true, 3, 13)})
            .outcome == Outcome::kFiltered);
  CHECK(tcp::judge({.error_number = EHOSTUNREACH, .icmp = ping::meaning_of_icmp(true, 3, 1)})
            .outcome == Outcome::kUnreachable);
  CHECK(ping::meaning_of_icmp(false, 1, 1).outcome == Outcome::kFiltered);
  CHECK(ping::meaning_of_icmp(true, 3, 3).outcome == Outcome::kRefused);
}

TEST_CASE("an order beyond a limit is refused with one sentence", "[ondemand]") {
  using namespace ondemand;
  const TestOrder good{.target = {*IpAddress::parse("192.0.2.1"), 0}};
  CHECK(validate(good));
  const auto refused = [&](auto change) {
    auto order = good;
    change(order);
    const auto status = validate(order);
    return !status && !status.error().context.empty();
  };
  CHECK(refused([](auto& o) { o.count = 0; }));
  CHECK(refused([](auto& o) {
    o.count = 1000;
    o.interval = 1s;
  }));
  CHECK(refused([](auto& o) { o.interval = 1ms; }));
  CHECK(refused([](auto& o) { o.timeout = 1min; }));
  CHECK(refused([](auto& o) { o.size = 20; }));
  CHECK(refused([](auto& o) { o.dscp = 64; }));
  CHECK(refused([](auto& o) { o.kind = TestKind::kPort; }));
  CHECK(refused([](auto& o) { o.method = Method::kTcp; }));
  CHECK(refused([](auto& o) { o.target.address = *IpAddress::parse("224.0.0.1"); }));
  CHECK(refused([](auto& o) { o.target.address = IpAddress{}; }));
  CHECK(refused([](auto& o) { o.source = *IpAddress::parse("2001:db8::1"); }));
  CHECK(refused([](auto& o) {
    o.kind = TestKind::kTrace;
    o.method = Method::kStamp;
    o.target.port = 862;
    o.flows = 500;
  }));
  CHECK(parse_method("stamp") == Method::kStamp);
  CHECK(!parse_test_kind("nonsense"));
}

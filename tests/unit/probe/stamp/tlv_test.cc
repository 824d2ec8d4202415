#include "probe/stamp/tlv.h"

#include <algorithm>
#include <array>
#include <vector>

#include "probe/stamp/packet.h"
#include "tests/support/catch.h"
#include "tests/unit/probe/stamp/keys.h"

namespace faultline::stamp {
namespace {

using Octets = std::vector<std::byte>;

Octets octets(std::initializer_list<int> values) {
  Octets result;
  for (const int value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

const ReflectedPacket kPacket{.source = {IpAddress::v4(0x0a000001), 61001},
                              .destination = {IpAddress::v4(0x0a000002), 862},
                              .dscp = 46,
                              .ecn = 2,
                              .may_choose_dscp = true};

// A sender's packet whose sequence number is 7, with the TLVs that `write` adds.
template <typename Write>
Octets sent(Write write, std::size_t base = kPacketSize) {
  Octets packet(512);
  packet[3] = std::byte{7};
  TlvWriter writer(packet, base);
  write(writer);
  packet.resize(writer.size());
  return packet;
}

// What the reflector makes of it; its own sequence number is 9.
struct Reflected {
  Octets reply;
  ReflectedTlvs result;
};
Reflected reflected(const Octets& packet, ReflectedPacket about = kPacket,
                    std::size_t base = kPacketSize) {
  Reflected made{.reply = packet, .result = {}};
  made.reply[3] = std::byte{9};
  const auto sequence = octets({0, 0, 0, 7});
  made.result =
      reflect_tlvs(about, std::span<const std::byte>(sequence).first<4>(), made.reply, base);
  return made;
}

Octets tlvs(const Octets& packet, std::size_t base = kPacketSize) {
  return {packet.begin() + static_cast<std::ptrdiff_t>(base), packet.end()};
}

// A packet with these octets behind its base.
Octets with_area(std::initializer_list<int> area) {
  Octets packet(kPacketSize);
  packet[3] = std::byte{7};
  for (const int value : area) packet.push_back(static_cast<std::byte>(value));
  return packet;
}

}  // namespace

TEST_CASE("a sender's TLVs are laid out as RFC 8972 section 4 says, with U set", "[stamp]") {
  CHECK(tlvs(sent([](auto& w) { CHECK(w.extra_padding(3)); })) == octets({0x80, 1, 0, 3, 0, 0, 0}));
  CHECK(tlvs(sent([](auto& w) { CHECK(w.timestamp_information()); })) ==
        octets({0x80, 3, 0, 4, 0, 0, 0, 0}));
  CHECK(tlvs(sent([](auto& w) { CHECK(w.class_of_service(46)); })) ==
        octets({0x80, 4, 0, 4, 46 << 2, 0, 0, 0}));
  auto location = octets({0x80, 2, 0, 44, 0, 0, 0, 0});
  for (const int part : {4, 7}) {
    const auto header = octets({0x80, part, 0, 16});
    location.insert(location.end(), header.begin(), header.end());
    location.insert(location.end(), 16, std::byte{0});
  }
  CHECK(tlvs(sent([](auto& w) { CHECK(w.location()); })) == location);
}

TEST_CASE("an HMAC TLV covers the sequence number and the TLVs before it", "[stamp]") {
  const auto packet = sent([](auto& w) {
    CHECK(w.class_of_service(1));
    CHECK(w.hmac(key()));
    CHECK(w.extra_padding(2));
  });
  const auto covered = octets({0, 0, 0, 7, 0x80, 4, 0, 4, 4, 0, 0, 0});
  auto expected = octets({0x80, 4, 0, 4, 4, 0, 0, 0, 0x80, 8, 0, 16});
  std::ranges::copy(key().sign(covered), std::back_inserter(expected));
  std::ranges::copy(octets({0x80, 1, 0, 2, 0, 0}), std::back_inserter(expected));
  CHECK(tlvs(packet) == expected);
}

TEST_CASE("a TLV that does not fit is not written", "[stamp]") {
  Octets packet(kPacketSize + 10);
  TlvWriter writer(packet, kPacketSize);
  CHECK_FALSE(writer.location());
  CHECK_FALSE(writer.hmac(key()));
  CHECK_FALSE(writer.extra_padding(7));
  CHECK(writer.extra_padding(6));
  CHECK(writer.size() == packet.size());
  CHECK(packet[kPacketSize] == std::byte{kTlvUnrecognized});
}

TEST_CASE("Class of Service comes back with what arrived, and the reply has what was wanted",
          "[stamp]") {
  const auto packet = sent([](auto& w) { w.class_of_service(10); });
  const auto made = reflected(packet);
  CHECK(made.result == ReflectedTlvs{.dscp = 10});
  CHECK(tlvs(made.reply) == octets({0, 4, 0, 4, 10 << 2 | 46 >> 4, (46 & 15) << 4 | 2 << 2, 0, 0}));
  CHECK(read_reply_tlvs(made.reply, kPacketSize, nullptr).class_of_service ==
        ClassOfService{.dscp_wanted = 10, .dscp_received = 46, .ecn_received = 2});

  auto stranger = kPacket;
  stranger.may_choose_dscp = false;
  const auto refused = reflected(packet, stranger);
  CHECK(refused.result == ReflectedTlvs{.dscp = 46});
  CHECK(read_reply_tlvs(refused.reply, kPacketSize, nullptr).class_of_service ==
        ClassOfService{.dscp_wanted = 10, .dscp_received = 46, .ecn_received = 2, .refused = 1});
}

TEST_CASE("Location comes back with the ports and addresses as they arrived", "[stamp]") {
  const auto packet = sent([](auto& w) { w.location(); });
  const auto v4 = reflected(packet).reply;
  CHECK(v4.size() == packet.size());
  CHECK(tlvs(v4)[0] == std::byte{0});
  const auto area = tlvs(v4);
  CHECK(Octets(area.begin() + 4, area.begin() + 16) ==
        octets({862 >> 8, 862 & 255, 61001 >> 8, 61001 & 255, 0, 5, 0, 16, 10, 0, 0, 2}));
  CHECK(read_reply_tlvs(v4, kPacketSize, nullptr).location ==
        Location{.destination_port = 862,
                 .source_port = 61001,
                 .destination = IpAddress::v4(0x0a000002),
                 .source = IpAddress::v4(0x0a000001)});
  auto about = kPacket;
  about.source.address = *IpAddress::parse("2001:db8::1");
  about.destination.address = *IpAddress::parse("2001:db8::2");
  const auto read = read_reply_tlvs(reflected(packet, about).reply, kPacketSize, nullptr);
  REQUIRE(read.location);
  CHECK(read.location->source == about.source.address);
  CHECK(read.location->destination == about.destination.address);
}

TEST_CASE("Timestamp Information says that software stamped by a clock nobody vouches for",
          "[stamp]") {
  const auto asked = sent([](auto& w) { w.timestamp_information(); });
  auto kept = kPacket;
  kept.clock_kept = true;
  CHECK(read_reply_tlvs(reflected(asked, kept).reply, kPacketSize, nullptr).timestamp_information ==
        TimestampInformation{.source_in = kClockNtp,
                             .method_in = kStampedBySoftware,
                             .source_out = kClockNtp,
                             .method_out = kStampedBySoftware});
  const auto reply = reflected(asked).reply;
  CHECK(tlvs(reply) == octets({0, 3, 0, 4, 5, 2, 5, 2}));
  // Sub-TLVs may follow, of which none is known; one that leaves the TLV makes it malformed.
  const auto longer = reflected(with_area({0x80, 3, 0, 9, 0, 0, 0, 0, 0x80, 77, 0, 1, 6})).reply;
  CHECK(tlvs(longer) == octets({0, 3, 0, 9, 5, 2, 5, 2, 0x80, 77, 0, 1, 6}));
  CHECK(read_reply_tlvs(longer, kPacketSize, nullptr).timestamp_information.has_value());
  CHECK(reflected(with_area({0x80, 3, 0, 9, 0, 0, 0, 0, 0x80, 77, 0, 9, 6})).result.malformed);
  CHECK(reflected(with_area({0x80, 3, 0, 3, 0, 0, 0})).result.malformed);
}

TEST_CASE("an unknown TLV comes back unchanged with U set, and those after it are processed",
          "[stamp]") {
  const auto made = reflected(with_area({0x80, 200, 0, 2, 0xAB, 0xCD, 0x80, 1, 0, 1, 9}));
  CHECK(tlvs(made.reply) == octets({0x80, 200, 0, 2, 0xAB, 0xCD, 0, 1, 0, 1, 9}));
  CHECK(read_reply_tlvs(made.reply, kPacketSize, nullptr) == ReplyTlvs{.unrecognized = 1});
}

TEST_CASE("a malformed TLV gets M, and what follows it comes back as it came", "[stamp]") {
  // Class of Service of five octets.
  const auto wrong = reflected(with_area({0x80, 4, 0, 5, 1, 2, 3, 4, 5, 0x80, 1, 0, 1, 9}));
  CHECK(wrong.result.malformed);
  CHECK(tlvs(wrong.reply) == octets({0xC0, 4, 0, 5, 1, 2, 3, 4, 5, 0x80, 1, 0, 1, 9}));
  // Longer than what is left.
  CHECK(tlvs(reflected(with_area({0x80, 1, 0, 9, 1, 2})).reply) == octets({0xC0, 1, 0, 9, 1, 2}));
  // No whole header.
  CHECK(tlvs(reflected(with_area({0x80, 1, 0, 0, 0x80, 1, 0})).reply) ==
        octets({0, 1, 0, 0, 0xC0, 1, 0}));
  // A sub-TLV that leaves the Location.
  CHECK(reflected(with_area({0x80, 2, 0, 8, 0, 0, 0, 0, 0x80, 4, 0, 16})).result.malformed);
  CHECK(read_reply_tlvs(wrong.reply, kPacketSize, nullptr).malformed);
}

TEST_CASE("a right HMAC TLV is checked, and made anew for the reply", "[stamp]") {
  const auto k = key();
  auto about = kPacket;
  about.key = &k;
  about.authenticated = true;
  const auto packet = sent([&](auto& w) {
    w.class_of_service(3);
    w.location();
    w.hmac(k);
    w.extra_padding(20);
  });
  const auto made = reflected(packet, about);
  CHECK(made.result == ReflectedTlvs{.dscp = 3});
  const auto read = read_reply_tlvs(made.reply, kPacketSize, &k);
  CHECK(read.class_of_service);
  CHECK(read.location);
  CHECK_FALSE(read.integrity_failed);
  auto changed = made.reply;
  changed[kPacketSize + 5] ^= std::byte{1};
  CHECK(read_reply_tlvs(changed, kPacketSize, &k) == ReplyTlvs{.integrity_failed = true});
  changed = made.reply;
  changed[3] ^= std::byte{1};  // the reflector's sequence number
  CHECK(read_reply_tlvs(changed, kPacketSize, &k).integrity_failed);
}

TEST_CASE("where the HMAC TLV fails every TLV comes back with I, and none is processed",
          "[stamp]") {
  const auto k = key();
  const auto other = key(9);
  auto about = kPacket;
  about.key = &k;
  const auto checked = [&](const Octets& packet) {
    const auto made = reflected(packet, about);
    CHECK(made.result == ReflectedTlvs{.dscp = 46, .integrity_failed = true});
    CHECK(read_reply_tlvs(made.reply, kPacketSize, nullptr).integrity_failed);
    auto expected = packet;
    expected[3] = std::byte{9};
    expected[kPacketSize] |= std::byte{kTlvIntegrity};
    CHECK(made.reply[kPacketSize] == expected[kPacketSize]);
    CHECK(made.reply[kPacketSize + 4] == expected[kPacketSize + 4]);
  };
  checked(sent([&](auto& w) {
    w.class_of_service(3);
    w.hmac(other);
  }));
  checked(sent([&](auto& w) {  // not the last one
    w.class_of_service(3);
    w.hmac(k);
    w.timestamp_information();
  }));
  checked(sent([&](auto& w) {  // twice
    w.hmac(k);
    w.hmac(k);
  }));
  about.authenticated = true;  // none, although the base packet has one
  checked(sent([&](auto& w) { w.class_of_service(3); }));
  about.key = nullptr;  // nothing to check it with
  about.authenticated = false;
  checked(sent([&](auto& w) {
    w.class_of_service(3);
    w.hmac(k);
  }));
}

TEST_CASE("an authenticated packet may be padded without an HMAC TLV", "[stamp]") {
  const auto k = key();
  auto about = kPacket;
  about.key = &k;
  about.authenticated = true;
  const auto made = reflected(sent([](auto& w) { w.extra_padding(2); }, kAuthenticatedSize), about,
                              kAuthenticatedSize);
  CHECK(made.result == ReflectedTlvs{.dscp = 46});
  CHECK(tlvs(made.reply, kAuthenticatedSize) == octets({0, 1, 0, 2, 0, 0}));
}

TEST_CASE("padding from before RFC 8972 is no TLV and stays as it is", "[stamp]") {
  for (const auto& packet : {with_area({0, 0, 0, 0, 0, 0, 0, 0}), with_area({1, 0, 3, 4, 5, 6}),
                             with_area({0x80, 1, 0}), with_area({})}) {
    const auto made = reflected(packet);
    CHECK(tlvs(made.reply) == tlvs(packet));
    CHECK(made.result == ReflectedTlvs{.dscp = 46});
  }
}

}  // namespace faultline::stamp

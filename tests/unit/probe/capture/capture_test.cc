#include "probe/capture/buffer.h"
#include "probe/capture/filter.h"
#include "tests/support/capture_builder.h"
#include "tests/support/catch.h"

using namespace faultline;
using namespace faultline::capture;
using faultline::test::Bytes;
using faultline::test::FrameSpec;

namespace {

const Wanted kSender{.remote = {.address = *IpAddress::parse("10.0.2.1"), .port = 862},
                     .local_port = 40000};
const Wanted kReflector{.remote = {.address = *IpAddress::parse("10.0.1.1"), .port = 0},
                        .local_port = 862};

Belongs belongs(const FrameSpec& spec, const Wanted& wanted) {
  const auto frame = test::udp_frame(spec);
  return classify(*parse(kLinkEthernet, frame), wanted);
}

bool offer(Buffer& buffer, const FrameSpec& spec, int second) {
  const auto frame = test::udp_frame(spec);
  return buffer.offer({.interface = 0,
                       .link_type = kLinkEthernet,
                       .at = wall_time_from_unix_seconds(second),
                       .size = static_cast<std::uint32_t>(frame.size()),
                       .octets = frame});
}

}  // namespace

TEST_CASE("a conversation's packets belong to it at both ends and in both directions",
          "[capture]") {
  const FrameSpec request{.payload = Bytes(44)};
  const FrameSpec reply{.from = "10.0.2.1",
                        .to = "10.0.1.1",
                        .source_port = 862,
                        .port = 40000,
                        .payload = Bytes(44)};
  for (const auto& wanted : {kSender, kReflector}) {
    CHECK(belongs(request, wanted) == Belongs::kOwn);
    CHECK(belongs(reply, wanted) == Belongs::kOwn);
  }
}

TEST_CASE("other flows, other programs and other peers do not belong", "[capture]") {
  CHECK(belongs({.source_port = 40001, .payload = Bytes(44)}, kSender) == Belongs::kNo);
  CHECK(belongs({.port = 53, .payload = Bytes(44)}, kSender) == Belongs::kNo);
  CHECK(belongs({.port = 53, .payload = Bytes(44)}, kReflector) == Belongs::kNo);
  CHECK(belongs({.to = "10.0.3.1", .payload = Bytes(44)}, kSender) == Belongs::kOther);
  CHECK(belongs({.from = "203.0.113.5", .payload = Bytes(44)}, kReflector) == Belongs::kOther);
}

TEST_CASE("an ICMP error belongs to the conversation that it quotes", "[capture]") {
  for (const std::uint16_t port : {std::uint16_t{40000}, std::uint16_t{40001}}) {
    const auto inner = test::udp_frame({.source_port = port, .payload = Bytes(44)});
    Bytes body(8);
    test::put(body, 0, 0x0b00, 2);
    body.insert(body.end(), inner.begin() + 14, inner.begin() + 14 + 28);
    const auto frame = test::ethernet({.from = "10.9.9.9", .to = "10.0.1.1"}, body, 1);
    CHECK(classify(*parse(kLinkEthernet, frame), kSender) ==
          (port == 40000 ? Belongs::kOwn : Belongs::kNo));
  }
}

TEST_CASE("a later fragment belongs by its address alone", "[capture]") {
  const auto of = [](const char* to) {
    const auto frame = test::ethernet({.to = to}, Bytes(40), 17, 100);
    return classify(*parse(kLinkEthernet, frame), kSender);
  };
  CHECK(of("10.0.2.1") == Belongs::kOwn);
  CHECK(of("10.0.3.1") == Belongs::kNo);
}

TEST_CASE("at its limit a capture is over, and says since when", "[capture]") {
  Buffer buffer(kSender, {.frames_max = 8});
  for (int i = 0; i < 6; ++i) CHECK(offer(buffer, {.payload = Bytes(44)}, i));
  CHECK_FALSE(buffer.full());
  CHECK_FALSE(offer(buffer, {.payload = Bytes(44)}, 6));
  CHECK(buffer.full_since() == wall_time_from_unix_seconds(6));
  CHECK_FALSE(offer(buffer, {.payload = Bytes(44)}, 7));
  CHECK(buffer.own() == 6);
}

TEST_CASE("what may be another peer's has a share of its own and ends nothing", "[capture]") {
  Buffer buffer(kReflector, {.frames_max = 8});
  for (int i = 0; i < 5; ++i) CHECK(offer(buffer, {.from = "10.0.9.9", .payload = Bytes(44)}, i));
  CHECK(buffer.others_left_out() == 3);
  for (int i = 0; i < 6; ++i) CHECK(offer(buffer, {.payload = Bytes(44)}, i));
  CHECK(buffer.own() == 6);
  CHECK(buffer.take().size() == 8);
}

TEST_CASE("octets are bounded, and no frame is kept whole beyond the snap length", "[capture]") {
  Buffer buffer(kSender, {.frames_max = 1000, .bytes_max = 4000});
  int kept = 0;
  while (offer(buffer, {.payload = Bytes(1000)}, kept)) ++kept;
  CHECK(kept == 3000 / (256 + 36));
  const auto frames = buffer.take();
  CHECK(frames[0].octets.size() == kSnapLength);
  CHECK(frames[0].size == 14 + 20 + 8 + 1000);
}

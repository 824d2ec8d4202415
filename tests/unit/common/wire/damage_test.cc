// What a broken or hostile peer sends. That nothing is read outside of the input is what the
// sanitizer build adds to these tests.
#include "common/wire/message.h"
#include "tests/support/catch.h"
#include "tests/unit/common/wire/codecs.h"

namespace faultline::tests {
namespace {

TEMPLATE_TEST_CASE("a message cut at any length is refused", "[wire]", ProbeCodec, ControllerCodec,
                   PlanCodec, ReportCodec, MeshCodec) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    const auto bytes = wire::encode(TestType::random(rng));
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      const std::vector<std::byte> cut(bytes.begin(),
                                       bytes.begin() + static_cast<std::ptrdiff_t>(length));
      if (TestType::decode(cut)) FAIL("accepted " << length << " of " << bytes.size() << " bytes");
    }
  }
}

TEMPLATE_TEST_CASE("a flipped bit gives another valid value or an error, never a crash", "[wire]",
                   ProbeCodec, ControllerCodec, PlanCodec, ReportCodec, MeshCodec) {
  Rng rng(11);
  std::size_t refused = 0;
  const auto bytes = wire::encode(TestType::random(rng));
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto damaged = bytes;
    damaged[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    const auto decoded = TestType::decode(damaged);
    if (!decoded) {
      ++refused;
    } else if (TestType::decode(wire::encode(*decoded)) != decoded) {
      FAIL("bit " << bit << " gives a value that does not survive another round trip");
    }
  }
  CHECK(refused > 0);
}

TEMPLATE_TEST_CASE("random bytes are refused", "[wire]", ProbeCodec, ControllerCodec, PlanCodec,
                   ReportCodec, MeshCodec) {
  Rng rng(13);
  for (int i = 0; i < 2000; ++i) {
    std::vector<std::byte> bytes(random_below(rng, 300));
    for (auto& byte : bytes) byte = static_cast<std::byte>(rng() >> random_below(rng, 9));
    if (TestType::decode(bytes)) FAIL("accepted garbage in round " << i);
  }
}

TEMPLATE_TEST_CASE("bytes after the end of a message are refused", "[wire]", ProbeCodec,
                   ControllerCodec, PlanCodec, ReportCodec, MeshCodec) {
  Rng rng(17);
  auto bytes = wire::encode(TestType::random(rng));
  bytes.resize(bytes.size() + 8);
  REQUIRE_FALSE(TestType::decode(bytes));
}

TEST_CASE("a message longer than its channel allows is refused before it is looked at", "[wire]") {
  const std::vector<std::byte> huge(kControlMessageMax + 8);
  CHECK(wire::decode_probe_message(huge).error().code == ErrorCode::kLimit);
  CHECK(wire::decode_controller_message(huge).error().code == ErrorCode::kLimit);
  CHECK(wire::decode_report(huge).error().code == ErrorCode::kLimit);
  CHECK(wire::decode_mesh_message(huge).error().code == ErrorCode::kLimit);
}

TEST_CASE("an all-zero message is not taken for any kind", "[wire]") {
  const std::vector<std::byte> zeros(64);
  CHECK_FALSE(wire::decode_probe_message(zeros));
  CHECK_FALSE(wire::decode_controller_message(zeros));
  CHECK_FALSE(wire::decode_mesh_message(zeros));
}

}  // namespace
}  // namespace faultline::tests

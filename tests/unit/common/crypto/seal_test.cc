#include "common/crypto/seal.h"

#include <algorithm>

#include "tests/support/catch.h"

namespace faultline::crypto {
namespace {

const std::vector<std::byte> kResults(100, std::byte{7});

struct Seals {
  KeyPair node = generate_key_pair();
  KeyPair controller = generate_key_pair();
  std::vector<std::byte> sealed =
      seal(SealKind::kBatch, node, controller.public_key, kResults).value();

  [[nodiscard]] bool opens(std::span<const std::byte> bytes) const {
    return open_seal(SealKind::kBatch, controller, node.public_key, bytes).has_value();
  }
};

TEST_CASE("what is sealed to a key opens with it, and adds what is documented", "[crypto][seal]") {
  const Seals it;
  CHECK(it.sealed.size() == kResults.size() + 41);
  CHECK(open_seal(SealKind::kBatch, it.controller, it.node.public_key, it.sealed) == kResults);
  const auto ack = seal(SealKind::kBatchAck, it.controller, it.node.public_key, {}).value();
  CHECK(open_seal(SealKind::kBatchAck, it.node, it.controller.public_key, ack) ==
        std::vector<std::byte>{});
}

TEST_CASE("a seal with any bit changed, or cut short, does not open", "[crypto][seal]") {
  const Seals it;
  for (std::size_t bit = 0; bit < 8 * it.sealed.size(); ++bit) {
    auto changed = it.sealed;
    changed[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    if (it.opens(changed)) FAIL("opens with bit " << bit << " changed");
  }
  for (std::size_t size = 0; size < it.sealed.size(); ++size) {
    if (it.opens(std::span(it.sealed).first(size))) FAIL("opens with " << size << " bytes");
  }
  CHECK(it.opens(it.sealed));
}

TEST_CASE("a seal opens for nobody else, and is nobody else's", "[crypto][seal]") {
  const Seals it;
  const auto relay = generate_key_pair();
  CHECK_FALSE(open_seal(SealKind::kBatch, relay, it.node.public_key, it.sealed));
  CHECK_FALSE(open_seal(SealKind::kBatch, it.controller, relay.public_key, it.sealed));
}

// Both directions share one secret: who turns a batch round must not make an acknowledgement of it.
TEST_CASE("a batch cannot be taken for an acknowledgement", "[crypto][seal]") {
  const Seals it;
  const auto turned = open_seal(SealKind::kBatchAck, it.node, it.controller.public_key, it.sealed);
  REQUIRE_FALSE(turned);
  CHECK(turned.error().code == ErrorCode::kDenied);
}

TEST_CASE("the same message is never sealed to the same octets", "[crypto][seal]") {
  const Seals it;
  const auto again = seal(SealKind::kBatch, it.node, it.controller.public_key, kResults).value();
  CHECK(again != it.sealed);
}

TEST_CASE("nothing is sealed to a key of low order", "[crypto][seal]") {
  const auto sealed = seal(SealKind::kBatch, generate_key_pair(), PublicKey{}, kResults);
  REQUIRE_FALSE(sealed);
  CHECK(sealed.error().code == ErrorCode::kInvalid);
}

}  // namespace
}  // namespace faultline::crypto

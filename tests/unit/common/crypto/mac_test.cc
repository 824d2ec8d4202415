#include "common/crypto/mac.h"

#include <sodium.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/crypto/session_keys.h"
#include "tests/support/catch.h"

namespace faultline::crypto {
namespace {

std::vector<std::byte> octets(std::string_view text) {
  std::vector<std::byte> result;
  for (const char c : text) result.push_back(static_cast<std::byte>(c));
  return result;
}

std::string hex(const Mac& mac) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const auto octet : mac) {
    text += kDigits[std::to_integer<std::size_t>(octet) >> 4];
    text += kDigits[std::to_integer<std::size_t>(octet) & 15];
  }
  return text;
}

std::array<std::uint8_t, MacKey::kSecretBytes> secret_of(std::uint8_t first) {
  std::array<std::uint8_t, MacKey::kSecretBytes> secret{};
  for (auto& octet : secret) octet = first++;
  return secret;
}

}  // namespace

TEST_CASE("a MAC is the first half of HMAC-SHA-256, as RFC 4868's vectors say", "[crypto]") {
  // RFC 4868 section 2.7.2.1, test vector AUTH256-1 and AUTH256-2, cut to 128 bits.
  std::array<std::uint8_t, MacKey::kSecretBytes> secret;
  secret.fill(0x0b);
  CHECK(hex(MacKey(secret).sign(octets("Hi There"))) == "198a607eb44bfbc69903a0f1cf2bbdc5");
  std::string jefe;
  for (int i = 0; i < 8; ++i) jefe += "Jefe";
  std::copy(jefe.begin(), jefe.end(), secret.begin());
  CHECK(hex(MacKey(secret).sign(octets("what do ya want for nothing?"))) ==
        "167f928588c5cc2eef8e3093caa0e87c");
}

TEST_CASE("MACs of messages of every length agree with libsodium's HMAC", "[crypto]") {
  const auto secret = secret_of(3);
  const MacKey key(secret);
  std::vector<std::byte> message;
  for (int length = 0; length < 300; ++length) {
    std::array<unsigned char, crypto_auth_hmacsha256_BYTES> expected{};
    crypto_auth_hmacsha256(expected.data(), reinterpret_cast<const unsigned char*>(message.data()),
                           message.size(), secret.data());
    const auto mac = key.sign(message);
    CAPTURE(length);
    REQUIRE(std::equal(mac.begin(), mac.end(), expected.begin(),
                       [](std::byte a, unsigned char b) { return a == std::byte{b}; }));
    const auto cut = message.size() / 3;
    CHECK(key.sign(std::span(message).first(cut), std::span(message).subspan(cut)) == mac);
    message.push_back(static_cast<std::byte>(length * 7));
  }
}

TEST_CASE("a MAC with any bit changed, cut or under another key does not verify", "[crypto]") {
  const MacKey key(secret_of(1));
  const auto message = octets("a packet");
  auto mac = key.sign(message);
  CHECK(key.verifies(mac, message));
  CHECK_FALSE(MacKey(secret_of(2)).verifies(mac, message));
  CHECK_FALSE(key.verifies(std::span(mac).first(15), message));
  for (std::size_t bit = 0; bit < 8 * kMacBytes; ++bit) {
    mac[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    CHECK_FALSE(key.verifies(mac, message));
    mac[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
  }
}

TEST_CASE("two nodes derive the same keys, one for each direction, and nobody else does",
          "[crypto]") {
  const auto a = generate_key_pair();
  const auto b = generate_key_pair();
  const auto c = generate_key_pair();
  const auto at_a = derive_session_keys(a, b.public_key);
  const auto at_b = derive_session_keys(b, a.public_key);
  REQUIRE(at_a);
  REQUIRE(at_b);
  CHECK(at_a->sending == at_b->reflecting);
  CHECK(at_a->reflecting == at_b->sending);
  CHECK_FALSE(at_a->sending == at_a->reflecting);
  CHECK_FALSE(derive_session_keys(c, b.public_key)->sending == at_a->sending);
}

TEST_CASE("the derivation of session keys never changes", "[crypto]") {
  // Written by the first build that had it; another value would part a fleet during an upgrade.
  const SecretKey secret_a{secret_of(1)};
  const SecretKey secret_b{secret_of(101)};
  const KeyPair a{public_key_of(secret_a), secret_a};
  const KeyPair b{public_key_of(secret_b), secret_b};
  const auto keys = derive_session_keys(a, b.public_key);
  REQUIRE(keys);
  CHECK(hex(keys->sending.sign(octets("frozen"))) == "dfa558b4dfcf8b325c527166068513ff");
  CHECK(hex(keys->reflecting.sign(octets("frozen"))) == "e62e0c0ea77c303880669cedd7d0f990");
}

TEST_CASE("a peer's key of low order gives no keys", "[crypto]") {
  CHECK_FALSE(derive_session_keys(generate_key_pair(), PublicKey{}));
}

}  // namespace faultline::crypto

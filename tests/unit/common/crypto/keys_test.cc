#include "common/crypto/keys.h"

#include <array>
#include <new>
#include <ostream>
#include <string_view>
#include <type_traits>

#include <fmt/format.h>

#include "common/crypto/random.h"
#include "tests/support/catch.h"

namespace faultline::crypto {
namespace {

template <typename T>
concept Streamable = requires(std::ostream& stream, const T& value) { stream << value; };

}  // namespace

TEST_CASE("a secret key has no text form", "[crypto]") {
  STATIC_REQUIRE_FALSE(Streamable<SecretKey>);
  STATIC_REQUIRE_FALSE(fmt::is_formattable<SecretKey>::value);
  STATIC_REQUIRE_FALSE(std::is_convertible_v<SecretKey, std::string_view>);
}

TEST_CASE("the public half of a generated pair follows from the secret half", "[crypto]") {
  const KeyPair pair = generate_key_pair();
  CHECK(public_key_of(pair.secret_key) == pair.public_key);
}

TEST_CASE("the public half agrees with Bob's keys of RFC 7748", "[crypto]") {
  const auto secret =
      parse_public_key("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
  REQUIRE(secret);
  CHECK(to_string(public_key_of(SecretKey{secret->bytes})) ==
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
}

TEST_CASE("two generated pairs differ", "[crypto]") {
  const KeyPair first = generate_key_pair();
  const KeyPair second = generate_key_pair();
  CHECK_FALSE(first.public_key == second.public_key);
  CHECK_FALSE(first.secret_key == second.secret_key);
}

TEST_CASE("a secret's bytes are wiped when it is destroyed", "[crypto]") {
  alignas(SecretKey) std::array<std::uint8_t, sizeof(SecretKey)> memory{};
  auto* secret = new (memory.data()) SecretKey{generate_key_pair().secret_key};
  CHECK(memory != std::array<std::uint8_t, sizeof(SecretKey)>{});
  secret->~SecretKey();
  CHECK(memory == std::array<std::uint8_t, sizeof(SecretKey)>{});
}

TEST_CASE("random numbers do not repeat", "[crypto]") {
  CHECK(random_u64() != random_u64());
  CHECK(random_rng() != random_rng());
}

}  // namespace faultline::crypto

#include "controller/access/api_token.h"

#include "tests/support/catch.h"

namespace faultline::access {
namespace {

TokenSecret counting_secret() {
  TokenSecret secret{};
  for (std::size_t i = 0; i < secret.size(); ++i) secret[i] = static_cast<std::uint8_t>(i);
  return secret;
}

ApiToken example() {
  return {.id = "0123456789ab",
          .name = "grafana",
          .role = Role::kOperator,
          .hash = crypto::sha256("flo_0123456789ab_x"),
          .created_at = wall_time_from_unix_seconds(1'795'316'400),
          .created_by = "uid 0",
          .expires_at = wall_time_from_unix_seconds(1'803'092'400)};
}

}  // namespace

TEST_CASE("a token's text tells what it is and names its id", "[access]") {
  const auto text = format_api_token({0x01, 0x23, 0x45, 0x67, 0x89, 0xab}, counting_secret());
  // The base64url of the bytes 0 to 31, as RFC 4648 has it.
  CHECK(text == "flo_0123456789ab_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
  CHECK(text.size() == kApiTokenTextMax);
  CHECK(id_of_api_token(text) == "0123456789ab");
}

TEST_CASE("two secrets that differ in one bit are two texts", "[access]") {
  for (std::size_t bit = 0; bit < 256; ++bit) {
    auto other = counting_secret();
    other[bit / 8] = static_cast<std::uint8_t>(other[bit / 8] ^ (1U << (bit % 8)));
    CHECK(format_api_token({}, other) != format_api_token({}, counting_secret()));
  }
}

TEST_CASE("a text of another form is no token", "[access]") {
  const std::string text = format_api_token({}, counting_secret());
  CHECK_FALSE(id_of_api_token(""));
  CHECK_FALSE(id_of_api_token(text.substr(1)));
  CHECK_FALSE(id_of_api_token(text + "x"));
  CHECK_FALSE(id_of_api_token("flt" + text.substr(3)));
  for (const auto& [place, character] :
       {std::pair{4, 'G'}, std::pair{4, 'A'}, std::pair{16, '-'}, std::pair{20, '+'},
        std::pair{59, '\n'}, std::pair{30, '\0'}}) {
    auto changed = text;
    changed[static_cast<std::size_t>(place)] = character;
    CHECK_FALSE(id_of_api_token(changed));
  }
}

TEST_CASE("a stored token comes back as it was", "[access]") {
  const auto restored = api_token_from_json(to_json(example()));
  REQUIRE(restored);
  CHECK(*restored == example());
}

TEST_CASE("a stored token that is damaged is refused, never guessed at", "[access]") {
  const auto text = to_json(example());
  CHECK_FALSE(api_token_from_json(""));
  CHECK_FALSE(api_token_from_json("[]"));
  CHECK_FALSE(api_token_from_json("{}"));
  for (const auto* word : {"\"version\":1", "\"id\"", "\"name\"", "\"role\"", "\"sha256\"",
                           "\"created_at\"", "\"expires_at\"", "operator"}) {
    CAPTURE(word);
    auto changed = text;
    const auto at = changed.find(word);
    REQUIRE(at != std::string::npos);
    changed.replace(at, std::string(word).size(),
                    std::string(word) == "\"version\":1" ? "\"version\":2" : "\"other\"");
    CHECK_FALSE(api_token_from_json(changed));
  }
}

}  // namespace faultline::access

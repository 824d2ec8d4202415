#include "common/crypto/token.h"

#include <algorithm>
#include <cctype>

#include "tests/support/catch.h"

namespace faultline::crypto {
namespace {

JoinToken sample(std::size_t controllers = 1) {
  JoinToken token;
  token.one_use = generate_key_pair().secret_key;
  for (std::size_t i = 0; i < controllers; ++i) {
    token.endpoints.push_back("tcp://10.0.0." + std::to_string(i) + ":7400");
    token.controllers.push_back(generate_key_pair().public_key);
  }
  return token;
}

}  // namespace

TEST_CASE("a token survives its text form", "[crypto]") {
  const JoinToken token = sample(GENERATE(1U, 3U, 8U));
  CHECK(parse_token(format_token(token)) == token);
}

TEST_CASE("a token's text needs no quoting anywhere", "[crypto]") {
  const std::string text = format_token(sample());
  CHECK(text.starts_with("flt1_"));
  CHECK(std::ranges::all_of(
      text, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-'; }));
}

TEST_CASE("white space around a pasted token does not matter", "[crypto]") {
  const JoinToken token = sample();
  CHECK(parse_token(" \n" + format_token(token) + "\r\n") == token);
}

TEST_CASE("every single mistyped character is noticed", "[crypto]") {
  const std::string text = format_token(sample());
  for (std::size_t i = 5; i < text.size(); ++i) {
    std::string mistyped = text;
    mistyped[i] = mistyped[i] == 'x' ? 'y' : 'x';
    CAPTURE(i);
    const auto parsed = parse_token(mistyped);
    REQUIRE_FALSE(parsed);
    REQUIRE_THAT(parsed.error().context, Catch::Contains("checksum"));
  }
}

TEST_CASE("a token that was cut short is noticed", "[crypto]") {
  const std::string text = format_token(sample());
  for (std::size_t size = 5; size < text.size(); ++size) {
    CAPTURE(size);
    REQUIRE_FALSE(parse_token(text.substr(0, size)));
  }
}

TEST_CASE("a token with something after it is refused", "[crypto]") {
  CHECK_FALSE(parse_token(format_token(sample()) + "A"));
  CHECK_FALSE(parse_token(format_token(sample()) + std::string(10'000, 'A')));
}

TEST_CASE("what is no token at all is told so, without repeating it", "[crypto]") {
  const auto parsed = parse_token("hunter2");
  REQUIRE_FALSE(parsed);
  CHECK_THAT(parsed.error().context, Catch::Contains("flt1_") && !Catch::Contains("hunter2"));
}

TEST_CASE("the checksum does not stand in for validation", "[crypto]") {
  // "flt1_" and SHA-256's first octets over nothing: well formed, and no token.
  CHECK_FALSE(parse_token("flt1_47DEQg"));
  CHECK_FALSE(parse_token("flt1_"));
}

}  // namespace faultline::crypto

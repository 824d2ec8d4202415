#include "controller/access/token_book.h"

#include <fmt/format.h>

#include "tests/support/catch.h"

namespace faultline::access {
namespace {

using std::chrono::hours;

const WallTime kNow = wall_time_from_unix_seconds(1'795'316'400);

struct Made {
  ApiToken token;
  std::string text;
};

Made make(const std::string& name, Role role, std::uint8_t seed = 1) {
  TokenId id{};
  TokenSecret secret{};
  id.fill(seed);
  secret.fill(static_cast<std::uint8_t>(seed + 100));
  const auto text = format_api_token(id, secret);
  return {{.id = *id_of_api_token(text),
           .name = name,
           .role = role,
           .hash = crypto::sha256(text),
           .created_at = kNow,
           .created_by = "uid 0",
           .expires_at = kNow + hours{1}},
          text};
}

std::string denial(const TokenBook& book, std::string_view text, WallTime now = kNow) {
  const auto who = book.verify(text, now);
  REQUIRE_FALSE(who);
  CHECK(who.error().code == ErrorCode::kDenied);
  return who.error().context;
}

}  // namespace

TEST_CASE("a token proves its name and role", "[access]") {
  TokenBook book;
  for (const auto role : {Role::kViewer, Role::kOperator, Role::kAdmin}) {
    const auto made = make("t", role);
    book.add(made.token);
    const auto who = book.verify(made.text, kNow);
    REQUIRE(who);
    CHECK(*who == Principal{.name = "token t", .peer = {}, .role = role});
  }
}

TEST_CASE("a wrong secret, a revoked and an unheard-of token are denied in the same words",
          "[access]") {
  TokenBook book;
  const auto made = make("t", Role::kAdmin);
  book.add(made.token);
  auto wrong = made.text;
  wrong.back() = wrong.back() == 'A' ? 'B' : 'A';
  const auto sentence = denial(book, wrong);
  CHECK(sentence == denial(book, make("u", Role::kAdmin, 2).text));
  book.remove(made.token.id);
  CHECK(sentence == denial(book, made.text));
  CHECK_THAT(sentence, Catch::Contains("revoked, or never made"));
}

TEST_CASE("a token is denied from the moment it expires, and its holder is told when that was",
          "[access]") {
  TokenBook book;
  const auto made = make("t", Role::kViewer);
  book.add(made.token);
  CHECK(book.verify(made.text, kNow + hours{1} - Duration{1}));
  CHECK_THAT(denial(book, made.text, kNow + hours{1}),
             Catch::Contains("token t expired at " + format_rfc3339(kNow + hours{1})));
}

TEST_CASE("an empty book knows nobody", "[access]") {
  const TokenBook book;
  (void)denial(book, "");
  (void)denial(book, std::string(1U << 16, 'x'));
  (void)denial(book, make("t", Role::kAdmin).text);
}

TEST_CASE("a name is taken until it is revoked, even by an expired token", "[access]") {
  TokenBook book;
  const auto made = make("t", Role::kViewer);
  book.add(made.token);
  REQUIRE_FALSE(book.check_new("t", hours{1}));
  CHECK(book.check_new("t", hours{1}).error().code == ErrorCode::kConflict);
  REQUIRE(book.find("t"));
  book.remove(book.find("t")->id);
  CHECK(book.check_new("t", hours{1}));
}

TEST_CASE("names, lifetimes and the number of tokens are bounded", "[access]") {
  TokenBook book;
  for (const auto* name : {"", "a b", "../x", "-x", "é"})
    CHECK_FALSE(book.check_new(name, hours{1}));
  CHECK_FALSE(book.check_new("t", Duration{}));
  CHECK_FALSE(book.check_new("t", kApiTokenLifetimeMax + Duration{1}));
  CHECK(book.check_new("t", kApiTokenLifetimeMax));
  for (std::size_t i = 0; i < kApiTokensMax; ++i) {
    auto made = make(fmt::format("t{}", i), Role::kViewer);
    made.token.id = fmt::format("{:012x}", i);
    book.add(made.token);
  }
  REQUIRE_FALSE(book.check_new("one-more", hours{1}));
  CHECK(book.check_new("one-more", hours{1}).error().code == ErrorCode::kLimit);
}

}  // namespace faultline::access

#include "controller/api/target.h"

#include "tests/support/catch.h"

namespace faultline::api {

TEST_CASE("a target is split into decoded segments and query parameters", "[api]") {
  const auto target = parse_target("/api/v1/paths/h%2F1/h9?at=2026-11-22T03%3A00%3A00Z&by=");
  REQUIRE(target);
  CHECK(target->segments == std::vector<std::string>{"api", "v1", "paths", "h/1", "h9"});
  CHECK(target->query ==
        std::map<std::string, std::string>{{"at", "2026-11-22T03:00:00Z"}, {"by", ""}});
}

TEST_CASE("a malformed target is refused", "[api]") {
  for (const auto* text :
       {"", "x", "http://host/", "/a%", "/a%2", "/a%zz", "/?a=%4", "/?a=1&a=2"}) {
    CAPTURE(text);
    REQUIRE_FALSE(parse_target(text));
    CHECK(parse_target(text).error().code == ErrorCode::kInvalid);
  }
}

}  // namespace faultline::api

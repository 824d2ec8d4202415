#include "controller/access/principal.h"

#include "tests/support/catch.h"

namespace faultline::access {

TEST_CASE("each role may do what the one before it may, and no more", "[access]") {
  const Role roles[] = {Role::kViewer, Role::kOperator, Role::kAdmin};
  for (int held = 0; held < 3; ++held) {
    for (int needed = 0; needed < 3; ++needed) {
      CHECK(suffices(roles[held], roles[needed]) == (held >= needed));
    }
    CHECK(parse_role(to_string(roles[held])) == roles[held]);
  }
  CHECK_FALSE(parse_role(""));
  CHECK_FALSE(parse_role("Admin"));
  CHECK_FALSE(parse_role("root"));
}

TEST_CASE("on the unix socket root and the controller's user are admin, others operator",
          "[access]") {
  CHECK(principal_of({.uid = 0, .pid = 7}, 998) ==
        Principal{.name = "uid 0", .peer = "pid 7", .role = Role::kAdmin});
  CHECK(principal_of({.uid = 998, .pid = 7}, 998).role == Role::kAdmin);
  CHECK(principal_of({.uid = 1000, .pid = 7}, 998) ==
        Principal{.name = "uid 1000", .peer = "pid 7", .role = Role::kOperator});
}

TEST_CASE("a peer that the kernel does not name may only read", "[access]") {
  CHECK(principal_of({}, 998).role == Role::kViewer);
  // Not even where the controller's own uid is unknown as well.
  CHECK(principal_of({}, static_cast<std::uint32_t>(-1)).role == Role::kViewer);
}

}  // namespace faultline::access

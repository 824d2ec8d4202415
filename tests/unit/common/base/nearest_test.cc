#include "common/base/nearest.h"

#include "tests/support/catch.h"

namespace faultline {

TEST_CASE("the distance between words counts letters", "[base]") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("abc", "abc") == 0);
  CHECK(edit_distance("abc", "") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
}

TEST_CASE("the nearest name is offered, but nothing that is half wrong", "[base]") {
  CHECK(did_you_mean("spien1", {"spine1", "spine2", "leaf1"}) == "; did you mean spine1?");
  CHECK(did_you_mean("h44", {"h4", "h1"}) == "; did you mean h4?");
  CHECK(did_you_mean("cellar", {"r1", "r2"}).empty());
  CHECK(did_you_mean("x", {}).empty());
  CHECK(did_you_mean(std::string(65, 'a'), {std::string(65, 'a')}).empty());
}

}  // namespace faultline

#include "probe/session/session_index.h"

#include <cstdint>
#include <map>
#include <utility>

#include <catch2/catch.hpp>

#include "common/base/random.h"

namespace faultline::session {
namespace {

TEST_CASE("an index finds what a map finds, as it grows and after it was cleared",
          "[session_index]") {
  Rng rng(7);
  SessionIndex index;
  // Few ports and identifiers next to each other: as probes have them.
  const auto port = [&] { return static_cast<std::uint16_t>(uniform_below(rng, 16)); };
  const auto ssid = [&] { return static_cast<std::uint16_t>(uniform_below(rng, 700)); };
  for (const std::size_t expected : {0, 1, 5'000}) {
    index.clear(expected);
    std::map<std::pair<std::uint16_t, std::uint16_t>, std::uint32_t> model;
    for (std::uint32_t place = 0; place < 5'000; ++place) {
      const std::pair name{port(), ssid()};
      index.insert(name.first, name.second, place);
      model.emplace(name, place);
      REQUIRE(index.size() == model.size());
    }
    for (std::uint16_t p = 0; p < 17; ++p) {
      for (std::uint16_t s = 0; s < 701; ++s) {
        const auto known = model.find({p, s});
        const auto found = index.find(p, s);
        CAPTURE(p, s);
        REQUIRE(found.has_value() == (known != model.end()));
        if (found) REQUIRE(*found == known->second);
      }
    }
  }
}

TEST_CASE("an empty index finds nothing, not even what is all zeros", "[session_index]") {
  SessionIndex index;
  CHECK(!index.find(0, 0));
  index.insert(1, 1, 0);
  CHECK(!index.find(0, 0));
  CHECK(index.find(1, 1) == 0);
  index.clear();
  CHECK(!index.find(1, 1));
}

}  // namespace
}  // namespace faultline::session

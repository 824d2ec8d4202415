#include "controller/capture/patterns.h"

#include "tests/support/catch.h"

using namespace faultline::capture;

TEST_CASE("what only large packets suffer is told by size", "[capture]") {
  std::vector<Fate> fates;
  for (int i = 0; i < 4; ++i) {
    fates.push_back({.size = 72, .source_port = 40000, .arrived = true});
    fates.push_back({.size = 1400, .source_port = 40001, .arrived = true});
    fates.push_back({.size = 1500, .source_port = 40000, .arrived = false});
  }
  CHECK(patterns(fates) ==
        std::vector<Pattern>{{.kind = PatternKind::kSize, .lost = {1500}, .arrives_max = 1400}});
}

TEST_CASE("some source ports or classes that never arrive are named", "[capture]") {
  std::vector<Fate> fates;
  for (std::uint16_t port = 40000; port < 40008; ++port) {
    for (int i = 0; i < 3; ++i)
      fates.push_back({.size = 72, .source_port = port, .arrived = port % 4 != 1});
  }
  CHECK(patterns(fates) ==
        std::vector<Pattern>{{.kind = PatternKind::kPorts, .lost = {40001, 40005}}});
  for (auto& fate : fates) {
    fate.source_port = 40000;
    fate.dscp = fate.arrived ? 0 : 46;
  }
  CHECK(patterns(fates) == std::vector<Pattern>{{.kind = PatternKind::kDscp, .lost = {46}}});
}

TEST_CASE("random loss, total loss and one lost packet have no pattern", "[capture]") {
  std::vector<Fate> random;
  std::vector<Fate> total;
  std::vector<Fate> single;
  for (std::uint16_t i = 0; i < 40; ++i) {
    random.push_back({.size = 72,
                      .source_port = static_cast<std::uint16_t>(40000 + i % 4),
                      .arrived = i % 3 != 0});
    total.push_back({.size = 72, .source_port = 40000, .arrived = false});
    single.push_back(
        {.size = 72, .source_port = static_cast<std::uint16_t>(40000 + i), .arrived = i != 7});
  }
  CHECK(patterns(random).empty());
  CHECK(patterns(total).empty());
  CHECK(patterns(single).empty());
}

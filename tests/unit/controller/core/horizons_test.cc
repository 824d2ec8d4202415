#include "controller/core/horizons.h"
#include "tests/support/catch.h"

namespace faultline::core {
namespace {

using localize::FaultClass;
using localize::Suspect;
using localize::SuspectKind;
using localize::Verdict;

Suspect link(const std::string& from, const std::string& to) {
  Suspect suspect;
  suspect.kind = SuspectKind::kLink;
  suspect.id = from + ">" + to;
  suspect.from = from;
  suspect.to = to;
  return suspect;
}

Suspect device(const std::string& id, std::vector<std::string> ambiguous_with = {}) {
  Suspect suspect;
  suspect.kind = SuspectKind::kDevice;
  suspect.id = id;
  suspect.ambiguous_with = std::move(ambiguous_with);
  return suspect;
}

std::vector<std::string> merged(std::vector<Suspect> known, std::vector<Suspect> newest,
                                const Containers& containers = {}) {
  Verdict verdict;
  verdict.suspects = std::move(known);
  Verdict of_newest;
  of_newest.suspects = std::move(newest);
  add_newest(verdict, of_newest, containers);
  std::vector<std::string> names;
  for (const auto& suspect : verdict.suspects) names.push_back(suspect.id);
  return names;
}

using Names = std::vector<std::string>;

TEST_CASE("what only the newest window shows is added", "[horizons]") {
  CHECK(merged({link("a", "b")}, {link("c", "d")}) == Names{"a>b", "c>d"});
  CHECK(merged({link("a", "b")}, {link("b", "a")}) == Names{"a>b", "b>a"});
}

TEST_CASE("what the newest window tells apart stays apart", "[horizons]") {
  CHECK(merged({}, {link("a", "s"), device("s")}) == Names{"a>s", "s"});
}

TEST_CASE("groups that share a component are one fault, whichever names it first", "[horizons]") {
  CHECK(merged({link("a", "s")}, {device("s", {"a>s"})}) == Names{"a>s"});
  CHECK(merged({device("s", {"a>s"})}, {link("a", "s")}) == Names{"s"});
  CHECK(merged({device("s", {"a>s"})}, {device("a", {"a>s"})}) == Names{"s"});
}

TEST_CASE("a link of a known cable or device is no second fault", "[horizons]") {
  CHECK(merged({device("s")}, {link("a", "s")}) == Names{"s"});
  Suspect cable = link("a", "s");
  cable.kind = SuspectKind::kCable;
  cable.id = "a=s";
  CHECK(merged({cable}, {link("s", "a")}) == Names{"a=s"});
  CHECK(merged({device("s")}, {cable}) == Names{"s"});
}

TEST_CASE("a fault that has grown from a link to its device is named once", "[horizons]") {
  CHECK(merged({link("a", "s"), link("x", "y")}, {device("s")}) == Names{"x>y", "s"});
}

TEST_CASE("what is down now is down, by whichever name of its group", "[horizons]") {
  Verdict verdict;
  verdict.suspects = {device("h2", {"h2=s"})};
  Verdict newest;
  newest.suspects = {device("s", {"h2", "h2=s"})};
  newest.suspects[0].fault_class = FaultClass::kDown;
  add_newest(verdict, newest, {});
  REQUIRE(verdict.suspects.size() == 1);
  CHECK(verdict.suspects[0].id == "h2");
  CHECK(verdict.suspects[0].fault_class == FaultClass::kDown);
}

TEST_CASE("what is down now is down, though the long horizon remembers packets", "[horizons]") {
  Verdict verdict;
  verdict.suspects = {link("a", "b")};
  verdict.suspects[0].loss = 0.3;
  Verdict newest;
  newest.suspects = {link("a", "b")};
  newest.suspects[0].fault_class = FaultClass::kDown;
  newest.suspects[0].loss = 1;
  add_newest(verdict, newest, {});
  REQUIRE(verdict.suspects.size() == 1);
  CHECK(verdict.suspects[0].fault_class == FaultClass::kDown);
  CHECK(verdict.suspects[0].loss == 1);
}

}  // namespace
}  // namespace faultline::core

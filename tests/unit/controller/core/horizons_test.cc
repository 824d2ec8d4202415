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

Suspect of_kind(SuspectKind kind, const std::string& id) {
  Suspect suspect = device(id);
  suspect.kind = kind;
  return suspect;
}

TEST_CASE("a VM, its links and its hypervisor are named once", "[horizons]") {
  Containers containers;
  containers.put_in("vm1", "hv1");
  containers.put_in("hv1", "az1");
  const auto hypervisor = of_kind(SuspectKind::kHypervisor, "hv1");
  const auto vm = of_kind(SuspectKind::kVm, "vm1");
  CHECK(merged({hypervisor}, {link("leaf1", "vm1")}, containers) == Names{"hv1"});
  CHECK(merged({hypervisor}, {vm}, containers) == Names{"hv1"});
  CHECK(merged({vm, link("x", "y")}, {hypervisor}, containers) == Names{"x>y", "hv1"});
  CHECK(merged({link("vm1", "leaf1")}, {hypervisor}, containers) == Names{"hv1"});
  CHECK(merged({of_kind(SuspectKind::kZone, "az1")}, {hypervisor}, containers) == Names{"az1"});
  CHECK(merged({hypervisor}, {of_kind(SuspectKind::kVm, "vm2")}, containers) ==
        Names{"hv1", "vm2"});
  CHECK(merged({hypervisor}, {link("leaf1", "vm1")}) == Names{"hv1", "leaf1>vm1"});
}

TEST_CASE("what a longer horizon names is news unless it, a part or the whole is named",
          "[horizons]") {
  Verdict verdict;
  verdict.suspects = {device("s", {"b>s"}), link("x", "y")};
  verdict.congested = {link("q", "r")};
  CHECK(is_news(verdict, link("c", "d"), {}));
  CHECK_FALSE(is_news(verdict, link("b", "s"), {}));
  CHECK_FALSE(is_news(verdict, link("a", "s"), {}));
  CHECK_FALSE(is_news(verdict, device("y"), {}));
  CHECK_FALSE(is_news(verdict, link("q", "r"), {}));
  Suspect down = link("q", "r");
  down.fault_class = FaultClass::kDown;
  CHECK(is_news(verdict, down, {}));
}

TEST_CASE("near misses of a longer horizon come after those of the minute, once each",
          "[horizons]") {
  Verdict verdict;
  verdict.suspects = {device("s", {"b>s"})};
  verdict.near_misses = {{.id = "a>b"}};
  const std::vector<localize::NearMiss> longer{
      {.id = "c>d"}, {.id = "a>b"}, {.id = "b>s"}, {.id = "s"}};
  add_near_misses(verdict, longer);
  REQUIRE(verdict.near_misses.size() == 2);
  CHECK(verdict.near_misses[1].id == "c>d");
}

}  // namespace
}  // namespace faultline::core

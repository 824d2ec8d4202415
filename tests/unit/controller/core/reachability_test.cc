#include "controller/core/reachability.h"

#include <memory>

#include "tests/support/catch.h"

namespace faultline::core {
namespace {

using enum Sight;

Witness witness(const char* name, Sight sight, bool refused = false) {
  return {.name = name, .rack = "r1", .sight = sight, .refused = refused};
}
const Witness kRefusing = witness("h2", kHost, true);
const Witness kHearing = witness("h3", kHost);
const Witness kProbed = witness("h4", kProbe);
const Witness kBlind = witness("h5", kNothing);
const Witness kCut = witness("h6", kOwnUplink);
const Witness kMute = witness("h7", kNoAnswer);

TEST_CASE("what others say of a node and whether it is heard tell what is down", "[core][reach]") {
  constexpr Heard kHeardLately{.silent = false, .since = false};
  constexpr Heard kHeardSince{.silent = false, .since = true};
  constexpr Heard kSilent{.silent = true, .since = false};
  constexpr Heard kRelayed{.silent = true, .since = false, .relayed = true};
  struct Row {
    const char* what;
    std::vector<Witness> witnesses;
    Heard heard;
    Condition expected;
  };
  const std::vector<Row> rows{
      {"nobody was asked", {}, kSilent, Condition::kUnknown},
      {"nobody answered", {kMute, kMute}, kSilent, Condition::kUnknown},
      {"all who were asked are cut off", {kCut, kCut}, kSilent, Condition::kUnknown},
      {"killed probe", {kRefusing, kRefusing, kRefusing}, kSilent, Condition::kProbeDown},
      {"killed probe, not silent for long",
       {kRefusing, kRefusing},
       kHeardLately,
       Condition::kProbeDown},
      {"probe that hangs", {kHearing, kHearing}, kSilent, Condition::kProbeDown},
      {"probe that hangs, not silent for long", {kHearing}, kHeardLately, Condition::kUnknown},
      {"killed probe, and one that is cut off was asked",
       {kRefusing, kCut, kMute},
       kSilent,
       Condition::kProbeDown},
      {"probe that was back before the answers", {kRefusing}, kHeardSince, Condition::kReachable},
      {"host down", {kBlind, kBlind, kBlind}, kSilent, Condition::kNodeDown},
      {"host down, not silent for long", {kBlind}, kHeardLately, Condition::kNodeDown},
      {"host down, and one that is cut off was asked",
       {kBlind, kCut},
       kSilent,
       Condition::kNodeDown},
      {"its uplink, the controller hears it by another way",
       {kBlind, kBlind},
       kHeardSince,
       Condition::kUplink},
      {"one of its uplinks", {kBlind, kProbed}, kSilent, Condition::kUplink},
      {"killed probe and a faulty uplink", {kRefusing, kBlind}, kSilent, Condition::kUplink},
      {"its way to the controller", {kProbed, kProbed}, kSilent, Condition::kControllerWay},
      {"loss, but some packets pass", {kProbed, kHearing}, kSilent, Condition::kControllerWay},
      {"its way to the controller, its results come by way of another",
       {},
       kRelayed,
       Condition::kControllerWay},
      {"likewise, though those who were asked say that its probe is down",
       {kRefusing, kRefusing},
       kRelayed,
       Condition::kControllerWay},
      {"all its uplinks but one", {kBlind, kBlind}, kRelayed, Condition::kUplink},
      {"all is well", {kProbed, kProbed}, kHeardSince, Condition::kReachable},
      {"its port is filtered", {kHearing, kHearing}, kHeardSince, Condition::kReachable},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    CHECK(to_string(judge_reachability(row.witnesses, row.heard)) == to_string(row.expected));
  }
}

TEST_CASE("the sentence says who reaches what, and who was cut off himself", "[core][reach]") {
  Reachability known;
  CHECK(sentence(known) == "others are being asked whether they reach it");
  known.asked_at = WallTime{};
  known.witnesses = {kMute};
  CHECK(sentence(known) == "nobody could be asked whether he reaches it");
  known.witnesses = {kRefusing, kHearing};
  CHECK(sentence(known) ==
        "its host answers all of the 2 nodes asked (h2 and h3), its probe none of them");
  known.witnesses = {kProbed, kHearing};
  CHECK(sentence(known) == "its host answers all of the 2 nodes asked (h4 and h3), its probe h4");
  known.witnesses = {kBlind, kCut};
  CHECK(sentence(known) ==
        "nothing of it answers any of the 1 node asked (h5); h6 is cut off itself, and so says "
        "nothing of it");
  known.witnesses = {kBlind, kProbed};
  CHECK(sentence(known) == "its host answers h4 and not h5");
}

OrderedTest told(const char* report) {
  return {.state = TestState::kDone, .report = std::make_shared<const std::string>(report)};
}

TEST_CASE("of a test only the target's own word counts", "[core][reach]") {
  const auto target = *IpAddress::parse("10.0.0.9");
  const auto reply = [&](const char* report) { return read_reply(told(report), target); };
  CHECK(reply(R"({"verdict":"open","pings":[{"outcome":"answered","from":"10.0.0.9"}]})") ==
        Reply::kAnswered);
  CHECK(reply(R"({"verdict":"lossy","pings":[{"outcome":"lost","from":null},
                  {"outcome":"answered","from":"10.0.0.9"}]})") == Reply::kAnswered);
  CHECK(reply(R"({"verdict":"refused","pings":[{"outcome":"refused","from":"10.0.0.9"}]})") ==
        Reply::kRefused);
  // A firewall on the way, or the asked one's own kernel.
  CHECK(reply(R"({"verdict":"refused","pings":[{"outcome":"refused","from":"10.0.0.1"}]})") ==
        Reply::kSilence);
  CHECK(
      reply(R"({"verdict":"unreachable","pings":[{"outcome":"unreachable","from":"10.0.0.9"}]})") ==
      Reply::kSilence);
  CHECK(reply(R"({"verdict":"not-sent","pings":[]})") == Reply::kCannot);
  for (const char* garbage : {"", "[]", "{}", R"({"verdict":1,"pings":{}})"}) {
    CAPTURE(garbage);
    CHECK(reply(garbage) == Reply::kCannot);
  }
  CHECK(reply(R"({"pings":[1,{"outcome":7,"from":8}]})") == Reply::kSilence);
  CHECK(read_reply({.state = TestState::kRefused, .text = "no right to"}, target) ==
        Reply::kCannot);
}

TEST_CASE("a probe that is down is a warning with its evidence and what to do", "[core][reach]") {
  const ProbesDown one{.id = probe_id("h1"),
                       .nodes = {"h1"},
                       .lead = {.condition = Condition::kProbeDown,
                                .asked_at = WallTime{},
                                .witnesses = {kRefusing, kHearing}}};
  const auto suspect = to_suspect(one);
  CHECK(suspect.id == "probe:h1");
  CHECK(incident::severity_of(suspect) == incident::Severity::kWarning);
  CHECK(suspect.text ==
        "the probe of h1 is down, its host is up: its host answers all of the 2 nodes asked (h2 "
        "and h3), its probe none of them");
  REQUIRE(suspect.remedy);
  CHECK(suspect.remedy->evidence.size() == 3);
  CHECK(suspect.remedy->run_on == "h1");
  CHECK_FALSE(incident::is_dead(suspect));

  auto many = one;
  many.nodes = {"h1", "h2", "h3", "h4", "h5", "h6"};
  CHECK(to_suspect(many).text.starts_with(
      "the probes of h1, h2, h3, h4 and 2 more are down, their hosts are up; of h1: "));
}

}  // namespace
}  // namespace faultline::core

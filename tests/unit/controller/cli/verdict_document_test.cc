#include "controller/cli/verdict_document.h"

#include "controller/localize/verdict_json.h"
#include "tests/integration/controller/api/fake_backend.h"
#include "tests/support/catch.h"

namespace faultline::cli {
namespace {

Outcome<localize::Verdict> read_back(const localize::Verdict& verdict) {
  return verdict_of(Json::parse(localize::verdict_json(verdict, 1.5)));
}

}  // namespace

TEST_CASE("a verdict survives its document", "[cli]") {
  CHECK(read_back(api::fake_verdict()) == api::fake_verdict());
  CHECK(read_back(localize::Verdict{}) == localize::Verdict{});
  auto verdict = api::fake_verdict();
  auto& suspect = verdict.suspects[0];
  suspect.kind = localize::SuspectKind::kZone;
  suspect.fault_class = localize::FaultClass::kSickHost;
  suspect.delay_us = 12.5;
  suspect.mtu = 1450;
  suspect.slice = "dst port 862";
  suspect.since_s.reset();
  suspect.ambiguous_with = {"a>b", "c>d"};
  suspect.packets_to_split = 4000;
  verdict.suspects_omitted = 3;
  verdict.unexplained_bad_flows = 2;
  CHECK(read_back(verdict) == verdict);
}

TEST_CASE("a kind of suspect from a newer controller is named, not guessed", "[cli]") {
  auto document = Json::parse(localize::verdict_json(api::fake_verdict(), {}));
  document["suspects"][0]["kind"] = "wormhole";
  const auto verdict = verdict_of(document);
  REQUIRE_FALSE(verdict);
  CHECK(verdict.error().message.find("wormhole") != std::string::npos);
}

}  // namespace faultline::cli

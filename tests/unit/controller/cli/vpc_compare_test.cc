#include "controller/cli/vpc_compare.h"

#include "controller/cli/render.h"
#include "controller/cli/vpc_offline.h"
#include "tests/support/catch.h"

namespace faultline::cli {
namespace {

// In this world red may talk to blue on tcp 443 only, but for the group that `admit` opens.
vpc::Model hub(bool admit) {
  auto import = import_cloud(std::string(CLOUD_WORLDS) + "/hub");
  REQUIRE(import);
  if (admit) {
    for (auto& [id, group] : import->model.groups) {
      group.inbound = {{.prefix = vpc::Prefix::parse("0.0.0.0/0")}};
    }
  }
  return std::move(import->model);
}

MeasuredPair pair(std::uint64_t sent, std::uint64_t answered) {
  return {.from = "red1",
          .to = "blue1",
          .from_address = "10.1.1.10",
          .to_address = "10.2.1.10",
          .sent = sent,
          .answered = answered};
}

std::string outcome(bool admit, std::uint64_t sent, std::uint64_t answered) {
  const auto document = compare_cloud(hub(admit), {pair(sent, answered)});
  REQUIRE(document["pairs"].size() == 1);
  return document["pairs"][0]["outcome"];
}

}  // namespace

TEST_CASE("rules and measurements are joined in four ways", "[cli][vpc]") {
  CHECK(outcome(true, 60, 60) == "works");
  CHECK(outcome(true, 60, 1) == "works");
  CHECK(outcome(true, 60, 0) == "fails");
  CHECK(outcome(false, 60, 0) == "denied");
  CHECK(outcome(false, 60, 59) == "stale");
}

TEST_CASE("few packets that nobody answered prove nothing", "[cli][vpc]") {
  CHECK(outcome(true, kComparedPacketsMin - 1, 0) == "unknown");
  CHECK(outcome(true, 1, 1) == "works");
}

TEST_CASE("what denies is named, and the exit code says whether anybody must look", "[cli][vpc]") {
  const auto denied = compare_cloud(hub(false), {pair(60, 0)});
  const auto& row = denied["pairs"][0];
  CHECK(row["code"] == "ENI_SG_RULES_MISMATCH");
  CHECK(row["direction"] == "forward");
  CHECK(row["element"] == "sg-blue");
  CHECK(exit_code_of(denied) == ExitCode::kHealthy);
  CHECK(exit_code_of(compare_cloud(hub(true), {pair(60, 0)})) == ExitCode::kFaultFound);
  CHECK(exit_code_of(compare_cloud(hub(false), {pair(60, 60)})) == ExitCode::kInconclusive);
  const auto text = render(denied, {});
  REQUIRE(text);
  CHECK(text->find("1 denied and fail") != std::string::npos);
  CHECK(text->find("ENI_SG_RULES_MISMATCH") != std::string::npos);
}

TEST_CASE("a pair of which the snapshot has no end is counted only", "[cli][vpc]") {
  auto outside = pair(60, 60);
  outside.from_address = "172.20.0.1";
  outside.to_address = "172.20.0.2";
  const auto document = compare_cloud(hub(true), {outside});
  CHECK(document["pairs"].empty());
  CHECK(document["outside"] == 1);
  CHECK(exit_code_of(document) == ExitCode::kInconclusive);
}

}  // namespace faultline::cli

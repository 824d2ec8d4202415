#include "controller/notify/alert.h"

#include <nlohmann/json.hpp>

#include "tests/support/catch.h"

namespace faultline::notify {
namespace {

Alert opened() {
  Alert alert;
  alert.incident = "i-42";
  alert.sequence = 1;
  alert.kind = "link";
  alert.component = "leaf2>spine3";
  alert.from = "leaf2";
  alert.to = "spine3";
  alert.fault_class = "loss";
  alert.posterior = 0.998;
  alert.loss = 0.021;
  alert.summary = "link leaf2>spine3 loses 2.1 % of packets";
  alert.evidence = {
      .bad_flows = 32, .bad_flows_crossing = 31, .good_flows_crossing = 0, .good_flows = 210};
  alert.affected_nodes = {"h1", "h5"};
  alert.generated_at = wall_time_from_unix_seconds(1'790'000'000);
  return alert;
}

}  // namespace

TEST_CASE("an alert names the component, the evidence and a command to paste", "[notify]") {
  const auto json = nlohmann::json::parse(alert_json(opened()));
  CHECK(json["schema"] == "faultline.alert/1");
  CHECK(json["event"] == "opened");
  CHECK(json["idempotency_key"] == "i-42-1-opened");
  CHECK(json["component"] ==
        nlohmann::json{
            {"kind", "link"}, {"id", "leaf2>spine3"}, {"from", "leaf2"}, {"to", "spine3"}});
  CHECK(json["evidence"]["bad_flows_crossing"] == 31);
  CHECK(json["command"] == "faultline incident show i-42");
  CHECK(json["generated_at"] == "2026-09-21T14:13:20Z");
}

TEST_CASE("what was not measured is null and never zero", "[notify]") {
  auto alert = opened();
  alert.loss.reset();
  alert.from.clear();
  const auto json = nlohmann::json::parse(alert_json(alert));
  CHECK(json["loss"].is_null());
  CHECK(json["loss_low"].is_null());
  CHECK(json["since"].is_null());
  CHECK(json["component"]["from"].is_null());
}

TEST_CASE("a long list of affected nodes is cut, its length is not", "[notify]") {
  auto alert = opened();
  alert.affected_nodes.assign(kAffectedNodesShownMax + 7, "h");
  const auto json = nlohmann::json::parse(alert_json(alert));
  CHECK(json["affected_nodes"].size() == kAffectedNodesShownMax);
  CHECK(json["affected_nodes_total"] == kAffectedNodesShownMax + 7);
}

}  // namespace faultline::notify

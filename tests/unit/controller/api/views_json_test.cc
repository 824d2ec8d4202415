#include "controller/api/views_json.h"

#include <nlohmann/json.hpp>

#include "tests/integration/controller/api/fake_backend.h"
#include "tests/support/catch.h"

namespace faultline::api {

using Json = nlohmann::json;

TEST_CASE("a status says what is wrong and what is measured", "[api]") {
  const auto json = Json::parse(status_json(fake_status()));
  CHECK(json["health"] == "fault");
  const Json in_question{{"node", "h9"},
                         {"condition", "probe_down"},
                         {"summary", "probe down: " + fake_reach().summary}};
  CHECK(json["nodes"] == Json{{"total", 16},
                              {"live", 15},
                              {"silent", 1},
                              {"silent_names", Json::array({"h9"})},
                              {"in_question", Json::array({in_question})},
                              {"restarting", 0}});
  CHECK(json["window_s"] == 10);
  CHECK(json["suspects"][0]["id"] == "leaf2>spine3");
  CHECK(json["store"]["state"] == "ok");
  CHECK(json["controller"]["uptime_s"] == 7200);
}

TEST_CASE("before the first window everything unknown is null", "[api]") {
  const auto json = Json::parse(status_json(StatusView{}));
  CHECK(json["health"] == "inconclusive");
  CHECK(json["window_judged"].is_null());
  CHECK(json["plan_revision"].is_null());
  CHECK(json["store"]["oldest_window"].is_null());
  CHECK(json["suspects"] == Json::array());
}

TEST_CASE("a matrix cell without measurements is null, one without loss is zero", "[api]") {
  const FakeBackend backend;
  const auto json = Json::parse(matrix_json(*backend.matrix({})));
  CHECK(json["groups"] == Json::array({"rack1", "rack2"}));
  const auto& cells = json["rows"][0]["cells"];
  CHECK(cells[0].is_null());
  CHECK(cells[1]["loss"] == Approx(1.0 / 40));
  CHECK(cells[1]["rtt_p99_us"].is_null());
  CHECK(json["rows"][1]["cells"][0]["loss"] == 0.0);
}

TEST_CASE("undetermined losses count for neither direction", "[api]") {
  HistoryView view{"a", "b", std::chrono::seconds{10}, {HistoryRow{}}, false};
  view.rows[0].measured = {.sent = 100,
                           .lost_forward = 9,
                           .lost_return = 8,
                           .lost_undetermined = 10,
                           .rtt_min_us = {},
                           .rtt_mean_us = {},
                           .rtt_max_us = {}};
  const auto row = Json::parse(history_json(view))["rows"][0];
  CHECK(row["loss_forward"] == Approx(9.0 / 90));
  CHECK(row["loss_return"] == Approx(8.0 / 81));
  CHECK(row["rtt_mean_us"].is_null());
}

TEST_CASE("nothing sent means that no loss was measured", "[api]") {
  const HistoryView view{"a", "b", std::chrono::seconds{10}, {HistoryRow{}}, false};
  const auto row = Json::parse(history_json(view))["rows"][0];
  CHECK(row["loss_forward"].is_null());
  CHECK(row["sent"] == 0);
}

TEST_CASE("a silent hop has no address and an unknown one no device", "[api]") {
  const FakeBackend backend;
  const auto flow = Json::parse(path_json(*backend.path("h1", "h9")))["flows"][0];
  CHECK(flow["forward_path"]["hops"][2] ==
        Json{{"address", nullptr}, {"device", nullptr}, {"link", nullptr}});
  CHECK(flow["return_path"]["complete"] == false);
}

TEST_CASE("the exported graph quotes what Graphviz would misread", "[api]") {
  const TopologyView topology{
      "traces", {{"a\"b", "switch", "", {}}, {"c", "switch", "", {}}}, {{"l", "a\"b", "c", 1}}};
  const auto dot = topology_dot(topology);
  CHECK(dot.starts_with("digraph"));
  CHECK(dot.find(R"("a\"b" -> "c")") != std::string::npos);
}

TEST_CASE("bytes that are no UTF-8 do not make a document unreadable", "[api]") {
  const auto text = error_json("invalid", "no node named \xff");
  CHECK_NOTHROW(Json::parse(text));
}

}  // namespace faultline::api

#include "controller/cli/render.h"

#include <numeric>

#include "controller/api/views_json.h"
#include "tests/integration/controller/api/fake_backend.h"
#include "tests/support/catch.h"

namespace faultline::cli {
namespace {

std::string shown(const std::string& document) {
  const auto text = render(Json::parse(document), {});
  REQUIRE(text);
  return *text;
}

api::MatrixView matrix_of(std::size_t size) {
  api::MatrixView view;
  for (std::size_t i = 0; i < size; ++i) view.groups.push_back("rack-number-" + std::to_string(i));
  view.cells.assign(size * size, api::MatrixCell{.flows = 1,
                                                 .sent = 100,
                                                 .lost = 0,
                                                 .undetermined = 0,
                                                 .rtt_p50_us = {},
                                                 .rtt_p99_us = {}});
  view.numbers.resize(size * size);
  std::iota(view.numbers.begin(), view.numbers.end(), 1U);
  view.cells[1].lost = 3;
  return view;
}

}  // namespace

TEST_CASE("a matrix shows where loss is, where none is, and where nothing was measured", "[cli]") {
  const api::FakeBackend backend;
  CHECK(shown(api::matrix_json(*backend.matrix({}))) ==
        "one-way loss in %, 2026-09-21T14:14:00Z to 2026-09-21T14:14:10Z ('.' none, '-' not "
        "measured)\n"
        "from \\ to  rack1  rack2\n"
        "rack1          -   2.50\n"
        "rack2          .      .\n"
        "1 pairs with loss:\n"
        "  rack1 -> rack2: 2.50 % (1 of 42 packets)\n");
}

TEST_CASE("a matrix too wide for names has numbered columns", "[cli]") {
  const auto text = shown(api::matrix_json(matrix_of(40)));
  CHECK(text.find("#40") != std::string::npos);
  CHECK(text.find("#1 rack-number-0") != std::string::npos);
  CHECK(text.find("rack-number-0 -> rack-number-1: 3.00 %") != std::string::npos);
}

TEST_CASE("paths show devices, addresses without one, silence, and where a trace ends", "[cli]") {
  const api::FakeBackend backend;
  const auto text = shown(api::path_json(*backend.path("h1", "h9")));
  CHECK_THAT(
      text, Catch::Contains("50000    10        1        0  0     205  ->  h1 > leaf1 > * > h9\n"));
  CHECK(text.find("<-  h9 > 10.0.9.1 > ...\n") != std::string::npos);
}

TEST_CASE("a history shows the windows that are missing", "[cli]") {
  const api::FakeBackend backend;
  const auto text = shown(api::history_json(*backend.history("h1", "h9", {})));
  CHECK(text.find("(3 windows without a result)") != std::string::npos);
  CHECK(text.find("##\n") != std::string::npos);  // 10 % is two marks
}

TEST_CASE("windows of no length, or of any other nonsense, are shown as the default", "[cli]") {
  const api::FakeBackend backend;
  auto document = Json::parse(api::history_json(*backend.history("h1", "h9", {})));
  for (const double window_s : {0.0, -1.0, 1e-12, 1e300}) {
    CAPTURE(window_s);
    document["window_s"] = window_s;
    CHECK(render(document, {}));
  }
}

TEST_CASE("a status starts with the verdict and names silent nodes", "[cli]") {
  const auto text = shown(api::status_json(api::fake_status()));
  CHECK(text.starts_with("[fault] link leaf2>spine3 loses 2.1 % of packets\n"));
  CHECK(text.find("15 of 16 live, 1 silent: h9") != std::string::npos);
  CHECK(text.find("probes dropped 12 results") != std::string::npos);
}

TEST_CASE("of a node in question it is told what others say, and who they are", "[cli]") {
  const api::FakeBackend backend;
  CHECK(
      shown(api::status_json(api::fake_status()))
          .find("h9: probe down: its host answers all of the 1 node asked (h1), its probe none") !=
      std::string::npos);
  const auto text = shown(api::node_json(*backend.node("h9")));
  CHECK(text.find("reach            probe_down: its host answers") != std::string::npos);
  CHECK(text.find("asked h1 in rack1: tcp 7401 refused, stamp refused") != std::string::npos);
  CHECK(shown(api::nodes_json(*backend.nodes())).find("probe_down") != std::string::npos);
  CHECK(shown(api::node_json(*backend.node("h1"))).find("reach            -") != std::string::npos);
}

TEST_CASE("what is wrong with a node's clock is its note, where nothing graver is", "[cli]") {
  api::NodeView node;
  node.name = "h1";
  node.clock = "its clock is 31s ahead";
  const auto list = [&] { return shown(api::nodes_json({node})); };
  CHECK_THAT(list(), Catch::Contains("its clock is 31s ahead"));
  CHECK_THAT(shown(api::node_json(node)), Catch::Contains("clock            its clock is 31s"));
  node.sick_reason = "20 packets dropped on receipt";
  CHECK_THAT(list(), !Catch::Contains("its clock") && Catch::Contains("dropped on receipt"));
}

TEST_CASE("a document of another version with missing members is still shown", "[cli]") {
  for (const auto* schema :
       {"status", "nodes", "node", "tokens", "matrix", "path", "history", "incidents", "incident",
        "topology", "localize", "version", "removed", "token"}) {
    CAPTURE(schema);
    const Json document{{"schema", std::string{"faultline."} + schema + "/1"}};
    CHECK(render(document, {}));
  }
  CHECK_FALSE(render(Json{{"schema", "faultline.future/1"}}, {}));
  CHECK_FALSE(render(Json::object(), {}));
}

TEST_CASE("plan coverage shows what was learned, what is looked for and what was given up",
          "[cli]") {
  const auto text = shown(R"({"schema": "faultline.plan_coverage/1", "source": "plan", "flows": 400,
    "links": 96, "covered": 95, "identifiable": 93, "unmasked": 90, "paths_unknown": 0,
    "paths_incomplete": 0, "host_pairs_wanted": 3, "links_with_few_host_pairs": 1,
    "horizons": [{"seconds": 60, "loss_min_best": 0.001, "loss_min_median": 0.002,
                  "loss_min_worst": 0.01, "links_without": 1}],
    "uncovered": ["leaf1>spine2"],
    "groups": [{"links": ["a>b", "b>c"], "why": "no_flow_splits", "text": "nobody splits them"}],
    "exploration": {"flows_useful": 12, "flows_tried": 8, "links": 96, "covered": 95,
      "gaps": {"uncovered": 1, "few_host_pairs": 1, "not_told_apart": 2, "masked": 3,
               "given_up": 2},
      "flows_held": 5, "budget_met": true, "waits_for_paths": false},
    "per_link": []})");
  CHECK(text.find("400 flows of the plan over 96 directed links") == 0);
  CHECK(text.find("learned flows 12 beyond the mesh, 8 more tried, 5 held by incidents") !=
        std::string::npos);
  CHECK(text.find("explored for  1 uncovered, 1 crossed by few pairs of hosts, 2 not told apart, 3 "
                  "masked; 2 given up until something changes") != std::string::npos);
  CHECK(text.find("finds no room: see tracked_flows_per_node_max") != std::string::npos);
  CHECK(text.find("1 link that no measured flow crosses:\n  leaf1>spine2") != std::string::npos);
  CHECK(text.find("a>b, b>c\n    nobody splits them") != std::string::npos);
}

TEST_CASE("a plan of all pairs says nothing of exploring", "[cli]") {
  const auto text = shown(R"({"schema": "faultline.plan/1", "revision": 3, "all_pairs": true,
    "flows_per_pair": 8, "flows": 96, "flow_interval_s": 1, "reduced": [], "pairs_mixed": 0,
    "exploration": null, "nodes": []})");
  CHECK(text.find("plan 3: every node measures every other, 8 flows per pair, 96 flows") == 0);
  CHECK(text.find("learned flows") == std::string::npos);
}

TEST_CASE("standing tests are listed with what fails, and one by name with all of its pairs",
          "[cli]") {
  const std::string tests =
      R"("tests": [{"name": "ssh", "what": "port 22 by tcp", "from": "rack=r1",
    "to": "rack=r2", "every_s": 600, "severity": "warning", "pairs_left_out": 3, "pairs_failing": 1,
    "pairs": [{"from": "h1", "to": "h9", "outcome": "fault", "verdict": "refused",
               "summary": "10.0.0.9 says: connection refused", "at": "2026-11-28T03:20:11Z",
               "since": "2026-11-28T03:10:11Z", "runs": 3, "failing": true},
              {"from": "h2", "to": "h9", "outcome": "none", "verdict": "", "summary": "",
               "at": null, "since": null, "runs": 0, "failing": false}]}]})";
  const auto all = R"({"schema": "faultline.standing_tests/1", "asked": null, )" + tests;
  const auto one = R"({"schema": "faultline.standing_tests/1", "asked": "ssh", )" + tests;
  const auto list = shown(all.c_str());
  CHECK_THAT(list, Catch::Contains("port 22 by tcp  rack=r1  rack=r2  10m 0s  1/2 (+3)"));
  CHECK_THAT(list, Catch::Contains("(+n): pairs beyond what a test may have"));
  CHECK_THAT(list, Catch::Contains("h1    h9  refused  2026-11-28T03:20:11Z"));
  CHECK(list.find("h2") == std::string::npos);
  CHECK_THAT(shown(one.c_str()), Catch::Contains("h2    h9  none"));
  CHECK(exit_code_of(Json::parse(all)) == ExitCode::kFaultFound);
  CHECK_THAT(shown(R"({"schema": "faultline.standing_tests/1", "asked": null, "tests": []})"),
             Catch::Contains("no standing tests"));
}

TEST_CASE("the exit code follows from what the document says", "[cli]") {
  const auto code = [](const char* document) { return exit_code_of(Json::parse(document)); };
  CHECK(code(R"({"schema":"faultline.status/1","health":"healthy"})") == ExitCode::kHealthy);
  CHECK(code(R"({"schema":"faultline.status/1","health":"fault"})") == ExitCode::kFaultFound);
  CHECK(code(R"({"schema":"faultline.status/1","health":"inconclusive"})") ==
        ExitCode::kInconclusive);
  CHECK(code(R"({"schema":"faultline.localize/1","suspects":[{}],"enough_data":false})") ==
        ExitCode::kFaultFound);
  CHECK(code(R"({"schema":"faultline.localize/1","suspects":[],"enough_data":true})") ==
        ExitCode::kHealthy);
  CHECK(code(R"({"schema":"faultline.localize/1","suspects":[]})") == ExitCode::kInconclusive);
  CHECK(code(R"({"schema":"faultline.localize/1","suspects":[],"enough_data":true,
                 "unexplained_bad_flows":3})") == ExitCode::kHealthy);
  CHECK(code(R"({"schema":"faultline.localize/1","suspects":[],"enough_data":true,
                 "unexplained_bad_flows":104})") == ExitCode::kInconclusive);
  CHECK(code(R"({"schema":"faultline.matrix/1","rows":[{"cells":[null,{"loss":null}]}]})") ==
        ExitCode::kInconclusive);
  CHECK(code(R"({"schema":"faultline.matrix/1","rows":[{"cells":[null,{"loss":0.5}]}]})") ==
        ExitCode::kHealthy);
  CHECK(code(R"({"schema":"faultline.incidents/1","incidents":[{"state":"resolved"}]})") ==
        ExitCode::kHealthy);
  CHECK(code(R"({"schema":"faultline.incidents/1","incidents":[{"state":"open"}]})") ==
        ExitCode::kFaultFound);
  CHECK(code(R"({"schema":"faultline.nodes/1"})") == ExitCode::kHealthy);
}

}  // namespace faultline::cli

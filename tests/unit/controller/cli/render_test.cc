#include "controller/cli/render.h"

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
  view.cells[1]->lost = 3;
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

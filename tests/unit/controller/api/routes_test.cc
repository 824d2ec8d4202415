#include "controller/api/routes.h"

#include <nlohmann/json.hpp>

#include "tests/integration/controller/api/fake_backend.h"
#include "tests/support/catch.h"

namespace faultline::api {
namespace {

using Json = nlohmann::json;

Response get(FakeBackend& backend, const std::string& target) {
  return handle({"GET", target, ""}, backend);
}

// "404 not_found" of an error document.
std::string refusal(const Response& response) {
  const auto json = Json::parse(response.body);
  CHECK(json["schema"] == "faultline.error/1");
  CHECK_FALSE(json["error"]["message"].get<std::string>().empty());
  return std::to_string(response.status) + " " + json["error"]["code"].get<std::string>();
}

}  // namespace

TEST_CASE("every query answers with a document that names its schema first", "[api]") {
  FakeBackend backend;
  const std::pair<const char*, const char*> expected[] = {
      {"/api/v1/version", "faultline.version/1"},
      {"/api/v1/status", "faultline.status/1"},
      {"/api/v1/nodes", "faultline.nodes/1"},
      {"/api/v1/nodes/h1", "faultline.node/1"},
      {"/api/v1/tokens", "faultline.tokens/1"},
      {"/api/v1/trust", "faultline.trust/1"},
      {"/api/v1/matrix?by=node", "faultline.matrix/1"},
      {"/api/v1/localize?since=10m", "faultline.localize/1"},
      {"/api/v1/paths/h1/h9", "faultline.path/1"},
      {"/api/v1/history/h1/h9?since=1h", "faultline.history/1"},
      {"/api/v1/slo?by=rack&since=30d", "faultline.slo/1"},
      {"/api/v1/incidents?state=all", "faultline.incidents/1"},
      {"/api/v1/incidents?state=all&since=30d", "faultline.incidents/1"},
      {"/api/v1/incidents/i-42", "faultline.incident/1"},
      {"/api/v1/silences?state=all", "faultline.silences/1"},
      {"/api/v1/changes?since=10m", "faultline.changes/1"},
      {"/api/v1/anomalies", "faultline.anomalies/1"},
      {"/api/v1/alerts", "faultline.alerts/1"},
      {"/api/v1/topology", "faultline.topology/1"},
      {"/api/v1/tests/00000000000000aa", "faultline.ordered_test/1"},
      {"/api/v1/topology/export?format=json", "faultline.topology/1"},
  };
  for (const auto& [target, schema] : expected) {
    CAPTURE(target);
    const auto response = get(backend, target);
    CHECK(response.status == 200);
    CHECK(response.content_type == "application/json");
    const auto json = nlohmann::ordered_json::parse(response.body);
    CHECK(json.begin().key() == "schema");
    CHECK(json["schema"] == schema);
    CHECK(response.body.back() == '\n');
  }
}

TEST_CASE("an unknown resource, method, parameter or value is refused by name", "[api]") {
  FakeBackend backend;
  CHECK(refusal(get(backend, "/")) == "404 not_found");
  CHECK(refusal(get(backend, "/api/v1/nodes/h1/extra")) == "404 not_found");
  CHECK(refusal(get(backend, "/api/v1/nodes/unheard-of")) == "404 not_found");
  CHECK(refusal(get(backend, "/api/v1/status?verbose=1")) == "400 invalid");
  CHECK(refusal(get(backend, "/api/v1/matrix?by=two%20words")) == "400 invalid");
  CHECK(refusal(get(backend, "/api/v1/export?dst=h9")) == "400 invalid");
  CHECK(refusal(get(backend, "/api/v1/export?format=xml")) == "400 invalid");
  CHECK(refusal(get(backend, "/api/v1/export?rows=days")) == "400 invalid");
  CHECK(refusal(get(backend, "/api/v1/export?since=1099d")) == "400 invalid");
  CHECK(refusal(get(backend, "/api/v1/localize?at=yesterday")) == "400 invalid");
  CHECK(refusal(get(backend, "/api/v1/history/h1/h9?since=0s")) == "400 invalid");
  CHECK(refusal(get(backend, "/api/v1/history/h1/h9?since=1099d")) == "400 invalid");
  CHECK(refusal(get(backend, "/api/v1/incidents?state=closed")) == "400 invalid");
  CHECK(refusal(get(backend, "/api/v1/topology/export?format=svg")) == "400 invalid");
  CHECK(refusal(get(backend, "/api/v1/bundle")) == "400 invalid");
  const auto put = handle({"PUT", "/api/v1/nodes/h1", ""}, backend);
  CHECK(refusal(put) == "405 unsupported");
  CHECK(put.allow == "GET, DELETE");
}

TEST_CASE("what the backend cannot do becomes the fitting HTTP status", "[api]") {
  FakeBackend backend;
  const std::pair<ErrorCode, const char*> expected[] = {
      {ErrorCode::kInvalid, "400 invalid"},
      {ErrorCode::kDenied, "403 denied"},
      {ErrorCode::kNotFound, "404 not_found"},
      {ErrorCode::kConflict, "409 conflict"},
      {ErrorCode::kLimit, "429 limit"},
      {ErrorCode::kUnavailable, "503 unavailable"},
      {ErrorCode::kCorrupt, "500 corrupt"},
      {ErrorCode::kInternal, "500 internal"},
      {ErrorCode::kUnsupported, "400 unsupported"}};
  for (const auto& [code, text] : expected) {
    backend.error = Error{code, "because"};
    CHECK(refusal(get(backend, "/api/v1/status")) == text);
  }
}

TEST_CASE("parameters reach the backend as values", "[api]") {
  FakeBackend backend;
  get(backend, "/api/v1/localize?at=2026-11-22T03:00:00Z&since=10m");
  CHECK(backend.asked() == "localize at=2026-11-22T03:00:00Z since=10m");
  get(backend, "/api/v1/localize");
  CHECK(backend.asked() == "localize at=- since=-");
  get(backend, "/api/v1/matrix?at=2026-11-22T03:00:00Z&since=90s");
  CHECK(backend.asked() == "matrix at=2026-11-22T03:00:00Z since=90s");
}

TEST_CASE("a token is made for a name and a lifetime, and nothing else", "[api]") {
  FakeBackend backend;
  const auto post = [&](const std::string& body) {
    return handle({"POST", "/api/v1/tokens", body}, backend);
  };
  const auto made = post(R"({"node":"h7","lifetime_s":3600,"labels":{"rack":"r18"}})");
  CHECK(made.status == 201);
  const auto json = Json::parse(made.body);
  CHECK(json["token"] == "flt1.secret");
  CHECK(json["node"] == "h7");
  CHECK(json["labels"] == Json{{"rack", "r18"}});
  CHECK(json["expires"] == "2026-09-21T15:14:10Z");
  CHECK(Json::parse(post("").body)["node"].is_null());
  CHECK(refusal(post(R"({"node":"h1"})")) == "409 conflict");
  for (const auto* body :
       {"[]", "{", R"({"node":"not a name"})", R"({"nodes":"h7"})", R"({"lifetime_s":-1})",
        R"({"lifetime_s":0})", R"({"lifetime_s":2592001})", R"({"lifetime_s":"1h"})"}) {
    CAPTURE(body);
    CHECK(refusal(post(body)) == "400 invalid");
  }
}

TEST_CASE("a node is added by its key, and labels are pinned", "[api]") {
  FakeBackend backend;
  const std::string key(64, '7');
  const auto post = [&](const std::string& body) {
    return handle({"POST", "/api/v1/nodes", body}, backend);
  };
  const auto made = post(R"({"name":"h7","labels":{"rack":"r17"},"key":")" + key + R"("})");
  CHECK(made.status == 201);
  const auto json = Json::parse(made.body);
  CHECK(json["schema"] == "faultline.node/1");
  CHECK(json["key"] == key);
  CHECK(json["labels"] == Json{{"rack", "r17"}});
  CHECK(refusal(post(R"({"name":"h1","key":")" + key + R"("})")) == "409 conflict");
  for (const auto* body : {"", "[]", R"({"name":"h7"})", R"({"name":"h7","key":"77"})",
                           R"({"name":"h 7","key":"KEY"})", R"({"key":"KEY"})",
                           R"({"name":"h7","key":"KEY","labels":["rack"]})",
                           R"({"name":"h7","key":"KEY","labels":{"rack":7}})",
                           R"({"name":"h7","key":"KEY","rack":"r17"})"}) {
    CAPTURE(body);
    std::string text = body;
    if (const auto at = text.find("KEY"); at != std::string::npos) text.replace(at, 3, key);
    CHECK(refusal(post(text)) == "400 invalid");
  }
}

TEST_CASE("a new key is asked of a node, or of the controller", "[api]") {
  FakeBackend backend;
  const auto post = [&](const std::string& target, const std::string& body) {
    return handle({"POST", target, body}, backend);
  };
  CHECK(Json::parse(post("/api/v1/nodes/h1/rekey", "").body)["state"] == "asked");
  CHECK(refusal(post("/api/v1/nodes/h5/rekey", "")) == "404 not_found");
  CHECK(Json::parse(post("/api/v1/controller/rekey", "").body)["state"] == "announced");
  CHECK(Json::parse(post("/api/v1/controller/rekey", R"({"force":true})").body)["state"] ==
        "changed");
  CHECK(refusal(post("/api/v1/controller/rekey", R"({"force":1})")) == "400 invalid");
  CHECK(refusal(post("/api/v1/controller/rekey", R"({"forse":true})")) == "400 invalid");
}

TEST_CASE("nodes and tokens are removed by name", "[api]") {
  FakeBackend backend;
  const auto removed = handle({"DELETE", "/api/v1/nodes/h1", ""}, backend);
  CHECK(Json::parse(removed.body) ==
        Json{{"schema", "faultline.removed/1"}, {"kind", "node"}, {"name", "h1"}});
  CHECK(handle({"DELETE", "/api/v1/tokens/t1", ""}, backend).status == 200);
  CHECK(refusal(handle({"DELETE", "/api/v1/nodes/h9", ""}, backend)) == "403 denied");
  CHECK(is_mutation("DELETE"));
  CHECK_FALSE(is_mutation("GET"));
}

TEST_CASE("an operator acts on an incident, by his own name or by the one he gives", "[api]") {
  FakeBackend backend;
  const access::Principal caller{.name = "uid 1000", .peer = "pid 1"};
  const auto post = [&](const std::string& target, const std::string& body) {
    return handle({"POST", "/api/v1/incidents/" + target, body, caller}, backend);
  };
  CHECK(Json::parse(post("i-42/acknowledge", "").body)["acknowledged_by"] == "uid 1000");
  const auto resolved = post("i-42/resolve", R"({"author":"ada","comment":"port is shut"})");
  CHECK(Json::parse(resolved.body)["resolution"] == "by ada: port is shut");
  const auto noted = Json::parse(post("i-42/notes", R"({"text":"-19 dBm"})").body)["events"].back();
  CHECK(noted["what"] == "note");
  CHECK(noted["by"] == "uid 1000");
  CHECK(noted["text"] == "-19 dBm");
  CHECK(refusal(post("i-41/acknowledge", "")) == "404 not_found");
  CHECK(refusal(post("i-42/acknowledge", R"({"text":"x"})")) == "400 invalid");
  CHECK(refusal(post("i-42/notes", "[]")) == "400 invalid");
}

TEST_CASE("silences and maintenance windows are made, listed and ended", "[api]") {
  FakeBackend backend;
  const access::Principal caller{.name = "uid 1000", .peer = "pid 1"};
  const auto post = [&](const std::string& body) {
    return handle({"POST", "/api/v1/silences", body, caller}, backend);
  };
  const auto made =
      post(R"({"kind":"silence","selector":{"rack":"r1","node":["h1","h2"]},"comment":"why",)"
           R"("ends_at":"2026-11-22T03:00:00Z"})");
  CHECK(made.status == 201);
  CHECK(made.subject == "m-1f0c5a9b: silence of node=h1,h2 rack=r1");
  const auto silence = Json::parse(made.body);
  CHECK(silence["author"] == "uid 1000");
  CHECK(silence["selector"]["rack"] == Json::array({"r1"}));
  CHECK(silence["ends_at"] == "2026-11-22T03:00:00Z");
  const auto list = Json::parse(get(backend, "/api/v1/silences").body)["silences"];
  CHECK(list[0]["state"] == "active");
  const auto ended = handle({"DELETE", "/api/v1/silences/m-1f0c5a9b", "", caller}, backend);
  CHECK(Json::parse(ended.body)["ended_by"] == "uid 1000");
  CHECK(refusal(handle({"DELETE", "/api/v1/silences/m-2", "", caller}, backend)) ==
        "404 not_found");
  for (const char* bad :
       {"", R"({"kind":"silence"})",
        R"({"kind":"holiday","selector":{},"ends_at":"2026-11-22T03:00:00Z"})",
        R"({"kind":"silence","selector":{"rack":1},"ends_at":"2026-11-22T03:00:00Z"})",
        R"({"kind":"silence","selector":{"rack":"r1"},"ends_at":"tomorrow"})",
        R"({"kind":"silence","selector":{},"ends_at":"2026-11-22T03:00:00Z","x":1})"}) {
    CAPTURE(bad);
    CHECK(refusal(post(bad)) == "400 invalid");
  }
}

TEST_CASE("a bundle is streamed from the backend", "[api]") {
  FakeBackend backend;
  const auto response = get(backend, "/api/v1/bundle?since=10m");
  REQUIRE(response.stream);
  std::string text;
  CHECK(response.stream([&](std::string_view piece) -> Status {
    text += piece;
    return {};
  }));
  CHECK(text == "{\"line\":0}\n{\"line\":1}\n{\"line\":2}\n");
  CHECK(backend.asked() == "bundle since=10m");
}

TEST_CASE("an export is streamed, as CSV or as JSON Lines", "[api]") {
  FakeBackend backend;
  const auto all_of = [&](const std::string& target, const std::string& type) {
    const auto response = get(backend, target);
    CHECK(response.content_type == type);
    REQUIRE(response.stream);
    std::string text;
    CHECK(response.stream([&](std::string_view piece) -> Status {
      text += piece;
      return {};
    }));
    return text;
  };
  CHECK(all_of("/api/v1/export", "text/csv") == "one\ntwo\n");
  CHECK(backend.asked() == "export windows src= dst= since=10m");
  CHECK(all_of("/api/v1/export?src=h1&dst=h9&rows=hours&format=jsonl&since=30d",
               "application/jsonl") == "one\ntwo\n");
  CHECK(backend.asked() == "export hours src=h1 dst=h9 since=30d");
}

TEST_CASE("a matrix is grouped by any label", "[api]") {
  FakeBackend backend;
  CHECK(Json::parse(get(backend, "/api/v1/matrix?by=zone").body)["by"] == "zone");
  CHECK(Json::parse(get(backend, "/api/v1/matrix").body)["by"] == "rack");
}

TEST_CASE("metrics are OpenMetrics text", "[api]") {
  FakeBackend backend;
  const auto response = get(backend, "/metrics");
  CHECK(response.content_type.starts_with("application/openmetrics-text"));
  CHECK(response.body.ends_with("# EOF\n"));
}

}  // namespace faultline::api

// openapi.yaml is the contract: every route is in it, nothing else is, and every member that an
// answer has is described.
#include <algorithm>
#include <set>

#include <yaml-cpp/yaml.h>
#include <nlohmann/json.hpp>

#include "controller/api/routes.h"
#include "tests/integration/controller/api/fake_backend.h"
#include "tests/support/catch.h"

namespace faultline::api {
namespace {

std::string lower(std::string_view text) {
  std::string result;
  for (const char c : text)
    result += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

YAML::Node resolve(const YAML::Node& root, const YAML::Node& node) {
  if (!node["$ref"]) return node;
  auto found = YAML::Clone(root);
  std::string path = node["$ref"].as<std::string>().substr(2) + "/";
  for (auto end = path.find('/'); end != std::string::npos; end = path.find('/')) {
    found.reset(found[path.substr(0, end)]);
    path.erase(0, end + 1);
  }
  return found;
}

std::set<std::string> members(const YAML::Node& root, const YAML::Node& schema) {
  std::set<std::string> names;
  for (const auto& item : schema["properties"]) names.insert(item.first.as<std::string>());
  for (const auto& part : schema["allOf"]) names.merge(members(root, resolve(root, part)));
  return names;
}

// Where a document has members that its schema does not describe.
void check_described(const YAML::Node& root, const YAML::Node& schema, const nlohmann::json& json) {
  if (json.is_array() && schema["items"] && !json.empty()) {
    check_described(root, resolve(root, schema["items"]), json[0]);
  }
  if (!json.is_object() || !schema["properties"]) return;
  const auto known = members(root, schema);
  for (const auto& [name, value] : json.items()) {
    CAPTURE(name);
    CHECK(known.contains(name));
    if (schema["properties"][name]) {
      check_described(root, resolve(root, schema["properties"][name]), value);
    }
  }
}

}  // namespace

TEST_CASE("openapi.yaml lists exactly the routes that exist", "[api]") {
  std::set<std::string> documented;
  for (const auto& path : YAML::LoadFile(FAULTLINE_OPENAPI)["paths"]) {
    for (const auto& method : path.second) {
      const auto name = method.first.as<std::string>();
      if (name != "parameters") documented.insert(name + " " + path.first.as<std::string>());
    }
  }
  std::set<std::string> existing;
  for (const auto& route : all_routes()) {
    existing.insert(lower(route.method) + " " + std::string{route.pattern});
  }
  CHECK(documented == existing);
}

TEST_CASE("openapi.yaml names the role that each route needs", "[api]") {
  const auto paths = YAML::LoadFile(FAULTLINE_OPENAPI)["paths"];
  for (const auto& route : all_routes()) {
    CAPTURE(route.method, route.pattern);
    const auto operation = paths[std::string{route.pattern}][lower(route.method)];
    const auto role = operation["x-role"] ? operation["x-role"].as<std::string>() : "viewer";
    CHECK(role == to_string(route.role));
  }
}

TEST_CASE("openapi.yaml describes every member of every answer", "[api]") {
  FakeBackend backend;
  access::AuditRecord denial;
  denial.at = kFakeAccessNow;
  backend.access.record_denial(denial);
  const auto root = YAML::LoadFile(FAULTLINE_OPENAPI);
  const std::pair<const char*, Request> cases[] = {
      {"Version", {"GET", "/api/v1/version", ""}},
      {"Status", {"GET", "/api/v1/status", ""}},
      {"Nodes", {"GET", "/api/v1/nodes", ""}},
      {"Node", {"GET", "/api/v1/nodes/h1", ""}},
      {"Node", {"GET", "/api/v1/nodes/h9", ""}},  // in question
      {"Tokens", {"GET", "/api/v1/tokens", ""}},
      {"Token", {"POST", "/api/v1/tokens", ""}},
      {"Trust", {"GET", "/api/v1/trust", ""}},
      {"Rekey", {"POST", "/api/v1/controller/rekey", ""}},
      {"Removed", {"DELETE", "/api/v1/nodes/h1", ""}},
      {"ApiTokens", {"GET", "/api/v1/access/tokens", ""}},
      {"ApiToken", {"POST", "/api/v1/access/tokens", R"({"name":"x","role":"viewer"})"}},
      {"Audit", {"GET", "/api/v1/audit", ""}},
      {"Checkpoint", {"POST", "/api/v1/checkpoint", ""}},
      {"StandingTests", {"GET", "/api/v1/standing-tests", ""}},
      {"Matrix", {"GET", "/api/v1/matrix", ""}},
      {"Localize", {"GET", "/api/v1/localize", ""}},
      {"Path", {"GET", "/api/v1/paths/h1/h9", ""}},
      {"History", {"GET", "/api/v1/history/h1/h9", ""}},
      {"Incidents", {"GET", "/api/v1/incidents", ""}},
      {"Incident", {"GET", "/api/v1/incidents/i-42", ""}},
      {"Silences", {"GET", "/api/v1/silences", ""}},
      {"Silence", {"DELETE", "/api/v1/silences/m-1f0c5a9b", ""}},
      {"Changes", {"GET", "/api/v1/changes", ""}},
      {"Anomalies", {"GET", "/api/v1/anomalies", ""}},
      {"Alerts", {"GET", "/api/v1/alerts", ""}},
      {"AlertTest", {"POST", "/api/v1/receivers/pager/test", ""}},
      {"OrderedTest", {"POST", "/api/v1/nodes/h1/tests", "{}"}},
      {"Topology", {"GET", "/api/v1/topology", ""}},
      {"Plan", {"GET", "/api/v1/plan", ""}},
      {"NodePlan", {"GET", "/api/v1/plan/nodes/h1", ""}},
      {"PlanCoverage", {"GET", "/api/v1/plan/coverage", ""}},
      {"PlanBudget", {"GET", "/api/v1/plan/budget", ""}},
      {"PlanDiff", {"GET", "/api/v1/plan/diff", ""}},
      {"Error", {"GET", "/", ""}},
  };
  for (const auto& [name, request] : cases) {
    CAPTURE(name);
    const auto schema = root["components"]["schemas"][name];
    REQUIRE(schema);
    const auto json = nlohmann::json::parse(handle(request, backend).body);
    CHECK(schema["properties"]["schema"]["enum"][0].as<std::string>() == json["schema"]);
    check_described(root, schema, json);
  }
}

}  // namespace faultline::api

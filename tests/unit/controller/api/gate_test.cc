// Who may do what: every route, every role; and what is written down of it.
#include "controller/api/gate.h"

#include <set>

#include "tests/integration/controller/api/fake_backend.h"
#include "tests/support/catch.h"

namespace faultline::api {
namespace {

using access::AuditOutcome;
using access::Role;

constexpr WallTime kNow{std::chrono::seconds{1'790'000'000}};

access::Principal somebody(Role role) {
  return {.name = "token t", .peer = "192.0.2.7:4711", .role = role};
}

Request request_for(std::string_view method, std::string target) {
  return {.method = std::string(method), .target = std::move(target), .body = {}};
}

// The pattern with names in place of its {..}.
std::string concrete(std::string_view pattern) {
  std::string target(pattern);
  for (auto at = target.find('{'); at != std::string::npos; at = target.find('{')) {
    target.replace(at, target.find('}') - at + 1, "h1");
  }
  return target;
}

// The least role that the gate lets through; empty: not even an admin.
std::optional<Role> needed(const Request& request) {
  for (const auto role : {Role::kViewer, Role::kOperator, Role::kAdmin}) {
    if (!deny(request, somebody(role))) return role;
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("each route is open to the role that this table names, and to no lesser one", "[api]") {
  const std::map<std::string, Role> more_than_viewer{
      {"POST /api/v1/tokens", Role::kOperator},
      {"DELETE /api/v1/tokens/{id}", Role::kOperator},
      {"DELETE /api/v1/nodes/{name}", Role::kAdmin},
      {"POST /api/v1/nodes", Role::kAdmin},
      {"POST /api/v1/nodes/{name}/rekey", Role::kAdmin},
      {"POST /api/v1/controller/rekey", Role::kAdmin},
      {"POST /api/v1/checkpoint", Role::kAdmin},
      {"POST /api/v1/receivers/{name}/test", Role::kOperator},
      {"GET /api/v1/access/tokens", Role::kAdmin},
      {"POST /api/v1/access/tokens", Role::kAdmin},
      {"DELETE /api/v1/access/tokens/{name}", Role::kAdmin},
      {"GET /api/v1/audit", Role::kAdmin},
  };
  for (const auto& [name, role] : more_than_viewer) {
    const auto blank = name.find(' ');
    CAPTURE(name);
    CHECK(needed(request_for(name.substr(0, blank), concrete(name.substr(blank + 1)))) == role);
  }
  for (const auto& route : all_routes()) {
    const auto name = std::string(route.method) + " " + std::string(route.pattern);
    CAPTURE(name);
    const auto request = request_for(route.method, concrete(route.pattern));
    CHECK(needed(request) == route.role);
    // A viewer changes nothing, ever; and whoever is nobody gets nothing at all.
    if (is_mutation(route.method)) CHECK(route.role > Role::kViewer);
    const auto nobody = deny(request, fail(ErrorCode::kDenied, "no token"));
    REQUIRE(nobody);
    CHECK(nobody->status == 401);
  }
}

TEST_CASE("what has no route needs an admin where it might change something", "[api]") {
  CHECK(needed(request_for("POST", "/api/v1/not-there-yet")) == Role::kAdmin);
  CHECK(needed(request_for("PUT", "/api/v1/nodes/h1")) == Role::kAdmin);
  CHECK(needed(request_for("BREW", "%")) == Role::kAdmin);
  CHECK(needed(request_for("GET", "/nowhere")) == Role::kViewer);
}

TEST_CASE("a 403 names the role that is needed and the one that is held", "[api]") {
  const auto refusal = deny(request_for("DELETE", "/api/v1/nodes/h1"), somebody(Role::kOperator));
  REQUIRE(refusal);
  CHECK(refusal->status == 403);
  CHECK_THAT(
      refusal->body,
      Catch::Contains("DELETE /api/v1/nodes/{name} needs the role admin; token t is operator"));
}

TEST_CASE("a change is recorded with who, what and how it ended", "[api]") {
  FakeBackend backend;
  auto request = request_for("DELETE", "/api/v1/nodes/h1");
  request.caller = somebody(Role::kAdmin);
  CHECK(carry_out(request, backend, kNow).status == 200);
  request.target = "/api/v1/nodes/unheard-of";
  CHECK(carry_out(request, backend, kNow).status == 404);
  const auto records = backend.access.records();
  REQUIRE(records.size() == 2);
  CHECK(records[0] == access::AuditRecord{.number = 1,
                                          .at = kNow,
                                          .who = "token t",
                                          .peer = "192.0.2.7:4711",
                                          .role = "admin",
                                          .method = "DELETE",
                                          .route = "/api/v1/nodes/{name}",
                                          .subject = "h1",
                                          .outcome = AuditOutcome::kDone,
                                          .status = 200,
                                          .reason = {}});
  CHECK(records[1].outcome == AuditOutcome::kRefused);
  CHECK(records[1].subject == "unheard-of");
}

TEST_CASE("what is made is named in the record, and its secret is not", "[api]") {
  FakeBackend backend;
  auto request = request_for("POST", "/api/v1/tokens");
  request.body = R"({"node":"h7"})";
  REQUIRE(carry_out(request, backend, kNow).status == 201);
  request.target = "/api/v1/access/tokens";
  request.body = R"({"name":"grafana","role":"viewer"})";
  const auto made = carry_out(request, backend, kNow);
  REQUIRE(made.status == 201);
  CHECK_THAT(made.body, Catch::Contains(fake_token_text(99)));
  const auto records = backend.access.records();
  REQUIRE(records.size() == 2);
  CHECK(records[0].subject == "t1 for h7");
  CHECK(records[1].subject == "grafana (viewer)");
  for (const auto& record : records) {
    CHECK_THAT(to_json(record), !Catch::Contains("flo_") && !Catch::Contains("secret"));
  }
}

TEST_CASE("a change that cannot be recorded is not made", "[api]") {
  FakeBackend backend;
  backend.access.broken = Error{ErrorCode::kUnavailable, "No space left on device"};
  auto request = request_for("POST", "/api/v1/access/tokens");
  request.body = R"({"name":"grafana","role":"viewer"})";
  const auto refused = carry_out(request, backend, kNow);
  CHECK(refused.status == 503);
  CHECK_THAT(refused.body,
             Catch::Contains("nothing was changed") && Catch::Contains("No space left"));
  const auto tokens = *backend.access.api_tokens();
  CHECK(std::ranges::none_of(tokens, [](const auto& token) { return token.name == "grafana"; }));
  // Reading goes on.
  CHECK(carry_out(request_for("GET", "/api/v1/status"), backend, kNow).status == 200);
}

TEST_CASE("reading is not recorded", "[api]") {
  FakeBackend backend;
  for (const auto& route : all_routes()) {
    if (route.method != "GET") continue;
    (void)carry_out(request_for("GET", concrete(route.pattern)), backend, kNow);
  }
  CHECK(backend.access.records().empty());
}

TEST_CASE("a denied attempt is told from where and why, without what was shown", "[api]") {
  const auto request = request_for("DELETE", "/api/v1/nodes/h1?secret=flo_x");
  const auto nobody =
      denial_record(request, fail(ErrorCode::kDenied, "not known"), "192.0.2.7:1", kNow);
  CHECK(nobody.who == "nobody");
  CHECK(nobody.peer == "192.0.2.7:1");
  CHECK(nobody.status == 401);
  CHECK(nobody.outcome == AuditOutcome::kDenied);
  CHECK(nobody.reason == "not known");
  CHECK_THAT(to_json(nobody), !Catch::Contains("flo_x"));
  const auto viewer = denial_record(request, somebody(Role::kViewer), "192.0.2.7:1", kNow);
  CHECK(viewer.who == "token t");
  CHECK(viewer.status == 403);
  CHECK_THAT(viewer.reason, Catch::Contains("needs the role admin"));
}

}  // namespace faultline::api

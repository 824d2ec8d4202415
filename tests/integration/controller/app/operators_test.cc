// What operators change is what they see next.
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "tests/integration/controller/app/fake_node.h"
#include "tests/support/test_authority.h"

namespace faultline::tests {
namespace {

TEST_CASE("a change shows in the very next answer", "[controller][api]") {
  Stage stage;
  stage.start();
  Node node(stage, "a", "127.0.0.2");
  const auto nodes = [&] { return stage.get("/api/v1/nodes").at("nodes").size(); };
  const auto tokens = [&] { return stage.get("/api/v1/tokens").at("tokens").size(); };
  for (std::size_t made = 1; made <= 5; ++made) {
    (void)stage.make_token("n" + std::to_string(made));
    CHECK(tokens() == made);
  }
  stage.wait_for_metric("faultline_nodes{state=\"total\"}", 1);
  stage.remove_node("a");
  CHECK(nodes() == 0);
  CHECK(stage.end(SIGTERM).status == 0);
}

TEST_CASE("over TLS a token opens the API after a restart, and changes stay in the audit log",
          "[controller][api]") {
  TestAuthority authority;
  authority.sign();
  const auto port = find_ports();
  Stage stage;
  // One `api` section: the socket that the stage uses, and TLS.
  const auto config = stage.folder().path() / "controller.yaml";
  std::ofstream(config) << "data_dir: " << (stage.folder().path() / "data").string()
                        << "\nlisten: " << stage.endpoint()
                        << "\napi:\n  socket: " << (stage.folder().path() / "api.sock").string()
                        << "\n  tls: {listen: '127.0.0.1:" << port
                        << "', certificate: " << authority.certificate().string()
                        << ", key: " << authority.key().string() << "}\n";
  stage.start();
  const auto token = stage.make_api_token("ops", "operator");
  const auto reach = [&] {
    auto client = cli::ApiClient::create({.api = "https://localhost:" + std::to_string(port),
                                          .token = token,
                                          .ca_file = authority.authority().string()});
    REQUIRE(client);
    return *std::move(client);
  };
  REQUIRE(reach().post("/api/v1/tokens", R"({"node":"h7"})"));
  CHECK(stage.end(SIGTERM).status == 0);
  stage.start();
  CHECK(reach().get("/api/v1/status"));
  const auto denied = reach().get("/api/v1/audit");
  REQUIRE_FALSE(denied);
  CHECK(denied.error().exit_code == cli::ExitCode::kDenied);
  stage.wait_for("the denial in the audit log",
                 [&] { return stage.get("/api/v1/audit").at("records").size() == 3; });
  const auto records = stage.get("/api/v1/audit").at("records");
  CHECK(records[0].at("who") == "uid " + std::to_string(::geteuid()));
  CHECK(records[0].at("subject") == "ops (operator)");
  CHECK(records[1].at("who") == "token ops");
  CHECK(records[1].at("outcome") == "done");
  CHECK(records[2].at("outcome") == "denied");
  CHECK(stage.metric("faultline_api_forbidden_total") == 1);
  CHECK(stage.metric("faultline_api_certificate_expires_seconds") > 1'700'000'000);

  // SIGHUP takes the renewed certificate at once; a broken one changes nothing.
  authority.sign();
  stage.signal(SIGHUP);
  stage.wait_for_metric("faultline_api_certificate_reloads_total", 1);
  std::ofstream(authority.certificate()) << "broken\n";
  stage.signal(SIGHUP);
  stage.wait_for_metric("faultline_api_certificate_reload_failures_total", 1);
  CHECK(reach().get("/api/v1/status"));
  CHECK(stage.end(SIGTERM).status == 0);
}

}  // namespace
}  // namespace faultline::tests

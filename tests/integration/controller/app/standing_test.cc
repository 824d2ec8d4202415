// Tests that a real controller orders from real probes: standing ones, and by STAMP of a node that
// does not know the tester.
#include <signal.h>

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "common/crypto/token.h"
#include "tests/integration/controller/app/stage.h"

namespace faultline::tests {
namespace {

// On a loopback address of its own.
class RealProbe {
 public:
  RealProbe(const Stage& stage, const std::string& name, const std::string& address,
            std::uint16_t ports)
      : process_({"--config",
                  write_file(folder_.path() / "probe.yaml",
                             fmt::format("state_dir: {}\naddress: {}\ntoken: {}\n"
                                         "ports: {{first: {}, count: 2}}\nreflector_port: {}\n"
                                         "mesh_port: {}\n",
                                         (folder_.path() / "state").string(), address,
                                         crypto::format_token(stage.make_token(name)), ports,
                                         ports + 2, ports + 3))},
                 folder_.path(), FAULTLINE_PROBE),
        reflector_port_(static_cast<std::uint16_t>(ports + 2)) {}

  [[nodiscard]] std::uint16_t reflector_port() const { return reflector_port_; }
  Exit end() { return process_.end(SIGTERM); }

 private:
  Folder folder_;
  ControllerProcess process_;
  std::uint16_t reflector_port_;
};

constexpr const char* kTests = R"(window: 1s
tests:
  - {name: closed, kind: port, port: 1, count: 1, from: {node: a}, to: {node: b}, every: 10s}
  - {name: there, kind: ping, method: stamp, count: 2, from: {node: b}, to: {node: a}, every: 10s}
)";

struct Pair {
  Stage stage{kTests, "plan: {flows_per_pair: 2, reply_timeout: 300ms}\n"};
  std::optional<RealProbe> a{};
  std::optional<RealProbe> b{};

  Pair() {
    stage.start();
    a.emplace(stage, "a", "127.71.0.1", find_ports());
    b.emplace(stage, "b", "127.71.0.2", find_ports());
    stage.wait_for_metric("faultline_nodes{state=\"live\"}", 2);
  }
  nlohmann::json standing(const std::string& name) const {
    return stage.get("/api/v1/standing-tests?name=" + name).at("tests").at(0).at("pairs").at(0);
  }
};

TEST_CASE("a standing test of a closed port opens an incident, one that is answered does not",
          "[controller][tests]") {
  Pair fleet;
  auto& stage = fleet.stage;
  // Of the component with this id; null while there is none. Windows of a second may have others
  // where a probe stands still for one.
  const auto incident_of = [&](const std::string& component) {
    const auto open = stage.get("/api/v1/incidents?state=open").at("incidents");
    const auto found = std::ranges::find_if(
        open, [&](const auto& each) { return each.at("component").at("id") == component; });
    return found == open.end() ? nlohmann::json{} : *found;
  };
  nlohmann::json incident;
  stage.wait_for("an incident of the closed port",
                 [&] { return !(incident = incident_of("test:closed")).is_null(); });
  CHECK(incident.at("component").at("kind") == "test");
  CHECK(incident.at("class") == "test_failing");
  stage.wait_for_log({"standing test closed, a to b: refused"});
  // What is shown of the tests is made once a second.
  nlohmann::json closed;
  stage.wait_for("the test to be shown as failing", [&] {
    closed = fleet.standing("closed");
    return closed.at("failing") == true && closed.at("verdict") == "refused";
  });
  CHECK(closed.at("outcome") == "fault");
  // The answer to a probe that stands still is late, and the next run's is not.
  stage.wait_for("the other test to be answered",
                 [&] { return fleet.standing("there").at("verdict") == "answered"; });
  CHECK(incident_of("test:there").is_null());
  stage.wait_for("one pair to be counted as failing",
                 [&] { return stage.metric("faultline_standing_test_pairs_failing") == 1; });
  CHECK(fleet.a->end().status == 0);
  CHECK(fleet.b->end().status == 0);
  CHECK(fleet.stage.end(SIGTERM).status == 0);
}

TEST_CASE("a test by STAMP is answered though its packets come from nobody's address in the plan",
          "[controller][tests]") {
  Pair fleet;
  const auto ordered =
      fleet.stage.post("/api/v1/nodes/a/tests", {{"kind", "ping"},
                                                 {"method", "stamp"},
                                                 {"target", "b"},
                                                 {"source", "127.71.0.99"},
                                                 {"port", fleet.b->reflector_port()},
                                                 {"count", 2},
                                                 {"interval_ms", 20}});
  const auto test = [&] {
    return fleet.stage.get("/api/v1/tests/" + ordered.at("id").get<std::string>());
  };
  fleet.stage.wait_for("the report", [&] { return test().at("state") != "running"; });
  INFO(test().dump());
  REQUIRE(test().at("state") == "done");
  const auto report = test().at("report");
  CHECK(report.at("source") == "127.71.0.99");
  CHECK(report.at("verdict") == "answered");
  CHECK(report.at("remarks").empty());
  CHECK(fleet.stage.end(SIGTERM).status == 0);
}

}  // namespace
}  // namespace faultline::tests

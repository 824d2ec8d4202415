// Enrolment and keys with the real programs: a controller, and probes that measure each other
// through all of it. Not a window may be missing afterwards.
#include <signal.h>

#include <set>

#include "tests/integration/controller/app/controller_process.h"
#include "tests/integration/controller/app/stage.h"

namespace faultline::tests {
namespace {

using nlohmann::json;

constexpr const char* kQuick = "window: 1s\nheartbeat: 1s\n";
// Where every window counts: a busy machine holds a probe up for a second, not for three.
constexpr std::chrono::seconds kCountedWindow{3};
constexpr const char* kCounted = "window: 3s\nheartbeat: 1s\n";
constexpr const char* kQuickPlan = "plan: {flows_per_pair: 2, reply_timeout: 300ms}\n";

class Probe {
 public:
  Probe(Stage& stage, std::string name, std::string address)
      : stage_(stage), name_(std::move(name)), address_(std::move(address)), ports_(find_ports()) {}

  void configure(const std::string& way_in) {
    file_ =
        write_file(folder_.path() / "probe.yaml",
                   "state_dir: " + (folder_.path() / "state").string() + "\naddress: " + address_ +
                       "\nname: " + name_ + "\nports: {first: " + std::to_string(ports_) +
                       ", count: 2}\nreflector_port: " + std::to_string(ports_ + 2) +
                       "\nmesh_port: " + std::to_string(ports_ + 3) + "\n" + way_in);
  }
  void start() {
    process_ = std::make_unique<ControllerProcess>(std::vector<std::string>{"--config", file_},
                                                   folder_.path(), FAULTLINE_PROBE);
  }
  int stop(int signal) { return process_->end(signal).status; }
  [[nodiscard]] std::string log() const { return process_->log(); }
  [[nodiscard]] std::string print_key() const {
    const Folder scratch;
    ControllerProcess printing({"--config", file_, "--print-key"}, scratch.path(), FAULTLINE_PROBE);
    const auto exit = printing.end(0);
    CHECK(exit.status == 0);
    return exit.output.substr(0, exit.output.find('\n'));
  }
  void join_with(const std::string& token) {
    configure("token_file: " + write_file(folder_.path() / "token", token + "\n") + "\n");
  }

  [[nodiscard]] json trusted() const {
    const auto trust = stage_.get("/api/v1/trust");
    for (const auto& node : trust.at("nodes")) {
      if (node.at("name") == name_) return node;
    }
    return {};
  }
  [[nodiscard]] std::string key() const { return trusted().at("keys").at(0).at("key"); }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  Stage& stage_;
  Folder folder_;
  std::string name_;
  std::string address_;
  std::uint16_t ports_;
  std::string file_;
  std::unique_ptr<ControllerProcess> process_;
};

bool knows_controller_keys(const Probe& probe) {
  const auto node = probe.trusted();
  return !node.is_null() && node.at("knows_controller_keys");
}

bool all_live(Stage& stage, std::size_t nodes) {
  const auto counts = stage.get("/api/v1/status").at("nodes");
  return counts.at("total") == nodes && counts.at("live") == nodes;
}

json history(Stage& stage, const std::string& src, const std::string& dst) {
  return stage.get("/api/v1/history/" + src + "/" + dst + "?since=10m").at("rows");
}

// From the first window on every one is there.
bool is_whole(const json& rows) {
  const auto start = [](const json& row) {
    return *parse_rfc3339(row.at("window_start").get<std::string>());
  };
  const auto length = start(rows.back()) - start(rows.front());
  return length == kCountedWindow * static_cast<std::int64_t>(rows.size() - 1);
}

void wait_for_rows(Stage& stage, const std::string& src, const std::string& dst, std::size_t more) {
  const auto before = history(stage, src, dst).size();
  stage.wait_for("windows of " + src,
                 [&] { return history(stage, src, dst).size() >= before + more; });
}

TEST_CASE(
    "nodes enrol by token and by key, change keys, and the controller changes its own; no "
    "window is missing",
    "[controller][keys]") {
  Stage stage(kCounted, kQuickPlan);
  stage.start();
  Probe h1(stage, "h1", "127.0.0.1");
  Probe h2(stage, "h2", "127.0.0.2");

  const auto token = stage.post(
      "/api/v1/tokens",
      {{"node", "h1"}, {"labels", {{"rack", "r17"}, {"zone", "east"}}}, {"lifetime_s", 7200}});
  CHECK(token.at("labels") == json{{"rack", "r17"}, {"zone", "east"}});
  CHECK(stage.get("/api/v1/tokens").at("tokens").at(0).at("labels").at("rack") == "r17");
  h1.join_with(token.at("token"));
  h1.start();

  const auto controller = stage.get("/api/v1/trust").at("controller").at("keys").at(0).at("key");
  h2.configure("controllers: [{endpoint: \"" + stage.endpoint() +
               "\", key: " + controller.get<std::string>() + "}]\n");
  const auto h2_key = h2.print_key();
  CHECK(h2.print_key() == h2_key);
  const json h2_node{{"name", "h2"}, {"key", h2_key}, {"labels", {{"rack", "r18"}}}};
  CHECK(stage.post("/api/v1/nodes", h2_node).at("labels") == json{{"rack", "r18"}});
  h2.start();
  stage.wait_for("both to be live", [&] { return all_live(stage, 2); });
  CHECK(stage.get("/api/v1/nodes/h1").at("labels") == json{{"rack", "r17"}, {"zone", "east"}});
  CHECK(h1.trusted().at("how") == "token");
  CHECK(h2.trusted().at("how") == "pre-placed");
  stage.wait_for("a first window", [&] { return !history(stage, "h1", "h2").empty(); });
  wait_for_rows(stage, "h2", "h1", 3);

  // A node's key.
  const auto h1_key = h1.key();
  CHECK(stage.post("/api/v1/nodes/h1/rekey", json::object()).at("state") == "asked");
  stage.wait_for("h1's new key",
                 [&] { return h1.key() != h1_key && !h1.trusted().at("rekey_asked").get<bool>(); });
  CHECK(h1.trusted().at("keys").size() == 1);
  wait_for_rows(stage, "h1", "h2", 3);

  // The controller's key.
  const auto answer = stage.post("/api/v1/controller/rekey", {{"force", false}});
  CHECK(answer.at("state") == "announced");
  stage.wait_for("the controller's new key", [&] {
    const auto trust = stage.get("/api/v1/trust").at("controller");
    return trust.at("keys").size() == 1 && trust.at("keys").at(0).at("key") != controller &&
           trust.at("acknowledged") == 2;
  });
  stage.wait_for("both to be live again", [&] { return all_live(stage, 2); });
  wait_for_rows(stage, "h1", "h2", 3);
  wait_for_rows(stage, "h2", "h1", 3);
  CHECK_FALSE(std::filesystem::exists(stage.folder().path() / "data" / "controller.next.key"));

  // All of it again after both sides have restarted: what was changed was durable.
  CHECK(h1.stop(SIGKILL) < 0);
  CHECK(stage.end(SIGTERM).status == 0);
  stage.start();
  h1.start();
  stage.wait_for("both to be live after a restart", [&] { return all_live(stage, 2); });
  wait_for_rows(stage, "h2", "h1", 3);
  // What was spooled meanwhile comes after what is new; a hole that stays ends the test.
  stage.wait_for("every window of h2", [&] { return is_whole(history(stage, "h2", "h1")); });
  CHECK(stage.metric("faultline_ingest_gaps_total") == 0);
  CHECK(h1.stop(SIGTERM) == 0);
  CHECK(h2.stop(SIGTERM) == 0);
  CHECK(stage.end(SIGTERM).status == 0);
}

TEST_CASE("a removed node that is given a new token joins anew, as another node",
          "[controller][keys]") {
  Stage stage(std::string(kQuick), kQuickPlan);
  stage.start();
  Probe h1(stage, "h1", "127.0.0.1");
  h1.join_with(stage.post("/api/v1/tokens", {{"node", "h1"}}).at("token"));
  h1.start();
  stage.wait_for("h1 to be live", [&] { return all_live(stage, 1); });
  const auto id = stage.get("/api/v1/nodes/h1").at("id").get<int>();

  stage.remove_node("h1");
  stage.wait_for("h1 to be refused", [&] {
    return h1.log().find("refuses this probe (unknown_key)") != std::string::npos;
  });
  CHECK(h1.stop(SIGTERM) == 0);
  h1.join_with(stage.post("/api/v1/tokens", {{"node", "h1"}}).at("token"));
  h1.start();
  stage.wait_for("h1 to be live again", [&] { return all_live(stage, 1); });
  CHECK(stage.get("/api/v1/nodes/h1").at("id").get<int>() == id + 1);
  CHECK(h1.stop(SIGTERM) == 0);
  CHECK(stage.end(SIGTERM).status == 0);
}

TEST_CASE(
    "a node that was away while the controller's key was changed by force is named, and gets "
    "in with a new token",
    "[controller][keys]") {
  Stage stage(std::string(kQuick), kQuickPlan);
  stage.start();
  Probe h1(stage, "h1", "127.0.0.1");
  h1.join_with(stage.post("/api/v1/tokens", {{"node", "h1"}}).at("token"));
  h1.start();
  stage.wait_for("h1 to know the controller's key", [&] { return knows_controller_keys(h1); });
  CHECK(h1.stop(SIGTERM) == 0);

  CHECK(stage.post("/api/v1/controller/rekey", {{"force", false}}).at("missing") ==
        json::array({"h1"}));
  CHECK(stage.get("/api/v1/trust").at("controller").at("keys").size() == 2);
  const auto forced = stage.post("/api/v1/controller/rekey", {{"force", true}});
  CHECK(forced.at("state") == "changed");
  CHECK(forced.at("missing") == json::array({"h1"}));
  stage.wait_for_log({"serves under the key"});

  h1.join_with(stage.post("/api/v1/tokens", json::object()).at("token"));
  h1.start();
  // Its key is still trusted: the token tells it the controller's new key, and stays unspent.
  stage.wait_for("h1 to know the new key", [&] { return knows_controller_keys(h1); });
  CHECK(h1.stop(SIGTERM) == 0);
  CHECK(stage.end(SIGTERM).status == 0);
}

}  // namespace
}  // namespace faultline::tests

// What the service manager and --health are told of the real process.
#include <signal.h>

#include <chrono>
#include <memory>

#include "tests/integration/probe/app/fake_controller.h"
#include "tests/integration/probe/app/scene.h"
#include "tests/support/service_manager.h"

namespace faultline::tests {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kWatchdog{2'000};
constexpr milliseconds kSilence = 2 * kWatchdog;

class Service {
 public:
  Service() : notify_(folder_.path()), controller_(crypto::generate_key_pair()) {
    options_ = {.folder = folder_.path(),
                .token = controller_.make_token(NodeId{1}),
                .port_base = find_ports()};
    const EnvironmentVariable socket("NOTIFY_SOCKET", notify_.path());
    const EnvironmentVariable watchdog("WATCHDOG_USEC", std::to_string(kWatchdog.count() * 1'000));
    process_ = std::make_unique<ProbeProcess>(options_);
  }

  [[nodiscard]] NotifySocket& notify() { return notify_; }
  [[nodiscard]] FakeController& controller() { return controller_; }
  [[nodiscard]] ProbeProcess& process() { return *process_; }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path(); }
  [[nodiscard]] Exit health() const {
    return run_probe({"--health", "--config", (folder_.path() / "probe.yaml").string()});
  }
  void give_plan() {
    REQUIRE(controller_.run_until([&] { return controller_.seen<Hello>().size() == 1; }));
    const auto key = controller_.nodes().begin()->first;
    controller_.plans[key] = plan_for(NodeId{1}, options_.port_base);
    controller_.send_plan(key);
  }
  // Until the record says so; the controller goes on meanwhile.
  [[nodiscard]] Exit wait_for_health(int status, const std::string& words) {
    Exit exit;
    const bool done = controller_.run_until([&] {
      exit = health();
      return exit.status == status && exit.errors.find(words) != std::string::npos;
    });
    CAPTURE(exit.errors);
    CHECK(done);
    return exit;
  }

 private:
  Folder folder_;
  NotifySocket notify_;
  FakeController controller_;
  ProbeOptions options_;
  std::unique_ptr<ProbeProcess> process_;
};

TEST_CASE("a probe is ready when its sockets are open, and healthy when it measures",
          "[probe][service]") {
  Service service;
  static_cast<void>(service.notify().wait_for("READY=1"));
  static_cast<void>(service.wait_for_health(1, "has not joined"));
  service.give_plan();
  const auto measuring = service.wait_for_health(0, "measures 2 sessions by plan 1");
  CHECK(measuring.errors.starts_with("healthy: node 1 \"n1\""));
  CHECK_THAT(service.notify().wait_for("STATUS=healthy"), Catch::Contains("by plan 1"));
  CHECK(service.notify().count("WATCHDOG=1", kSilence) >= 2);

  ::kill(service.process().pid(), SIGTERM);
  static_cast<void>(service.notify().wait_for("STOPPING=1"));
  CHECK(service.process().end(0).status == 0);
  const auto gone = service.health();
  CHECK(gone.status == 1);
  CHECK_THAT(gone.errors, Catch::Contains("faultline-probe does not run"));
}

TEST_CASE("a killed probe is not healthy, though its record is fresh", "[probe][service]") {
  Service service;
  service.give_plan();
  static_cast<void>(service.wait_for_health(0, "healthy"));
  static_cast<void>(service.process().end(SIGKILL));
  const auto gone = service.health();
  CHECK(gone.status == 1);
  CHECK_THAT(gone.errors, Catch::Contains("does not run: process"));
}

TEST_CASE("an engine that hangs is named and holds the keep-alive back", "[probe][service]") {
  Service service;
  static_cast<void>(service.notify().wait_for("WATCHDOG=1"));
  // An engine without a plan sleeps, and lives.
  CHECK(service.notify().count("WATCHDOG=1", kSilence) >= 2);
  FrozenThread engine(thread_named(service.process().pid(), "engine"));
  if (!engine.held()) {
    WARN("SKIPPED: this machine does not allow ptrace");
    return;
  }
  CHECK_THAT(service.notify().wait_for("stuck"),
             Catch::Contains("STATUS=stuck: the engine thread has not moved for"));
  CHECK(service.notify().count("WATCHDOG=1", kSilence) == 0);
  static_cast<void>(service.wait_for_health(1, "the engine thread has not moved"));
  engine.release();
  static_cast<void>(service.notify().wait_for("WATCHDOG=1"));
  CHECK(service.process().end(SIGTERM).status == 0);
}

TEST_CASE("--wait ends when the probe measures, or with why it does not", "[probe][service]") {
  Service service;
  static_cast<void>(service.notify().wait_for("READY=1"));
  const auto& config = (service.folder() / "probe.yaml").string();
  const auto early = run_probe({"--health", "--wait", "1s", "--config", config});
  CHECK(early.status == 1);
  CHECK_THAT(early.errors, Catch::Contains("not healthy: "));
  service.give_plan();
  REQUIRE(service.controller().run_until([&] { return service.controller().batches.size() >= 1; }));
  const auto waited = run_probe({"--health", "--wait", "60s", "--config", config});
  CHECK(waited.status == 0);
  CHECK(run_probe({"--health", "--wait", "soon", "--config", config}).status == 3);
  CHECK(run_probe({"--wait", "1s", "--config", config}).status == 3);
}

}  // namespace
}  // namespace faultline::tests

// What the service manager hears of the real process, and when it hears nothing.
#include <signal.h>

#include <chrono>
#include <thread>

#include "controller/cli/client.h"
#include "tests/integration/controller/app/stage.h"
#include "tests/support/service_manager.h"

namespace faultline::tests {
namespace {

using std::chrono::milliseconds;

// The keep-alive is sent at half of it, and a job may take four times as long.
constexpr milliseconds kWatchdog{1'000};
constexpr milliseconds kSilence = 2 * kWatchdog;

class Service {
 public:
  Service()
      : notify_(folder_.path()),
        config_(write_file(folder_.path() / "controller.yaml", minimal_config(folder_.path()))) {
    const EnvironmentVariable socket("NOTIFY_SOCKET", notify_.path());
    const EnvironmentVariable watchdog("WATCHDOG_USEC", std::to_string(kWatchdog.count() * 1'000));
    process_ = std::make_unique<ControllerProcess>(std::vector<std::string>{"--config", config_},
                                                   folder_.path());
  }

  [[nodiscard]] NotifySocket& notify() { return notify_; }
  [[nodiscard]] ControllerProcess& process() { return *process_; }
  [[nodiscard]] const std::string& config() const { return config_; }
  [[nodiscard]] cli::Outcome<cli::ApiClient> client() const {
    return cli::ApiClient::create({.api = "unix:" + (folder_.path() / "api.sock").string()});
  }

 private:
  Folder folder_;
  NotifySocket notify_;
  std::string config_;
  std::unique_ptr<ControllerProcess> process_;
};

TEST_CASE("READY comes when the controller can be used, STOPPING when it ends", "[service]") {
  Service service;
  const auto ready = service.notify().wait_for("READY=1");
  CHECK_THAT(ready, Catch::Contains("STATUS=0 of 0 nodes live, 0 incidents open"));
  const auto client = service.client();
  REQUIRE(client);
  CHECK(client->get("/api/v1/version"));
  const auto health = run_controller({"--health", "--config", service.config()});
  CHECK(health.status == 0);
  CHECK(health.output == "healthy: 0 of 0 nodes live, 0 incidents open\n");

  CHECK_THAT(service.notify().wait_for("STATUS="), Catch::Contains("nodes live"));
  service.notify().wait_for_more("WATCHDOG=1", 2);
  ::kill(service.process().pid(), SIGTERM);
  CHECK_THAT(service.notify().wait_for("STOPPING=1"), Catch::Contains("STATUS=stopping"));
  const auto end = service.process().end(0);
  CHECK(end.status == 0);
  // Asked of the whole log: a thread of its own writes it, whenever it gets to run.
  CHECK_THAT(end.errors, Catch::Contains("probes at tcp://127.0.0.1:"));
  const auto gone = run_controller({"--health", "--config", service.config()});
  CHECK(gone.status == 1);
  CHECK_THAT(gone.output, Catch::StartsWith("not healthy: cannot reach the controller"));
}

TEST_CASE("a loop that hangs sends no keep-alive", "[service]") {
  Service service;
  static_cast<void>(service.notify().wait_for("WATCHDOG=1"));
  FrozenThread loop(service.process().pid());
  if (!loop.held()) {
    WARN("SKIPPED: this machine does not allow ptrace");
    return;
  }
  service.notify().drain();
  CHECK(service.notify().count("WATCHDOG=1", kSilence) == 0);
  loop.release();
  static_cast<void>(service.notify().wait_for("WATCHDOG=1"));
}

TEST_CASE("a writer that hangs is named and holds the keep-alive back", "[service]") {
  Service service;
  static_cast<void>(service.notify().wait_for("WATCHDOG=1"));
  FrozenThread writer(thread_named(service.process().pid(), "writer"));
  if (!writer.held()) {
    WARN("SKIPPED: this machine does not allow ptrace");
    return;
  }
  // Nothing to do is no reason: the loop goes on, and so does the keep-alive.
  service.notify().wait_for_more("WATCHDOG=1", 2);
  // A change that cannot become durable; who asked gives up after a while.
  std::thread asking([&service] {
    const auto client = service.client();
    if (client) static_cast<void>(client->remove("/api/v1/nodes/nobody"));
    if (client) static_cast<void>(client->post("/api/v1/tokens", ""));
  });
  CHECK_THAT(service.notify().wait_for("stuck"),
             Catch::Contains("STATUS=stuck: the writer thread has not moved for"));
  CHECK(service.notify().count("WATCHDOG=1", kSilence) == 0);
  writer.release();
  static_cast<void>(service.notify().wait_for("WATCHDOG=1"));
  asking.join();
  CHECK(service.process().end(SIGTERM).status == 0);
  CHECK_THAT(service.process().log(), Catch::Contains("no longer stuck"));
}

}  // namespace
}  // namespace faultline::tests

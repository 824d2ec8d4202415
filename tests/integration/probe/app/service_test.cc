// What the service manager and --health are told of the real process.
#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <optional>

#include <nlohmann/json.hpp>

#include "common/net/unique_fd.h"
#include "probe/stamp/packet.h"

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
  explicit Service(bool full = false)
      : notify_(folder_.path()), controller_(crypto::generate_key_pair()) {
    if (full) notify_.fill();
    options_ = {.folder = folder_.path(),
                .token = controller_.make_token(NodeId{1}),
                .port_base = find_ports()};
    const EnvironmentVariable socket("NOTIFY_SOCKET", notify_.path());
    const EnvironmentVariable watchdog("WATCHDOG_USEC", std::to_string(kWatchdog.count() * 1'000));
    process_ = std::make_unique<ProbeProcess>(options_);
  }

  [[nodiscard]] NotifySocket& notify() { return notify_; }
  [[nodiscard]] FakeController& controller() { return controller_; }
  [[nodiscard]] std::uint16_t port_base() const { return options_.port_base; }
  [[nodiscard]] ProbeProcess& process() { return *process_; }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path(); }
  [[nodiscard]] Exit health() const {
    return run_probe({"--health", "--config", (folder_.path() / "probe.yaml").string()});
  }
  void give_plan() {
    REQUIRE(controller_.run_until([&] { return !controller_.seen<Hello>().empty(); }));
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
  service.notify().wait_for_more("WATCHDOG=1", 2);

  ::kill(service.process().pid(), SIGTERM);
  static_cast<void>(service.notify().wait_for("STOPPING=1"));
  CHECK(service.process().end(0).status == 0);
  const auto gone = service.health();
  CHECK(gone.status == 1);
  CHECK_THAT(gone.errors, Catch::Contains("faultline-probe does not run"));
}

TEST_CASE("a service manager that hangs holds up no probe, and is told when it reads again",
          "[probe][service]") {
  Service service(/*full=*/true);
  service.give_plan();
  static_cast<void>(service.wait_for_health(0, "measures 2 sessions by plan 1"));
  REQUIRE(service.controller().run_until(
      [&] { return service.process().log_holds("the service manager does not take messages"); }));
  static_cast<void>(service.notify().wait_for("READY=1"));
  static_cast<void>(service.notify().wait_for("WATCHDOG=1"));
  CHECK(service.process().end(SIGTERM).status == 0);
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
  service.notify().wait_for_more("WATCHDOG=1", 3);
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

// A sender of STAMP that is none of the fleet.
class Stranger {
 public:
  explicit Stranger(std::uint16_t reflector_port) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(reflector_port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
  }
  void send(std::uint32_t sequence) const {
    std::array<std::byte, stamp::kPacketSize> packet{};
    stamp::encode(stamp::SenderPacket{.sequence = sequence}, packet);
    REQUIRE(::send(fd_.get(), packet.data(), packet.size(), 0) > 0);
  }
  // The sequence number that the next answer is to; 0: there is none yet.
  [[nodiscard]] std::uint32_t answered() const {
    std::array<std::byte, 128> packet{};
    const auto size = ::recv(fd_.get(), packet.data(), packet.size(), MSG_DONTWAIT);
    if (size < static_cast<ssize_t>(stamp::kPacketSize)) return 0;
    std::uint32_t sequence = 0;  // of the sender: at 24 (RFC 8762 section 4.3.1)
    std::memcpy(&sequence, packet.data() + 24, sizeof sequence);
    return ntohl(sequence);
  }

 private:
  const net::UniqueFd fd_{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

TEST_CASE(
    "a hangup takes into use what may change, tells what may not, and keeps what it had when "
    "the file is broken",
    "[probe][service]") {
  Service service;
  service.give_plan();
  static_cast<void>(service.wait_for_health(0, "healthy"));
  auto& controller = service.controller();
  auto& process = service.process();
  const auto path = service.folder() / "probe.yaml";
  std::string config;
  std::getline(std::ifstream(path), config, '\0');
  const auto write = [&](const std::string& more) {
    std::ofstream(path) << config.substr(0, config.find("log:")) << more;
  };
  const auto hang_up_until_told = [&](const std::string& words) {
    process.tell(SIGHUP);
    CAPTURE(words);
    REQUIRE(controller.run_until([&] { return process.log_holds(words); }));
  };
  // The Hello that tells this rack; a connection that breaks meanwhile makes one more of them.
  const auto hello_of = [&](const std::string& rack) {
    std::optional<Hello> found;
    CAPTURE(rack);
    REQUIRE(controller.run_until([&] {
      for (const auto& hello : controller.seen<Hello>()) {
        if (hello.profile.labels == Labels{{"rack", rack}}) found = hello;
      }
      return found.has_value();
    }));
    return *found;
  };
  const Stranger stranger(static_cast<std::uint16_t>(service.port_base() + 2));
  stranger.send(1);

  write("strangers: {allow: [127.0.0.0/8]}\nnonsense: 1\n");
  hang_up_until_told("hangup: nothing is changed: ");
  CHECK(process.log_holds("nonsense is not a known key"));
  stranger.send(2);

  const std::string good =
      "strangers: {allow: [127.0.0.0/8]}\nlabels: {rack: r9}\nspool: {size_max: 1MiB}\n"
      "name: other\nkind: vm\nlog: {level: warning}\n";
  write(good);
  hang_up_until_told("hangup: taken into use: labels, strangers, spool.size_max, log.level");
  REQUIRE(controller.run_until(
      [&] { return process.log_holds("hangup: takes effect at the next start: name, kind"); }));
  const auto changed = hello_of("r9");
  CHECK(changed.profile.kind == NodeKind::kHost);
  CHECK(changed.boot == controller.seen<Hello>().front().boot);
  // On loopback nothing overtakes: had one of the first two been answered, it would come first.
  std::uint32_t next = 3, answered = 0;
  REQUIRE(controller.run_until([&] {
    stranger.send(next++);
    answered = stranger.answered();
    return answered != 0;
  }));
  CHECK(answered >= 3);

  // What is told at level info is not, from now on.
  write("labels: {rack: r10}\nlog: {level: warning}\n");
  process.tell(SIGHUP);
  CHECK(hello_of("r10").boot == changed.boot);
  const auto end = process.end(SIGTERM);
  CHECK(end.status == 0);
  const auto first = end.errors.find("taken into use");
  CHECK(end.errors.find("taken into use", first + 1) == std::string::npos);
}

TEST_CASE("check says of a real machine what it is fit for, as JSON", "[probe][service]") {
  Service service;
  static_cast<void>(service.notify().wait_for("READY=1"));
  const auto exit =
      run_probe({"--config", (service.folder() / "probe.yaml").string(), "check", "-o", "json"});
  CAPTURE(exit.errors);
  const auto document = nlohmann::json::parse(exit.errors, nullptr, false);
  REQUIRE(document.is_object());
  CHECK(document["schema"] == "faultline.probe_check/1");
  CHECK(document["fit"] == (exit.status == 0));
  std::map<std::string, int> lines;
  for (const auto& line : document["checks"]) {
    const auto level = line["level"].get<std::string>();
    CHECK((level == "ok" || level == "warn" || level == "fail"));
    CHECK(line["remedy"].get<std::string>().empty() == (level == "ok"));
    ++lines[line["what"].get<std::string>()];
  }
  CHECK(lines["privileges"] == 2);
  for (const auto* what : {"state", "address", "mtu", "ports", "icmp", "clock", "controller"}) {
    CAPTURE(what);
    CHECK(lines[what] > 0);
  }
  // Whoever runs this test may do the same as the program that it ran.
  std::ifstream status("/proc/self/status");
  std::uint64_t effective = 0;
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("CapEff:")) effective = std::stoull(line.substr(8), nullptr, 16);
  }
  const bool captures = (effective >> 13 & 1) != 0;
  CHECK((exit.errors.find("CAP_NET_RAW is there") != std::string::npos) == captures);
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

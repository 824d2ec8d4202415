// A probe under controllers of other versions, and how it takes its leave.
#include <signal.h>

#include "tests/corpus/frozen_schema.h"
#include "tests/integration/probe/app/scene.h"

namespace faultline::tests {
namespace {

using corpus::FrozenSchema;

FrozenSchema schema_of(const std::string& version) {
  return FrozenSchema(corpus::corpus_directory() / version / "schemas");
}

// The number of its kind is there only if the schema knows it.
std::vector<std::string> kinds_read_by(const FrozenSchema& schema, const FakeController& seen) {
  std::vector<std::string> kinds;
  for (const auto& frame : seen.frames) {
    const auto read = schema.read("probe", frame);
    kinds.push_back(read.empty() ? "unknown" : read.begin().key());
  }
  return kinds;
}

bool holds(const std::vector<std::string>& kinds, const std::string& kind) {
  return std::ranges::find(kinds, kind) != kinds.end();
}

// The goodbye is on its way when the probe ends, and may be read after that.
bool ended_with_goodbye(Scene& scene, const ProbeProcess& probe) {
  auto& controller = *scene.controller;
  return controller.run_until(
      [&] { return probe.has_ended() && !controller.seen<Goodbye>().empty(); });
}

TEST_CASE("a probe joins, measures and stops under a controller of protocol 1.0",
          "[probe][versions]") {
  Scene scene;
  const auto old = schema_of("1.0");
  scene.controller->encode = [&old](const ControllerMessage& message) {
    auto said = old.read("controller", wire::encode(message));
    if (said.contains("welcome")) {
      said["welcome"]["protocol"] = {{"major", 1}, {"minor", 0}, {"capabilities", "3"}};
    }
    return old.write("controller", said);
  };
  ProbeProcess probe{scene.probe_options};
  scene.settle();
  REQUIRE(scene.run_until_batches(3));
  probe.tell(SIGTERM);
  REQUIRE(scene.controller->run_until([&] { return probe.has_ended(); }));
  CHECK(probe.end(0).status == 0);
  const auto kinds = kinds_read_by(old, *scene.controller);
  CHECK_FALSE(holds(kinds, "unknown"));  // no goodbye either
  for (const auto* kind : {"join", "hello", "planAck", "heartbeat", "batch"}) {
    CAPTURE(kind);
    CHECK(holds(kinds, kind));
  }
}

TEST_CASE("a probe under a controller of a later protocol ignores what is new",
          "[probe][versions]") {
  Scene scene;
  const auto later = schema_of("future");
  scene.controller->encode = [&later](const ControllerMessage& message) {
    auto said = later.read("controller", wire::encode(message));
    if (said.contains("welcome")) {
      auto& welcome = said["welcome"];
      welcome["protocol"] = {{"major", 1}, {"minor", 2}, {"capabilities", "18446744073709551615"}};
      welcome["region"] = "eu";
      welcome["urgent"] = true;
    }
    if (said.contains("plan")) said["plan"]["mtuTests"] = {1500, 9000};
    if (said.contains("batchAck")) said["batchAck"]["pauseNs"] = "5";
    return later.write("controller", said);
  };
  ProbeProcess probe{scene.probe_options};
  scene.settle();
  scene.controller->send_bytes(
      scene.node_key, corpus::load_bytes(corpus::corpus_directory() / "future" / "messages" /
                                         "controller_command.bin"));
  REQUIRE(scene.run_until_batches(3));
  CHECK(scene.controller->seen<Hello>().size() == 1);  // it never lost the link
  probe.tell(SIGTERM);
  REQUIRE(ended_with_goodbye(scene, probe));
  const auto end = probe.end(0);
  CHECK(end.status == 0);
  CHECK(scene.controller->seen<Goodbye>().size() == 1);
  CHECK(end.errors.find("ignored:") == std::string::npos);
}

TEST_CASE("a probe that is stopped delivers its open window before it says goodbye",
          "[probe][versions]") {
  Scene scene;
  auto& controller = *scene.controller;
  ProbeProcess probe{scene.probe_options};
  scene.settle();
  REQUIRE(scene.run_until_batches(3));
  const auto before = controller.batches.size();
  probe.tell(SIGTERM);
  REQUIRE(controller.run_until([&] { return !controller.seen<Goodbye>().empty(); }));
  const auto goodbye = controller.seen<Goodbye>().front();
  CHECK(goodbye.boot == controller.seen<Hello>().front().boot);
  CHECK(goodbye.spool_batches == 0);
  CHECK(controller.batches.size() > before);
  // In the order of sending: nothing follows the goodbye.
  CHECK(std::holds_alternative<Goodbye>(controller.messages.back().second));
  CHECK(is_complete(sequences(controller, goodbye.boot)));
  // The window in which it was stopped was measured in part, and counts as far as it was.
  const auto& last = controller.batches.back();
  CHECK(last.batch.boot == goodbye.boot);
  CHECK(last.report.window_start <= goodbye.stopped_at);
  CHECK(last.report.window_start + last.report.window + std::chrono::seconds{1} >
        goodbye.stopped_at);
  CHECK(probe.end(0).status == 0);
}

TEST_CASE("what a stopping probe could not deliver is sent after its next start",
          "[probe][versions]") {
  Scene scene;
  auto& controller = *scene.controller;
  ProbeProcess probe{scene.probe_options};
  scene.settle();
  REQUIRE(scene.run_until_batches(2));
  controller.acknowledges = false;
  REQUIRE(scene.run_until_batches(3));
  probe.tell(SIGTERM);
  REQUIRE(ended_with_goodbye(scene, probe));
  CHECK(probe.end(0).status == 0);
  REQUIRE(controller.seen<Goodbye>().size() == 1);
  const auto goodbye = controller.seen<Goodbye>().front();
  CHECK(goodbye.spool_batches > 0);
  controller.acknowledges = true;
  controller.batches.clear();
  scene.probe_options.token.clear();
  ProbeProcess again{scene.probe_options};
  REQUIRE(controller.run_until([&] {
    return std::ranges::count_if(controller.batches, [&](const TakenBatch& taken) {
             return taken.batch.boot == goodbye.boot;
           }) >= static_cast<std::ptrdiff_t>(goodbye.spool_batches);
  }));
  again.end(SIGKILL);
}

TEST_CASE("a controller of another major protocol: the log names both versions and what to do",
          "[probe][versions]") {
  Scene scene;
  const auto later = schema_of("future");
  scene.controller->encode = [&later](const ControllerMessage& message) {
    auto said = later.read("controller", wire::encode(message));
    if (said.contains("welcome")) said["welcome"]["protocol"] = {{"major", 2}, {"minor", 3}};
    return later.write("controller", said);
  };
  ProbeProcess probe{scene.probe_options};
  REQUIRE(scene.controller->run_until([&] { return probe.log_holds("speaks protocol"); }));
  const auto end = probe.end(SIGTERM);
  CHECK(end.status == 0);
  CHECK(end.errors.find("speaks protocol 2.3, this probe 1.1: upgrade this probe") !=
        std::string::npos);
}

}  // namespace
}  // namespace faultline::tests

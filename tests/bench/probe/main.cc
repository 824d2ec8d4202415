// probe_bench: the programs that side_by_side.py runs in its two namespaces; `memory` needs
// neither.
#include <chrono>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "tests/bench/probe/far.h"
#include "tests/bench/probe/memory.h"
#include "tests/bench/probe/near.h"
#include "tests/bench/probe/world.h"

namespace {

using namespace faultline;

struct Given {
  bench::NearOptions near;
  bench::FarOptions far;
  double interval_ms = 1000;
  double window_seconds = 10;
  bool open = false;
  bool receive_stamps_only = false;
  std::uint32_t sessions = 16000;

  bench::Shape shape() const {
    auto shape = near.shape;
    shape.interval = Duration{static_cast<std::int64_t>(1e6 * interval_ms)};
    shape.window = Duration{static_cast<std::int64_t>(1e9 * window_seconds)};
    shape.authenticated = !open;
    return shape;
  }
};

void add_shape(CLI::App& command, Given& given) {
  command.add_option("--targets", given.near.shape.targets, "Nodes of the far end");
  command.add_option("--flows", given.near.shape.flows, "To all of them together");
  command.add_option("--interval", given.interval_ms, "Between a flow's packets, ms");
  command.add_option("--window", given.window_seconds, "Length of a window, s");
  command.add_option("--rate-max", given.near.shape.rate_max, "The plan's budget, packets/s");
  command.add_option("--large-one-in", given.near.shape.large_one_in,
                     "Of the flows, so many have packets of 1500 octets");
}

void add_state(CLI::App& command, std::filesystem::path& state, Given& given) {
  command.add_option("--state", state, "Directory of keys and state")->required();
  command.add_flag("--open", given.open, "Packets without HMAC");
}

}  // namespace

int main(int argc, char** argv) {
  Given given;
  CLI::App app{"Parts of side_by_side.py", "probe_bench"};
  app.require_subcommand(1);
  auto* near = app.add_subcommand("near", "Run the engine and print what it cost, as JSON");
  add_state(*near, given.near.state, given);
  add_shape(*near, given);
  near->add_option("--seconds", given.near.seconds, "To measure");
  near->add_option("--warm-up", given.near.warm_up_seconds, "Seconds before that");
  near->add_flag("--receive-stamps-only", given.receive_stamps_only, "No TX stamps");
  near->add_flag("--application", given.near.application, "An application's stamps beside it");
  auto* far = app.add_subcommand("far", "Reflect, and be a crowd, until SIGTERM");
  add_state(*far, given.far.state, given);
  far->add_option("--crowd", given.far.crowd_per_second, "Packets/s of all senders together");
  far->add_option("--senders", given.far.senders, "Sessions of the crowd");
  auto* state = app.add_subcommand("state", "Write the state of a faultline-probe with this plan");
  add_state(*state, given.near.state, given);
  add_shape(*state, given);
  auto* memory = app.add_subcommand("memory", "What flows and sessions keep in memory");
  add_shape(*memory, given);
  memory->add_option("--sessions", given.sessions, "Reflected");
  CLI11_PARSE(app, argc, argv);

  if (*far) {
    given.far.authenticated = !given.open;
    bench::run_far(given.far);
  } else if (*state) {
    bench::write_state(given.near.state, given.shape());
  } else if (*memory) {
    bench::run_memory(given.shape(), given.sessions);
  } else {
    given.near.shape = given.shape();
    given.near.transmit_stamps = !given.receive_stamps_only;
    auto result = bench::run_near(given.near);
    fmt::print("{}\n", bench::to_json(result));
  }
  return 0;
}

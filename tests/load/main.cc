// load: thousands of simulated probes against a real controller (README.md).
#include <signal.h>

#include <cstdio>
#include <filesystem>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "common/async/clock.h"
#include "tests/load/phases.h"

namespace faultline::load {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

constexpr int kExitBad = 1;    // something acknowledged is not there once
constexpr int kExitUsage = 3;  // nothing was measured
constexpr std::uint64_t kDescriptorsOfOurOwn = 200;
constexpr Duration kSettleMax = seconds{120};  // to connect, at the beginning and after a kill
constexpr Duration kPublished = std::chrono::milliseconds{600};
constexpr std::uint32_t kPairsAsked = 16;

constexpr const char* kHelp =
    "Loads a controller with simulated probes: real protocol, real CURVE over TCP, the product's\n"
    "own probe core and link, reports that nobody measured. Starts the controller unless one is\n"
    "given; ends by itself; exits with 1 when anything acknowledged is not stored exactly once,\n"
    "or when the load was over before the last kill.\n"
    "\n"
    "  load                                            200 probes drain a backlog of 30 windows\n"
    "  load --live --probes 1000 --window 2 --windows 30   as probes do, by the clock\n"
    "  load --late .1 --duplicate .1 --reorder .1 --lose .02 --reconnect-every 0.5\n"
    "  load --link-loss .05 --live                     does it name the link under load?\n"
    "  load --kill-cycles 20 --probes 50               kill -9 under load, 20 times\n"
    "  load --connect tcp://10.0.0.1:7400 --server-key HEX --api "
    "unix:/run/faultline/controller.sock";

struct Options {
  LoadOptions load{};
  std::string program = FAULTLINE_CONTROLLER;
  std::string directory{};
  bool keep = false;
  double window_s = 10;
  double reconnect_every_s = 0;
  double seconds_max = 600;
  bool live = false;
  std::uint32_t kill_cycles = 0;
  // Of a controller that is there already.
  std::string endpoint{};
  std::string server_key{};
  std::string api{};
  pid_t pid = 0;
};

int refuse(const std::string& why) {
  fmt::print(stderr, "load: {}\n", why);
  return kExitUsage;
}

void add_options(CLI::App& app, Options& options) {
  auto& load = options.load;
  auto& faults = load.faults;
  app.add_option("--probes", load.shape.nodes, "simulated probes")
      ->check(CLI::Range(2U, kProbesMax));
  app.add_option("--targets", load.shape.targets_per_node, "targets of each; below --probes");
  app.add_option("--flows", load.shape.flows_per_target, "flows to each target");
  app.add_option("--packets", load.shape.packets_per_window, "packets of a flow in a window");
  app.add_option("--window", options.window_s, "seconds")->check(CLI::Range(1, 60));
  app.add_option("--windows", load.windows, "windows of each probe")
      ->check(CLI::Range(1U, kWindowsMax));
  app.add_option("--paths", load.paths_per_report, "traced paths in a report");
  app.add_option("--in-flight", load.in_flight, "unacknowledged batches of a probe; 1 to 32")
      ->check(CLI::Range(1, 32));
  app.add_flag("--live", options.live, "windows end by the clock; else all have ended already");
  const auto share = [&](const char* name, double& value, const char* what) {
    app.add_option(name, value, what)->check(CLI::Range(0.0, 0.9));
  };
  share("--link-loss", faults.link_loss, "share of packets that the link leaf 0 > spine 0 loses");
  share("--late", faults.late, "share of windows that are told of after three later ones");
  share("--duplicate", faults.duplicate, "share of batches that are sent twice");
  share("--reorder", faults.reorder, "share of batches that are sent after the next one");
  share("--lose", faults.lose, "share of batches that never arrive, and are sent again");
  app.add_option("--reconnect-every", options.reconnect_every_s,
                 "seconds; some probe's connection is cut so often");
  app.add_option("--kill-cycles", options.kill_cycles,
                 "the controller is killed and started again so often, and its store compared");
  app.add_option("--seed", load.seed, "of everything that is random");
  app.add_option("--seconds", options.seconds_max, "ends after so long, whatever is missing");
  app.add_option("--controller", options.program, "faultline-controller to start");
  app.add_option("--dir", options.directory, "for its data; must not exist. Default: one in /tmp");
  app.add_flag("--keep", options.keep, "leaves the directory there");
  auto* connect = app.add_option("--connect", options.endpoint,
                                 "a controller that runs; its own windows must be --window");
  app.add_option("--server-key", options.server_key, "its public key, in hex")->needs(connect);
  app.add_option("--api", options.api, "its API, to place the probes' keys")->needs(connect);
  app.add_option("--pid", options.pid, "its process, to measure its cost")->needs(connect);
}

Status settle(Options& options) {
  auto& load = options.load;
  load.shape.window = seconds{static_cast<int>(options.window_s)};
  load.faults.reconnect_every = std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(options.reconnect_every_s));
  load.pace = options.live ? Pace::kLive : Pace::kBacklog;
  if (load.shape.targets_per_node >= load.shape.nodes) {
    load.shape.targets_per_node = load.shape.nodes - 1;
  }
  if (load.flows_per_report() == 0 || load.flows_per_report() > kReportFlowsMax) {
    return fail(ErrorCode::kInvalid, fmt::format("a report has 1 to {} flows", kReportFlowsMax));
  }
  if (!options.endpoint.empty() && (options.api.empty() || options.server_key.empty())) {
    return fail(ErrorCode::kInvalid, "--connect needs --server-key and --api");
  }
  if (!raise_descriptor_limit(2ULL * load.shape.nodes + kDescriptorsOfOurOwn)) {
    return fail(ErrorCode::kLimit, "too few descriptors: two a probe (ulimit -n)");
  }
  return {};
}

// A directory of this run alone, removed at its end.
class Directory {
 public:
  explicit Directory(const Options& options) : keep_(options.keep) {
    std::string pattern = (fs::temp_directory_path() / "faultline-load-XXXXXX").string();
    path_ = options.directory.empty() ? fs::path(::mkdtemp(pattern.data()))
                                      : fs::path(options.directory);
    fs::create_directories(path_);
  }
  ~Directory() {
    std::error_code ignored;
    if (keep_) fmt::print(stderr, "left: {}\n", path_.string());
    if (!keep_) fs::remove_all(path_, ignored);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
  bool keep_;
};

void print_audit(const Audit& audit) {
  fmt::print(
      "store              {:>12}   windows acknowledged: {} missing, {} twice, {} altered; "
      "{} places damaged\n",
      audit.acknowledged, audit.missing, audit.repeated, audit.altered, audit.damaged);
  std::fflush(stdout);
}

// What an operator is shown of some pairs, each of whose windows has as many packets.
Result<std::uint64_t> pairs_wrong(const std::string& api, const Fleet& fleet,
                                  const LoadOptions& options) {
  const std::uint64_t per_window =
      std::uint64_t{options.shape.flows_per_target} * options.shape.packets_per_window;
  // From the first of its windows, however long the phases took.
  const auto since_s = (async::now_wall() - fleet.source().base()) / seconds{1} + 60;
  std::uint64_t wrong = 0;
  for (std::uint32_t i = 0; i < std::min(kPairsAsked, options.shape.nodes); ++i) {
    const auto source = i * 7919 % options.shape.nodes;
    const auto target = (source + 1) % options.shape.nodes;
    const auto body = get(api, fmt::format("/api/v1/history/{}/{}?since={}s", node_name(source),
                                           node_name(target), since_s));
    if (!body) return fail(ErrorCode::kUnavailable, body.error().message);
    std::uint64_t told = 0;
    const auto history = nlohmann::json::parse(*body);
    for (const auto& row : history.at("rows")) {
      told += row.at("sent").get<std::uint64_t>();
    }
    std::uint64_t expected = 0;
    for (std::uint32_t window = 0; window < options.windows; ++window) {
      expected += fleet.source().record(source, window).is_acknowledged ? per_window : 0;
    }
    if (told != expected) {
      fmt::print(stderr, "  {} > {}: {} packets instead of {}\n", node_name(source),
                 node_name(target), told, expected);
      ++wrong;
    }
  }
  return wrong;
}

void print_controller(const std::string& api) {
  fmt::print(
      "controller         {:>12.0f}   batches stored, {:.0f} duplicates, {:.0f} refused, "
      "{:.0f} malformed, {:.0f} shed, {:.0f} handshakes\n",
      metric(api, "faultline_ingest_batches_total"),
      metric(api, "faultline_ingest_duplicates_total"),
      metric(api, "faultline_ingest_refused_total"),
      metric(api, "faultline_ingest_malformed_total"), metric(api, "faultline_ingest_shed_total"),
      metric(api, "faultline_handshakes_admitted_total"));
  const auto body = get(api, "/api/v1/status");
  if (!body) return;
  const auto status = nlohmann::json::parse(*body);
  fmt::print("verdict            {}\n", status.value("verdict", "none"));
}

// Until what the controller tells is of after the load: it publishes its counters four times a
// second.
void rest(Fleet& fleet) {
  static_cast<void>(fleet.run("resting", kPublished, [] { return false; }));
}

// A copy, because a store that was not closed is changed by opening it.
Result<Audit> audit_copy(const ControllerUnderLoad& controller, const Fleet& fleet,
                         const Options& options) {
  const auto copy = controller.store().parent_path() / "copy";
  std::error_code error;
  fs::remove_all(copy, error);
  fs::copy(controller.store(), copy, fs::copy_options::recursive, error);
  if (error) return fail(ErrorCode::kUnavailable, "cannot copy the store: " + error.message());
  auto result = audit(copy, fleet.source(), options.load);
  fs::remove_all(copy, error);
  return result;
}

// Kill, compare, start; the load goes on in between for a random while. False when anything was
// lost, or when the load was over before the last kill.
Result<bool> kill_cycles(ControllerUnderLoad& controller, Fleet& fleet, const Options& options) {
  Rng rng(options.load.seed + 3);
  bool clean = true;
  std::uint32_t kills = 0;
  while (kills < options.kill_cycles) {
    // So that on average each cycle has the same share of what is left, and something is left at
    // last.
    const auto stored = fleet.figures().windows_stored;
    const auto share = (fleet.windows_in_all() - stored) / (options.kill_cycles - kills + 2);
    const auto goal = stored + 1 + uniform_below(rng, 2 * share + 1);
    const bool in_time = fleet.run("before the kill", kSettleMax, [&] {
      return fleet.all_stored() || fleet.figures().windows_stored >= goal;
    });
    if (fleet.all_stored()) break;
    if (!in_time) return fail(ErrorCode::kUnavailable, "nothing is stored any more");
    controller.end(SIGKILL);
    FAULTLINE_TRY(const auto found, audit_copy(controller, fleet, options));
    fmt::print("kill {:<4}", ++kills);
    print_audit(found);
    clean = clean && found.is_clean();
    FAULTLINE_TRY_STATUS(controller.start());
  }
  fmt::print("kills              {:>12}   of {} asked for\n", kills, options.kill_cycles);
  return clean && kills == options.kill_cycles;
}

Result<int> load_own(const Options& options) {
  const Directory directory(options);
  ControllerUnderLoad controller({.program = options.program,
                                  .directory = directory.path(),
                                  .window = options.load.shape.window});
  FAULTLINE_TRY_STATUS(controller.start());
  const auto keys = make_keys(options.load.shape.nodes);
  fmt::print(stderr, "placing {} keys\n", keys.size());
  FAULTLINE_TRY_STATUS(enroll(controller.api(), keys));
  const auto idle = resident(controller.pid());
  Fleet fleet(options.load, base_of(options.load, async::now_wall()), keys, controller.server());
  FAULTLINE_TRY(const auto connected, connect_all(fleet, kSettleMax));
  fmt::print(
      "connected          {:>12}   probes in {:.1f} s; {:.1f} KiB each at the controller\n",
      options.load.shape.nodes, connected,
      static_cast<double>(resident(controller.pid()) - idle) / 1024 / options.load.shape.nodes);
  bool clean = true;
  if (options.kill_cycles > 0) {
    fleet.begin_load();
    FAULTLINE_TRY(clean, kill_cycles(controller, fleet, options));
  }
  const auto time_max =
      std::chrono::duration_cast<Duration>(std::chrono::duration<double>(options.seconds_max));
  const auto measured = carry(fleet, controller.pid(), time_max);
  if (!measured.in_time) fmt::print("the time was over before everything was stored\n");
  print_rates(fleet, measured);
  print_counts(fleet);
  rest(fleet);
  print_controller(controller.api());
  print_threads(fleet, measured);
  FAULTLINE_TRY(const auto wrong, pairs_wrong(controller.api(), fleet, options.load));
  controller.end(SIGTERM);
  fmt::print("disk               {:>8.1f} MiB   {:.2f} bytes a result, not sealed nor compacted\n",
             static_cast<double>(bytes_below(controller.store())) / (1 << 20),
             static_cast<double>(bytes_below(controller.store())) /
                 fleet.results(fleet.figures().windows_stored));
  FAULTLINE_TRY(const auto found, audit(controller.store(), fleet.source(), options.load));
  print_audit(found);
  fmt::print("API                {:>12}   of {} pairs asked have other packets than were stored\n",
             wrong, std::min(kPairsAsked, options.load.shape.nodes));
  return clean && found.is_clean() && wrong == 0 && measured.in_time ? 0 : kExitBad;
}

Result<int> load_other(const Options& options) {
  const auto key = parse_public_key(options.server_key);
  if (!key) return fail(ErrorCode::kInvalid, "--server-key is 64 hex digits");
  const auto keys = make_keys(options.load.shape.nodes);
  FAULTLINE_TRY_STATUS(enroll(options.api, keys));
  Fleet fleet(options.load, base_of(options.load, async::now_wall()), keys,
              {options.endpoint, *key});
  FAULTLINE_TRY(const auto connected, connect_all(fleet, kSettleMax));
  fmt::print("connected          {:>12}   probes in {:.1f} s\n", keys.size(), connected);
  const auto measured = carry(
      fleet, options.pid,
      std::chrono::duration_cast<Duration>(std::chrono::duration<double>(options.seconds_max)));
  print_rates(fleet, measured);
  print_counts(fleet);
  rest(fleet);
  print_controller(options.api);
  if (options.pid > 0) print_threads(fleet, measured);
  FAULTLINE_TRY(const auto wrong, pairs_wrong(options.api, fleet, options.load));
  fmt::print("API                {:>12}   of {} pairs asked have other packets than were stored\n",
             wrong, std::min(kPairsAsked, options.load.shape.nodes));
  return wrong == 0 && measured.in_time ? 0 : kExitBad;
}

}  // namespace
}  // namespace faultline::load

int main(int argc, char** argv) {
  using namespace faultline::load;
  Options options;
  CLI::App app{kHelp, "load"};
  app.option_defaults()->always_capture_default();
  add_options(app, options);
  CLI11_PARSE(app, argc, argv);
  ::signal(SIGPIPE, SIG_IGN);
  if (const auto settled = settle(options); !settled) return refuse(settled.error().context);
  const auto outcome = options.endpoint.empty() ? load_own(options) : load_other(options);
  return outcome ? *outcome : refuse(outcome.error().context);
}

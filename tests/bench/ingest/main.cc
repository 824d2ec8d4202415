// What taking in a result costs the controller, beside a bare skeleton of the same steps that gets
// the same batches in the same run; and what a reconnect storm costs (README.md).
#include <signal.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "common/async/clock.h"
#include "common/crypto/key_file.h"
#include "tests/bench/ingest/skeleton.h"
#include "tests/load/phases.h"

namespace faultline::bench {
namespace {

namespace fs = std::filesystem;
using load::ControllerUnderLoad;
using load::Fleet;
using load::LoadOptions;
using std::chrono::seconds;

constexpr Duration kTimeMax = seconds{300};
constexpr Duration kNoticeMax = seconds{60};

struct Options {
  LoadOptions load{};
  std::string controller = FAULTLINE_CONTROLLER;
  std::string directory = "/tmp/faultline-ingest-bench";
  std::string only{};  // "bare" or "controller"
  std::vector<std::uint32_t>
      threads{};                     // instead: the controller with so many, one after the other
  std::uint32_t ingest_threads = 0;  // of a controller; 0: by the number of cores
  bool storm = false;
  std::string skeleton{};  // serve as one, in this directory
};

[[noreturn]] void give_up(const Error& error) {
  fmt::print(stderr, "ingest_bench: {}\n", error.context);
  std::exit(1);
}

template <typename T>
T must(Result<T> result) {
  if (!result) give_up(result.error());
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

// One of the two that are compared, as a process of its own.
class Side {
 public:
  virtual ~Side() = default;
  virtual void prepare(const std::vector<crypto::KeyPair>& keys) = 0;
  virtual void start() = 0;
  virtual void end(int signal) = 0;
  [[nodiscard]] virtual uplink::Server server() const = 0;
  [[nodiscard]] virtual pid_t pid() const = 0;
  // Of what is resident, the buffers and the cache of its store, which has as much for any fleet.
  [[nodiscard]] virtual double store_bytes() const { return 0; }
};

class ControllerSide final : public Side {
 public:
  explicit ControllerSide(const Options& options)
      : controller_({.program = options.controller,
                     .directory = options.directory,
                     .window = options.load.shape.window,
                     .planned_flows =
                         options.load.shape.targets_per_node * options.load.shape.flows_per_target,
                     .more_config = fmt::format("ingest_threads: {}\n", options.ingest_threads)}) {}
  void prepare(const std::vector<crypto::KeyPair>& keys) override {
    start();
    must(load::enroll(controller_.api(), keys));
  }
  void start() override { must(controller_.start()); }
  void end(int signal) override { controller_.end(signal); }
  [[nodiscard]] uplink::Server server() const override { return controller_.server(); }
  [[nodiscard]] pid_t pid() const override { return controller_.pid(); }
  [[nodiscard]] double store_bytes() const override {
    return load::metric(controller_.api(), "faultline_store_memory_bytes");
  }
  [[nodiscard]] fs::path store() const { return controller_.store(); }

 private:
  ControllerUnderLoad controller_;
};

class BareSide final : public Side {
 public:
  explicit BareSide(const Options& options)
      : directory_(options.directory),
        endpoint_(fmt::format("tcp://127.0.0.1:{}", load::free_port())),
        keys_(crypto::generate_key_pair()) {}
  void prepare(const std::vector<crypto::KeyPair>& keys) override {
    std::ofstream(directory_ / "listen") << endpoint_ << "\n";
    must(crypto::save_key_pair(directory_ / "key", keys_));
    std::ofstream trusted(directory_ / "trusted");
    for (const auto& pair : keys) trusted << to_string(pair.public_key) << "\n";
    trusted.close();
    start();
  }
  void start() override {
    server_.emplace(must(load::Server::start(
        {fs::read_symlink("/proc/self/exe").string(), "--skeleton", directory_.string()},
        directory_ / "log")));
    must(server_->wait_for_line("ready: version", seconds{30}));
  }
  void end(int signal) override { server_->end(signal); }
  [[nodiscard]] uplink::Server server() const override { return {endpoint_, keys_.public_key}; }
  [[nodiscard]] pid_t pid() const override { return server_->pid(); }

 private:
  fs::path directory_;
  std::string endpoint_;
  crypto::KeyPair keys_;
  std::optional<load::Server> server_;
};

int serve(const fs::path& directory) {
  SkeletonOptions options{.listen = {},
                          .keys = must(crypto::load_key_pair(directory / "key")),
                          .trust = {},
                          .store = directory / "store"};
  std::ifstream(directory / "listen") >> options.listen;
  std::ifstream trusted(directory / "trusted");
  for (std::string line; std::getline(trusted, line);) {
    options.trust[parse_public_key(line).value()];
  }
  must(serve_skeleton(std::move(options)));
  return 0;
}

struct Cost {
  double processor_ns = 0;        // of a result
  double results_per_second = 0;  // durable, by the wall's clock
};

// All get the same reports.
Cost ingest(const char* name, Side& side, const Options& options) {
  const auto keys = load::make_keys(options.load.shape.nodes);
  side.prepare(keys);
  Fleet fleet(options.load, load::base_of(options.load, async::now_wall()), keys, side.server());
  must(load::connect_all(fleet, kTimeMax));
  const auto measured = load::carry(fleet, side.pid(), kTimeMax);
  if (!measured.in_time) give_up({ErrorCode::kUnavailable, "not all was stored in time"});
  fmt::print("\n{}\n", name);
  load::print_rates(fleet, measured);
  load::print_threads(fleet, measured);
  std::fflush(stdout);
  side.end(SIGKILL);
  const double results = fleet.results(measured.windows_stored);
  return {.processor_ns = 1e9 * load::path_seconds(measured.threads) / results,
          .results_per_second = results / measured.seconds};
}

struct Storm {
  double seconds = 0;
  double processor_seconds = 0;
};

// Everybody is connected; the server dies, everybody notices, it comes back.
Storm storm(const char* name, Side& side, const Options& options) {
  const auto count = options.load.shape.nodes;
  const auto keys = load::make_keys(count);
  side.prepare(keys);
  const auto idle = load::resident(side.pid());
  Fleet fleet(options.load, load::base_of(options.load, async::now_wall()), keys, side.server());
  const double first = must(load::connect_all(fleet, kTimeMax));
  const auto connected = load::resident(side.pid());
  fleet.begin_load();
  const bool begun = fleet.run("loading", kTimeMax, [&] {
    return fleet.figures().windows_stored >= fleet.windows_in_all() / 2;
  });
  side.end(SIGKILL);
  const bool noticed = fleet.run("noticing", kNoticeMax, [&] { return fleet.welcomed() == 0; });
  if (!begun || !noticed) give_up({ErrorCode::kUnavailable, "not everybody noticed in time"});
  Storm result;
  const auto begin = async::now_instant();
  side.start();
  const auto listening = async::now_instant();
  must(load::connect_all(fleet, kTimeMax));
  const auto in_seconds = [](Duration duration) {
    return std::chrono::duration<double>(duration).count();
  };
  result.seconds = in_seconds(async::now_instant() - listening);
  const auto back = load::resident(side.pid());
  const auto threads = load::thread_seconds(side.pid());
  result.processor_seconds = load::total(threads);
  fmt::print("\n{}\n", name);
  fmt::print("first connection   {:>9.2f} s    {:.1f} KiB resident each\n", first,
             static_cast<double>(connected - idle) / 1024 / count);
  fmt::print(
      "all are back after {:>9.2f} s    {:.1f} KiB resident each, with what they had reported; "
      "{:.2f} s of processor time; it was ready after {:.2f} s\n",
      result.seconds, static_cast<double>(back - idle) / 1024 / count, result.processor_seconds,
      in_seconds(listening - begin));
  for (const auto& [thread, value] : threads) {
    if (value >= 0.02) fmt::print("  {:16} {:>8.2f} s\n", thread, value);
  }
  const bool stored = fleet.run("storing", kTimeMax, [&] { return fleet.all_stored(); });
  const auto in_the_end = static_cast<double>(load::resident(side.pid()));
  fmt::print(
      "resident with all  {:>9.1f} MiB, {:.1f} of them its store's; without, {:.1f} KiB each\n",
      in_the_end / (1 << 20), side.store_bytes() / (1 << 20),
      (in_the_end - side.store_bytes() - static_cast<double>(idle)) / 1024 / count);
  side.end(SIGTERM);
  if (const auto* controller = dynamic_cast<ControllerSide*>(&side)) {
    const auto found = must(load::audit(controller->store(), fleet.source(), options.load));
    fmt::print("windows            {:>9}      acknowledged: {} missing, {} twice, {} altered{}\n",
               found.acknowledged, found.missing, found.repeated, found.altered,
               stored ? "" : "; not all were stored in time");
  }
  std::fflush(stdout);
  return result;
}

template <typename Measure>
auto measured_in(const Options& options, const char* name, Measure measure) {
  Options here = options;
  here.directory = (fs::path(options.directory) / name).string();
  fs::remove_all(here.directory);
  fs::create_directories(here.directory);
  const auto result = measure(here);
  fs::remove_all(here.directory);
  return result;
}

void compare_storms(const Options& options) {
  Storm bare;
  Storm product;
  if (options.only != "controller") {
    bare = measured_in(options, "bare", [](const Options& here) {
      BareSide side(here);
      return storm("bare skeleton", side, here);
    });
  }
  if (options.only != "bare") {
    product = measured_in(options, "controller", [](const Options& here) {
      ControllerSide side(here);
      return storm("faultline-controller", side, here);
    });
  }
  if (options.only.empty()) {
    fmt::print("\ncontroller / bare: wall time {:.2f}, processor time {:.2f}\n",
               product.seconds / bare.seconds, product.processor_seconds / bare.processor_seconds);
  }
}

void compare_threads(const Options& options) {
  Cost first;
  for (const auto count : options.threads) {
    const auto name = fmt::format("ingest_threads {}", count);
    const auto cost = measured_in(options, "controller", [&](Options here) {
      here.ingest_threads = count;
      ControllerSide side(here);
      return ingest(name.c_str(), side, here);
    });
    if (first.processor_ns == 0) first = cost;
    fmt::print("\n{} / {}: durable a second {:.2f}, processor time {:.2f}\n", name,
               options.threads.front(), cost.results_per_second / first.results_per_second,
               cost.processor_ns / first.processor_ns);
  }
}

void compare_ingest(const Options& options) {
  Cost bare;
  Cost product;
  if (options.only != "controller") {
    bare = measured_in(options, "bare", [](const Options& here) {
      BareSide side(here);
      return ingest("bare skeleton", side, here);
    });
  }
  if (options.only != "bare") {
    product = measured_in(options, "controller", [](const Options& here) {
      ControllerSide side(here);
      return ingest("faultline-controller", side, here);
    });
  }
  if (options.only.empty()) {
    fmt::print("\nbare / controller: processor time {:.2f}\n",
               bare.processor_ns / product.processor_ns);
  }
}

int run(const Options& options) {
  fmt::print("{} probes, {} flows in a report, {} windows each\n", options.load.shape.nodes,
             options.load.flows_per_report(), options.load.windows);
  if (options.storm) {
    compare_storms(options);
  } else if (!options.threads.empty()) {
    compare_threads(options);
  } else {
    compare_ingest(options);
  }
  return 0;
}

}  // namespace
}  // namespace faultline::bench

int main(int argc, char** argv) {
  using namespace faultline;
  bench::Options options;
  auto& shape = options.load.shape;
  CLI::App app{"What taking in a result costs, beside a bare skeleton of the same steps.",
               "ingest_bench"};
  app.option_defaults()->always_capture_default();
  app.add_option("--probes", shape.nodes)->check(CLI::Range(2U, load::kProbesMax));
  app.add_option("--targets", shape.targets_per_node);
  app.add_option("--flows", shape.flows_per_target, "to each target");
  app.add_option("--windows", options.load.windows, "of each probe");
  app.add_option("--in-flight", options.load.in_flight);
  app.add_option("--controller", options.controller, "the program");
  app.add_option("--dir", options.directory);
  app.add_option("--only", options.only, "bare or controller");
  app.add_option("--threads", options.threads,
                 "the controller with each of these numbers of ingest threads, instead")
      ->check(CLI::Range(1, 16));
  app.add_flag("--storm", options.storm, "reconnects of everybody, instead of results");
  app.add_option("--skeleton", options.skeleton, "for its own use");
  CLI11_PARSE(app, argc, argv);
  ::signal(SIGPIPE, SIG_IGN);
  if (!load::raise_descriptor_limit(2ULL * shape.nodes + 200)) return 1;
  if (!options.skeleton.empty()) return bench::serve(options.skeleton);
  return bench::run(options);
}

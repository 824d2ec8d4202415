// The largest store that fits, and two that are a tenth of it: what the questions cost that may not
// depend on how much is stored. Results of 200,000 pairs in windows of 10 s: of one node in 8 a
// day, of the others the last 80 minutes; then one window of a million flows. Written straight into
// the store, sealed as it goes; asked in the state that this leaves it in, after a new start.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "controller/app/queries.h"
#include "controller/store/rocks_store.h"
#include "tests/bench/store/arrivals.h"

namespace faultline::bench {
namespace {

namespace fs = std::filesystem;

constexpr Duration kWindow = std::chrono::seconds{10};
constexpr std::uint32_t kOldNodes = 8;  // one of so many has been there all the time
constexpr Duration kNewFor = std::chrono::minutes{80};  // the others: not sealed, or just
constexpr std::int64_t kSealEvery = 30;                 // windows
constexpr std::uint32_t kLastTargets = 200;  // of the last window, in all stores: of each node
constexpr std::uint16_t kLastFlows = 5;      // and towards each of them
constexpr std::size_t kReportsInAppend = 100;
constexpr std::uint32_t kTurns = 11;
constexpr int kLooks = 3;
constexpr int kLooksToSettle = 30;

struct Options {
  std::uint32_t nodes = 1000;
  std::uint32_t targets = 200;
  std::uint32_t members = 1000;     // that may be targets
  std::uint32_t last_nodes = 1000;  // that report in the last window
  std::int64_t hours = 24;
  fs::path directory = "/tmp/faultline-largest-store";
  bool keep = false;  // what was made, for the next run to ask

  [[nodiscard]] tests::FleetShape shape() const {
    return {.nodes = nodes,
            .targets_per_node = targets,
            .members = members,
            .flows_per_target = 1,
            .window = kWindow};
  }
  [[nodiscard]] std::uint32_t old_nodes() const { return std::max(nodes / kOldNodes, 1U); }
  [[nodiscard]] WallTime last_window() const { return kBegin + std::chrono::hours{hours}; }
};

// Milliseconds of the clock, and of all threads' processor time: the first has the disk in it, and
// whoever else uses the machine.
struct Cost {
  double clock = 0;
  double processor = 0;
};

Cost timed_both(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  Cost cost;
  cost.processor = 1e3 * timed(work);
  cost.clock =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  return cost;
}

Cost median(std::vector<Cost> costs) {
  std::ranges::sort(costs, {}, &Cost::clock);
  return costs[costs.size() / 2];
}

void write(store::RocksStore& store, const Arrivals& arrivals) {
  for (std::size_t from = 0; from < arrivals.entries.size(); from += kReportsInAppend) {
    const std::size_t count = std::min(kReportsInAppend, arrivals.entries.size() - from);
    must(store.journal().append(std::span(arrivals.entries).subspan(from, count),
                                std::span(arrivals.dedup).subspan(from, count)));
  }
  if (window_start(arrivals.start, kSealEvery * kWindow) != arrivals.start) return;
  const WallTime horizon = arrivals.start + kWindow - store::kFreshFor;
  while (!must(store.journal().seal_slice(horizon)).done) {
  }
}

void make(const Options& options, const fs::path& directory) {
  fs::create_directories(directory.parent_path());
  auto store = must(store::RocksStore::open(directory));
  Fleet fleet{options.shape()};
  std::uint64_t flow_windows = 0;
  double writing = 0;
  const auto count = [&](NodeId, const Report& report) { flow_windows += report.flows.size(); };
  for (WallTime at = kBegin; at < options.last_window(); at += kWindow) {
    const bool is_late = at >= options.last_window() - kNewFor;
    const Arrivals arrivals = fleet.next(count, is_late ? options.nodes : options.old_nodes());
    writing += timed([&] { write(*store, arrivals); });
  }
  auto last = options.shape();
  last.nodes = options.last_nodes;
  last.targets_per_node = kLastTargets;
  last.flows_per_target = kLastFlows;
  Fleet crowded{last, options.last_window(), 1'000'000};
  const Arrivals arrivals = crowded.next(count, options.last_nodes);
  writing += timed([&] { write(*store, arrivals); });
  const double results = 2 * static_cast<double>(flow_windows);
  const std::uint64_t bytes = store->stats().bytes_on_disk;
  fmt::print("{} pairs, {:.0f} results, {:.2f} GB, {:.2f} bytes and {:.0f} ns of a result\n",
             options.nodes * options.targets, results, static_cast<double>(bytes) / 1e9,
             static_cast<double>(bytes) / results, 1e9 * writing / results);
}

// What the store does in the background after a start is no part of a question. A compaction waits
// for the disk now and then: `looks` in a row must see nothing of it.
void wait_until_idle(int looks) {
  constexpr double kIdle = 1e-3;  // processor seconds in a look
  constexpr auto kLook = std::chrono::milliseconds{300};
  for (int idle = 0; idle < looks;) {
    idle = timed([&] { std::this_thread::sleep_for(kLook); }) > kIdle ? 0 : idle + 1;
  }
}

// What is cached of the store's files goes, as far as this system's own cache.
void forget_cached(const fs::path& directory) {
  for (const auto& file : fs::directory_iterator{directory}) {
    const int fd = ::open(file.path().c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    ::fdatasync(fd);
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    ::close(fd);
  }
}

// What a running controller knows of such a fleet.
app::Snapshot snapshot_of(const Options& options) {
  app::Snapshot snapshot;
  snapshot.window = kWindow;
  for (std::uint32_t id = 1; id <= options.last_nodes; ++id) {
    auto& node = snapshot.nodes.emplace_back();
    node.id = id;
    node.name = fmt::format("node{}", id);
    snapshot.names[NodeId{id}] = node.name;
  }
  return snapshot;
}

// One store, and what each question has cost so far.
class Asked {
 public:
  explicit Asked(const Options& options)
      : options_(options),
        directory_(options.directory / fmt::format("{}x{}-of-{}-{}h", options.nodes,
                                                   options.targets, options.members,
                                                   options.hours)),
        snapshot_(snapshot_of(options)) {
    if (!fs::exists(directory_)) make(options_, directory_);
    store_ = must(store::RocksStore::open(directory_));
    wait_until_idle(kLooksToSettle);  // compactions that making it left over; they are done once
  }
  ~Asked() {
    store_.reset();
    if (!options_.keep) fs::remove_all(directory_);
  }
  Asked(const Asked&) = delete;
  Asked& operator=(const Asked&) = delete;

  void ask_pairs(std::uint32_t turn) {
    store_.reset();
    store_ = must(store::RocksStore::open(directory_));
    wait_until_idle(kLooks);
    forget_cached(directory_);
    note("a pair's 24 h, raw, just opened", [&] { ask_pair(2 * turn); });
    // As in a controller that has run for a while: its tables are open, what they hold is not read.
    forget_cached(directory_);
    note("a pair's 24 h, raw, cold", [&] { ask_pair(2 * turn + 1); });
    note("a pair's 24 h, raw, warm", [&] { ask_pair(2 * turn + 1); });
  }

  void ask_last_window() {
    const WallTime end = options_.last_window() + kWindow;
    note("the localizer's window of flows", [&] {
      must(store_->views().scan_reports(options_.last_window(), end, {},
                                        [&](NodeId, const Report& report) {
                                          rows_ += report.flows.size();
                                          return true;
                                        }));
    });
    const std::atomic<bool> stopping{false};
    const app::Queries queries{store_->views(), stopping, {}};
    note("the matrix of all nodes, last window", [&] {
      rows_ = must(queries.matrix(snapshot_, {.by = "node", .at = end, .since = {}})).cells.size();
    });
  }

  struct Question {
    std::string_view name;
    std::vector<Cost> costs;
    std::uint64_t rows = 0;
  };
  [[nodiscard]] const std::vector<Question>& questions() const { return questions_; }

 private:
  void note(std::string_view name, const std::function<void()>& work) {
    auto at = std::ranges::find(questions_, name, &Question::name);
    if (at == questions_.end()) at = questions_.insert(at, {name, {}, 0});
    rows_ = 0;
    at->costs.push_back(timed_both(work));
    at->rows = rows_;
  }

  void ask_pair(std::uint32_t number) {
    const std::uint32_t node = number * 7919 % options_.old_nodes() + 1;
    const NodeId target{node % options_.members + 1};
    must(store_->views().scan_pair(NodeId{node}, target, kBegin, options_.last_window(),
                                   [&](const store::PairWindow& window) {
                                     rows_ += window.flows.size();
                                     return true;
                                   }));
  }

  const Options options_;
  const fs::path directory_;
  const app::Snapshot snapshot_;
  std::unique_ptr<store::RocksStore> store_;
  std::vector<Question> questions_;
  std::uint64_t rows_ = 0;  // of the question at hand
};

// Medians over the turns; the growth is that of each turn.
void print(const Asked::Question& small, const Asked::Question& large) {
  std::vector<double> growth;
  for (std::size_t turn = 0; turn < large.costs.size(); ++turn) {
    growth.push_back(large.costs[turn].clock / small.costs[turn].clock);
  }
  std::ranges::sort(growth);
  const Cost before = median(small.costs);
  const Cost now = median(large.costs);
  fmt::print("  {:38} {:>13.1f} ({:>8.1f}) {:>13.1f} ({:>8.1f}) {:>8.2f}   {} rows\n", large.name,
             before.clock, before.processor, now.clock, now.processor, growth[growth.size() / 2],
             large.rows);
}

void print(std::string_view what, const Asked& small, const Asked& large) {
  fmt::print("{}\n  {:38} {:>24} {:>24} {:>8}\n", what, "", "clock ms (processor), 1/10",
             "clock ms (processor)", "growth");
  for (std::size_t i = 0; i < large.questions().size(); ++i) {
    print(small.questions()[i], large.questions()[i]);
  }
}

// As fleets grow: a node's plan has a budget, and so as many targets as before.
Options tenth_of_the_nodes(Options options) {
  options.nodes = std::max(options.nodes / 10, 1U);
  return options;
}

// With fewer nodes each has fewer targets, too.
Options tenth_of_a_mesh(Options options) {
  const auto smaller = [](std::uint32_t count) {
    return std::max(static_cast<std::uint32_t>(std::lround(count / std::sqrt(10.0))), 1U);
  };
  options.nodes = options.members = smaller(options.nodes);
  options.targets = smaller(options.targets);
  return options;
}

void run(const Options& options) {
  Asked fleet{tenth_of_the_nodes(options)};
  Asked mesh{tenth_of_a_mesh(options)};
  Asked large{options};
  // In turns: the machine's speed changes from minute to minute.
  for (std::uint32_t turn = 0; turn < kTurns; ++turn) {
    for (Asked* store : {&fleet, &mesh, &large}) store->ask_pairs(turn);
    for (Asked* store : {&fleet, &mesh, &large}) store->ask_last_window();
  }
  print("beside a tenth of the nodes, each with as many targets", fleet, large);
  print("beside a tenth of a mesh, its nodes with a third of the targets", mesh, large);
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  fmt::print("  at most {} MB resident\n", usage.ru_maxrss >> 10);
}

}  // namespace
}  // namespace faultline::bench

int main(int argc, char** argv) {
  faultline::bench::Options options;
  CLI::App app{"What questions to a large store cost, beside a tenth of it", "largest_store_bench"};
  app.option_defaults()->always_capture_default();
  app.add_option("--nodes", options.nodes, "That report");
  app.add_option("--targets", options.targets, "Of each of them");
  app.add_option("--hours", options.hours, "Of history, of one node in eight");
  app.add_option("--dir", options.directory, "Where the stores are made");
  app.add_flag("--keep", options.keep, "Asks the stores that are there, and leaves them");
  CLI11_PARSE(app, argc, argv);
  options.members = options.last_nodes = options.nodes;
  faultline::bench::run(options);
}

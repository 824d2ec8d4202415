// What a window costs the live localizer in a synthetic fleet (README.md).
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/random.h"
#include "controller/core/live_detector.h"
#include "controller/core/live_localizer.h"

namespace faultline {
namespace {

constexpr std::uint32_t kRack = 20;
constexpr std::uint32_t kSpines = 16;
constexpr std::uint32_t kPeers = 32;
constexpr std::uint32_t kPackets = 10;
constexpr std::uint32_t kPerMillion = 1'000'000;
constexpr std::uint32_t kBackground = 10;  // per million
constexpr std::uint32_t kFault = 10'000;
constexpr Duration kWindow = std::chrono::seconds{10};
const WallTime kStart = wall_time_from_unix_seconds(1'790'000'400);

double cpu_ms() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

double peak_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

double resident_mb() {
  std::ifstream statm("/proc/self/statm");
  long size = 0;
  long resident = 0;
  statm >> size >> resident;
  return static_cast<double>(resident) * 4096 / 1e6;
}

class Fleet {
 public:
  Fleet(std::uint32_t nodes, std::uint32_t flows)
      : topology(std::make_shared<topology::Topology>()),
        paths(std::make_shared<topology::PathBook>()),
        nodes_(nodes),
        flows_(flows),
        rng_(1) {
    for (std::uint32_t id = 1; id <= nodes; ++id) {
      topology->set_node(NodeId{id}, "h" + std::to_string(id), NodeKind::kHost, host(id));
    }
    for (std::uint32_t id = 1; id <= nodes; ++id) plan(id);
    topology->settle();
  }

  core::SolveJob job(int number) {
    core::SolveJob job;
    job.window = kWindow;
    job.ripe.window_start = kStart + kWindow * number;
    job.topology = topology;
    job.paths = paths;
    auto& window = job.ripe.windows.emplace_back();
    for (std::uint32_t id = 1; id <= nodes_; ++id) {
      Report report = plans_[id - 1];
      report.window_start = job.ripe.window_start;
      for (auto& flow : report.flows) measure(id, flow);
      window.push_back({NodeId{id}, std::make_shared<const Report>(std::move(report))});
    }
    return job;
  }

  // A path of each node, as traced once more.
  [[nodiscard]] std::vector<std::pair<NodeId, PathRecord>> one_of_each() const {
    std::vector<std::pair<NodeId, PathRecord>> traces;
    for (const auto& [key, known] : paths->paths()) {
      if (!traces.empty() && traces.back().first == key.reporter) continue;
      traces.emplace_back(key.reporter, known.path);
      traces.back().second.traced_at += kWindow;
    }
    return traces;
  }

  std::shared_ptr<topology::Topology> topology;
  std::shared_ptr<topology::PathBook> paths;

 private:
  static IpAddress host(std::uint32_t id) { return IpAddress::v4(0x0a000000U + id); }
  static std::uint32_t rack_of(std::uint32_t id) { return (id - 1) / kRack; }
  static std::uint32_t spine_of(std::uint32_t from, std::uint32_t to, std::uint16_t port) {
    const auto mixed =
        (std::uint64_t{from} << 40 ^ std::uint64_t{to} << 20 ^ port) * 0x9e3779b97f4a7c15ULL;
    return static_cast<std::uint32_t>((mixed >> 33) % kSpines);
  }
  static std::vector<Hop> hops(std::uint32_t from, std::uint32_t to, std::uint16_t port) {
    const auto entry = IpAddress::v4(0x0b000000U + rack_of(from));
    if (rack_of(from) == rack_of(to)) return {{entry}};
    const auto spine = spine_of(from, to, port);
    const auto link = [&](std::uint32_t rack, std::uint32_t side) {
      return IpAddress::v4(0x0c000000U + 2 * (rack * kSpines + spine) + side);
    };
    return {{entry}, {link(rack_of(from), 1)}, {link(rack_of(to), 0)}};
  }

  void plan(std::uint32_t id) {
    Report& report = plans_.emplace_back();
    report.window = kWindow;
    const std::uint32_t ports = std::max(1U, flows_ / kPeers);
    for (std::uint32_t i = 0; i < flows_; ++i) {
      FlowWindow flow;
      flow.target = NodeId{1 + (id - 1 + 1 + (i / ports) * 31) % nodes_};
      if (flow.target == NodeId{id}) continue;
      flow.source_port = static_cast<std::uint16_t>(42000 + i % ports);
      for (const auto direction : {Direction::kForward, Direction::kReturn}) {
        const bool out = direction == Direction::kForward;
        const auto to = flow.target.value();
        const PathRecord path{
            .target = flow.target,
            .source_port = flow.source_port,
            .direction = direction,
            .traced_at = kStart,
            .complete = true,
            .hops = out ? hops(id, to, flow.source_port) : hops(to, id, flow.source_port)};
        paths->update(NodeId{id}, path);
        topology->learn(NodeId{id}, path);
      }
      report.flows.push_back(flow);
    }
    std::ranges::sort(report.flows, {},
                      [](const FlowWindow& it) { return std::pair(it.target, it.source_port); });
    for (const auto& flow : report.flows) {
      if (report.delays.empty() || report.delays.back().target != flow.target) {
        report.delays.push_back({.target = flow.target, .rtt = {}});
      }
      for (std::uint64_t i = 0; i < kPackets; ++i) {
        report.delays.back().rtt.add(100'000 + 8'000 * (i * i % 11));
      }
    }
  }

  void measure(std::uint32_t id, FlowWindow& flow) {
    const auto to = flow.target.value();
    const bool is_faulty =
        rack_of(id) == 0 && rack_of(to) != 0 && spine_of(id, to, flow.source_port) == 3;
    flow.sent = kPackets;
    flow.rtt_min_ns = 100'000;
    flow.rtt_mean_ns = flow.rtt_max_ns = 120'000;
    for (std::uint32_t i = 0; i < kPackets; ++i) {
      flow.lost_forward += uniform_below(rng_, kPerMillion) < kBackground + is_faulty * kFault;
    }
    for (std::uint32_t i = 0; i < kPackets - flow.lost_forward; ++i) {
      flow.lost_return += uniform_below(rng_, kPerMillion) < kBackground;
    }
  }

  std::uint32_t nodes_;
  std::uint32_t flows_;
  Rng rng_;
  std::vector<Report> plans_;
};

// What the loop pays for a trace of each node in turn while a snapshot of the paths is held.
void copy_paths(const Fleet& fleet) {
  topology::PathBook book(*fleet.paths);
  double most = 0;
  double total = 0;
  const auto traces = fleet.one_of_each();
  for (const auto& [node, path] : traces) {
    const double start = cpu_ms();
    if (node == traces.front().first) book = *fleet.paths;
    book.update(node, path);
    const double took = cpu_ms() - start;
    most = std::max(most, took);
    total += took;
  }
  std::printf("%zu paths; after a snapshot, a trace of each node costs %.2f ms, the dearest %.2f\n",
              book.size(), total, most);
}

void measure(std::uint32_t nodes, std::uint32_t flows, int windows) {
  Fleet fleet(nodes, flows);
  core::LiveLocalizer live({});
  core::LiveDetector detector({});
  std::printf("%u nodes x %u flows: %.0f MB with its plans and paths\n", nodes, flows,
              resident_mb());
  copy_paths(fleet);
  std::printf("%6s %9s %9s %9s %9s %9s %9s  %s\n", "window", "CPU ms", "detect ms", "share", "MB",
              "peak MB", "flows", "named");
  for (int number = 0; number < windows; ++number) {
    const auto job = fleet.job(number);
    const double start = cpu_ms();
    auto solution = live.solve(job);
    const double took = cpu_ms() - start;
    detector.judge(job, solution);
    const double detecting = cpu_ms() - start - took;
    std::printf("%6d %9.0f %9.0f %8.0f%% %9.0f %9.0f %9lu ", number, took, detecting,
                100 * detecting / took, resident_mb(), peak_mb(),
                static_cast<unsigned long>(solution.live.flows));
    for (const auto& it : solution.verdict.suspects) std::printf(" %s", it.id.c_str());
    std::printf("\n");
    std::fflush(stdout);
  }
}

std::uint32_t number(const char* text) {
  return static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10));
}

}  // namespace
}  // namespace faultline

int main(int argc, char** argv) {
  const bool given = argc > 3;
  faultline::measure(given ? faultline::number(argv[1]) : 1000,
                     given ? faultline::number(argv[2]) : 512,
                     given ? static_cast<int>(faultline::number(argv[3])) : 14);
  return 0;
}

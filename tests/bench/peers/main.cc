// The same observations in our store, in Prometheus and in VictoriaMetrics: processor time until
// they are in their smallest form, and bytes on disk. The peers are processes of their own, on
// loopback; ours is charged all that this process does in the store.
// peers_bench [--nodes N] [--targets N] [--flows N] [--hours H] [--batch WINDOWS] [--dir DIR]
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "controller/store/rocks_store.h"
#include "tests/bench/peers/encodings.h"
#include "tests/bench/peers/peer.h"
#include "tests/bench/store/arrivals.h"

namespace faultline::bench {
namespace {

namespace fs = std::filesystem;

struct Options {
  tests::FleetShape fleet{};
  std::int64_t hours = 2;
  std::int64_t batch = 1;  // windows in one request to a peer
  fs::path directory = "/tmp/faultline-peers-bench";

  [[nodiscard]] std::int64_t windows() const { return std::chrono::hours{hours} / fleet.window; }
  [[nodiscard]] double flow_windows() const {
    return static_cast<double>(fleet.nodes) * fleet.targets_per_node * fleet.flows_per_target *
           static_cast<double>(windows());
  }
};

struct Cost {
  double writing = 0;   // processor seconds, as it comes
  double settling = 0;  // to its smallest form
  std::uint64_t bytes = 0;
  std::uint64_t raw_bytes = 0;  // of them without roll-ups, which the peers do not have

  [[nodiscard]] double seconds() const { return writing + settling; }
};

Cost cost_of_ours(const Options& options) {
  const fs::path directory = options.directory / "ours";
  Cost cost;
  {
    auto store = must(store::RocksStore::open(directory));
    Fleet fleet{options.fleet};
    for (std::int64_t window = 0; window < options.windows(); ++window) {
      const Arrivals arrivals = fleet.next();
      cost.writing +=
          timed([&] { must(store->journal().append(arrivals.entries, arrivals.dedup)); });
    }
    cost.settling = timed([&] {
      const WallTime end = kBegin + std::chrono::hours{options.hours};
      while (!must(store->journal().seal_slice(end)).done) {
      }
      must(store->compact());
    });
    cost.bytes = store->stats().bytes_on_disk;
    cost.raw_bytes = cost.bytes;
    for (const auto& tier : store->tiers()) {
      if (tier.name == "minutes" || tier.name == "hours") cost.raw_bytes -= tier.bytes;
    }
  }
  return cost;
}

Cost cost_of(Product product, Encoding encoding, Unit unit, const Options& options) {
  const fs::path directory = options.directory / "peer";
  fs::remove_all(directory);
  Cost cost;
  const Peer peer(product, directory);
  const double idle = peer.processor_seconds();
  Fleet fleet{options.fleet};
  Encoder encoder{encoding, unit};
  const Endpoint endpoint = endpoint_of(encoding, peer.remote_write_path());
  std::uint64_t written = 0;
  for (std::int64_t window = 1; window <= options.windows(); ++window) {
    const WallTime start = kBegin + (window - 1) * options.fleet.window;
    static_cast<void>(fleet.next(
        [&](NodeId source, const Report& report) {
          for (const FlowWindow& flow : report.flows) encoder.add(source, start, flow);
          written += report.flows.size() * kFieldsPerFlow;
        },
        options.fleet.nodes));
    if (window % options.batch != 0 && window != options.windows()) continue;
    for (const std::string& body : encoder.finish()) peer.write(endpoint, body);
  }
  cost.writing = peer.processor_seconds() - idle;
  cost.bytes = cost.raw_bytes = peer.settle();
  cost.settling = peer.processor_seconds() - idle - cost.writing;
  if (peer.samples() < written) {
    fmt::print(stderr, "peers_bench: of {} samples the peer took {}\n", written, peer.samples());
    std::exit(1);
  }
  return cost;
}

void print(std::string_view name, const Cost& cost, const Cost& ours, double flow_windows) {
  const double results = 2 * flow_windows;
  fmt::print("  {:38} {:9.0f} {:9.0f} {:9.2f} {:10.3f} {:8.3f} {:8.3f}\n", name,
             1e9 * cost.writing / results, 1e9 * cost.settling / results,
             static_cast<double>(cost.bytes) / results, ours.seconds() / cost.seconds(),
             static_cast<double>(ours.bytes) / static_cast<double>(cost.bytes),
             static_cast<double>(ours.raw_bytes) / static_cast<double>(cost.bytes));
}

int run(const Options& options) {
  fs::remove_all(options.directory);
  fs::create_directories(options.directory);
  fmt::print(
      "{} nodes, {} pairs of {} flows, {} windows: {:.0f} results; a request of {} windows\n",
      options.fleet.nodes, options.fleet.nodes * options.fleet.targets_per_node,
      options.fleet.flows_per_target, options.windows(), 2 * options.flow_windows(), options.batch);
  fmt::print("  {:38} {:>9} {:>9} {:>9} {:>10} {:>8} {:>8}\n", "of a result", "write ns",
             "settle ns", "bytes", "ours: time", "bytes", "raw only");
  const Cost ours = cost_of_ours(options);
  print("ours", ours, ours, options.flow_windows());
  const auto peer = [&](std::string_view name, Product product, Encoding encoding,
                        Unit unit = Unit::kNanoseconds) {
    print(name, cost_of(product, encoding, unit, options), ours, options.flow_windows());
  };
  peer("Prometheus, seconds", Product::kPrometheus, Encoding::kRemoteWrite, Unit::kSeconds);
  peer("Prometheus, nanoseconds", Product::kPrometheus, Encoding::kRemoteWrite);
  peer("VictoriaMetrics, remote write, seconds", Product::kVictoriaMetrics, Encoding::kRemoteWrite,
       Unit::kSeconds);
  peer("VictoriaMetrics, remote write", Product::kVictoriaMetrics, Encoding::kRemoteWrite);
  peer("VictoriaMetrics, CSV", Product::kVictoriaMetrics, Encoding::kCsv);
  peer("VictoriaMetrics, JSON lines", Product::kVictoriaMetrics, Encoding::kJsonLines);
  fs::remove_all(options.directory);
  return 0;
}

}  // namespace
}  // namespace faultline::bench

int main(int argc, char** argv) {
  faultline::bench::Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string key = argv[i];
    const auto number = std::strtoul(argv[i + 1], nullptr, 10);
    if (key == "--nodes") options.fleet.nodes = static_cast<std::uint32_t>(number);
    if (key == "--targets") options.fleet.targets_per_node = static_cast<std::uint32_t>(number);
    if (key == "--flows") options.fleet.flows_per_target = static_cast<std::uint16_t>(number);
    if (key == "--hours") options.hours = static_cast<std::int64_t>(number);
    if (key == "--batch") options.batch = static_cast<std::int64_t>(number);
    if (key == "--dir") options.directory = argv[i + 1];
  }
  return faultline::bench::run(options);
}

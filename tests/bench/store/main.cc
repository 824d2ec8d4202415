// What results cost in the store: bytes on disk and processor time, before and after they are
// sealed, beside bare RocksDB writes of the same bytes in the same run; and what questions cost.
// store_bench [--nodes N] [--targets N] [--flows N] [--hours H] [--dir DIR]
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <rocksdb/db.h>

#include "controller/store/options.h"
#include "controller/store/rocks_store.h"
#include "tests/bench/store/arrivals.h"

namespace faultline::store {
namespace {

namespace fs = std::filesystem;
using bench::Arrivals;
using bench::Fleet;
using bench::kBegin;
using bench::must;
using bench::timed;

struct Options {
  tests::FleetShape fleet{};
  std::int64_t hours = 3;
  fs::path directory = "/tmp/faultline-store-bench";
};

std::uint64_t bytes_of(const fs::path& directory) {
  std::uint64_t bytes = 0;
  for (const auto& file : fs::directory_iterator{directory}) {
    if (file.path().extension() == ".sst") bytes += file.file_size();
  }
  return bytes;
}

// The same payloads into one column family of a bare database, synced once a window.
double bare_seconds(const Options& options, std::int64_t windows) {
  const fs::path directory = options.directory / "bare";
  rocksdb::Options bare;
  bare.create_if_missing = true;
  bare.compression = rocksdb::kZSTD;
  rocksdb::DB* opened = nullptr;
  if (!rocksdb::DB::Open(bare, directory.string(), &opened).ok()) std::exit(1);
  const std::unique_ptr<rocksdb::DB> db{opened};
  Fleet fleet{options.fleet};
  double seconds = 0;
  std::uint64_t row = 0;
  for (std::int64_t window = 0; window < windows; ++window) {
    const Arrivals arrivals = fleet.next();
    seconds += timed([&] {
      rocksdb::WriteBatch batch;
      for (const auto& entry : arrivals.entries) {
        batch.Put(fmt::format("{:016x}", ++row),
                  rocksdb::Slice(reinterpret_cast<const char*>(entry.payload.data()),
                                 entry.payload.size()));
      }
      rocksdb::WriteOptions synced;
      synced.sync = true;
      if (!db->Write(synced, &batch).ok()) std::exit(1);
    });
  }
  seconds += timed([&] { static_cast<void>(db->CompactRange({}, nullptr, nullptr)); });
  return seconds;
}

void ask(RocksStore& store, std::string_view what, std::size_t times,
         const std::function<std::uint64_t()>& question) {
  std::uint64_t rows = 0;
  const double seconds = timed([&] {
    for (std::size_t i = 0; i < times; ++i) rows += question();
  });
  fmt::print("  {:46} {:10.2f} ms  ({} rows)\n", what, 1e3 * seconds / static_cast<double>(times),
             rows / times);
  static_cast<void>(store);
}

void ask_all(RocksStore& store, const Options& options) {
  const WallTime end = kBegin + std::chrono::hours{options.hours};
  const Views& views = store.views();
  const auto pair_of = [&](std::uint32_t i) {
    const std::uint32_t node = i * 7919 % options.fleet.nodes + 1;
    return std::pair{NodeId{node}, NodeId{node % options.fleet.nodes + 1}};
  };
  std::uint32_t asked = 0;
  ask(store, "one pair, all of the time, raw", 20, [&] {
    const auto [source, target] = pair_of(++asked);
    std::uint64_t flows = 0;
    must(views.scan_pair(source, target, kBegin, end, [&](const PairWindow& window) {
      flows += window.flows.size();
      return true;
    }));
    return flows;
  });
  const auto rollups = [&](Resolution resolution, bool of_pair) {
    std::uint64_t rows = 0;
    RollupQuery query{.resolution = resolution, .from = kBegin, .to = end};
    if (of_pair) std::tie(query.source, query.target) = pair_of(++asked);
    must(views.scan_rollups(query, [&](const Rollup&) {
      ++rows;
      return true;
    }));
    return rows;
  };
  ask(store, "one pair, all of the time, by minutes", 20,
      [&] { return rollups(Resolution::kMinute, true); });
  ask(store, "all pairs, all of the time, by hours", 1,
      [&] { return rollups(Resolution::kHour, false); });
  const auto window_at = [&](WallTime at) {
    std::uint64_t flows = 0;
    must(views.scan_reports(at, at + options.fleet.window, {}, [&](NodeId, const Report& report) {
      flows += report.flows.size();
      return true;
    }));
    return flows;
  };
  ask(store, "all flows of one sealed window", 3, [&] { return window_at(kBegin); });
}

int run(const Options& options) {
  fs::remove_all(options.directory);
  fs::create_directories(options.directory);
  const std::int64_t windows = std::chrono::hours{options.hours} / options.fleet.window;
  const auto flows = static_cast<double>(options.fleet.nodes) * options.fleet.targets_per_node *
                     options.fleet.flows_per_target * static_cast<double>(windows);
  const double bare = bare_seconds(options, windows);
  const std::uint64_t bare_bytes = bytes_of(options.directory / "bare");

  const fs::path directory = options.directory / "store";
  auto store = must(RocksStore::open(directory));
  Fleet fleet{options.fleet};
  double appending = 0;
  std::uint64_t payload_bytes = 0;
  for (std::int64_t window = 0; window < windows; ++window) {
    const Arrivals arrivals = fleet.next();
    for (const auto& entry : arrivals.entries) payload_bytes += entry.payload.size();
    appending += timed([&] { must(store->journal().append(arrivals.entries, arrivals.dedup)); });
  }
  appending += timed([&] { must(store->compact()); });
  const std::uint64_t fresh_bytes = bytes_of(directory);
  std::uint64_t slices = 0;
  const double sealing = timed([&] {
    for (bool done = false; !done; ++slices) {
      done = must(store->journal().seal_slice(kBegin + std::chrono::hours{options.hours})).done;
    }
  });
  const double compacting = timed([&] { must(store->compact()); });

  const auto line = [&](std::string_view what, double seconds, std::uint64_t bytes) {
    fmt::print("  {:34} {:8.1f} ns {:8.2f} bytes   of a flow's window (two results)\n", what,
               1e9 * seconds / flows, static_cast<double>(bytes) / flows);
  };
  fmt::print("{} nodes, {} pairs, {} windows, {:.0f} windows of flows\n", options.fleet.nodes,
             options.fleet.nodes * options.fleet.targets_per_node, windows, flows);
  line("as sent", 0, payload_bytes);
  line("bare RocksDB, zstd, compacted", bare, bare_bytes);
  line("format 1: append, compacted", appending, fresh_bytes);
  line("format 2: seal", sealing, 0);
  line("format 2: and compact", compacting, bytes_of(directory));
  for (const auto& tier : store->tiers()) line("  of that " + tier.name, 0, tier.bytes);
  fmt::print("  format 2 / format 1: bytes {:.2f}; append and seal / bare write: time {:.2f}\n",
             static_cast<double>(bytes_of(directory)) / static_cast<double>(fresh_bytes),
             (appending + sealing + compacting) / bare);
  fmt::print("  {} slices, {:.1f} ms each\n", slices, 1e3 * sealing / static_cast<double>(slices));
  ask_all(*store, options);
  store.reset();
  fs::remove_all(options.directory);
  return 0;
}

}  // namespace
}  // namespace faultline::store

int main(int argc, char** argv) {
  faultline::store::Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string key = argv[i];
    const auto number = std::strtoul(argv[i + 1], nullptr, 10);
    if (key == "--nodes") options.fleet.nodes = static_cast<std::uint32_t>(number);
    if (key == "--targets") options.fleet.targets_per_node = static_cast<std::uint32_t>(number);
    if (key == "--flows") options.fleet.flows_per_target = static_cast<std::uint16_t>(number);
    if (key == "--hours") options.hours = static_cast<std::int64_t>(number);
    if (key == "--dir") options.directory = argv[i + 1];
  }
  return faultline::store::run(options);
}

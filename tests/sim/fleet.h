// SimFleet: a whole fleet on virtual time. The probes' and the controller's cores are the product's
// own; sockets, disks and the measured network are simulated around them.
//
// Everything is drawn from one seed: a failure is replayed by its number. What it can do to the
// fleet: cut a probe's connection, stop or kill a probe and start it again, crash the controller
// (what was not durable is gone), lose packets on a link, switch a host off, cut its uplink, slow
// down, stall or break the controller's disk, set a clock wrong. What it watches: acknowledged
// batches, stored batches, plans, incidents.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "controller/core/core.h"
#include "probe/core/core.h"
#include "tests/sim/clockwork.h"
#include "tests/sim/digest.h"
#include "tests/sim/fabric.h"

namespace faultline::sim {

using BatchName = std::tuple<std::uint32_t, std::uint64_t, std::uint64_t>;  // node, boot, sequence

class SimController;
class SimProbe;

// What outlives a crash of the controller.
struct SimDisk {
  std::map<std::pair<core::Document, std::string>, std::string> documents;
  std::map<BatchName, core::JournalWrite> batches;
  std::map<std::pair<NodeId, BootId>, ingest::DedupRow> dedup;
  std::vector<core::TracedPath> paths;
  std::uint64_t written_twice = 0;
};

struct SentAlert {
  std::string incident;
  std::string event;
  std::string component;
  std::string severity{};
  std::string summary{};
  Instant at{};
};

struct SentBoost {
  Instant at{};
  NodeId node{};
  Boost boost{};
};

struct JudgedWindow {
  WallTime window_start{};
  std::size_t nodes_expected = 0;
  std::size_t nodes_reported = 0;
};

class SimFleet {
 public:
  struct Options {
    std::uint32_t tracked_flows_per_node_max = 512;
    std::uint32_t traces_per_second = 10;
    bool labels = false;  // `rack` is the leaf
    std::vector<std::uint8_t> dscp_classes{};
  };

  SimFleet(std::uint64_t seed, std::uint32_t hosts, std::uint32_t leaves, std::uint32_t spines)
      : SimFleet(seed, hosts, leaves, spines, Options()) {}
  SimFleet(std::uint64_t seed, std::uint32_t hosts, std::uint32_t leaves, std::uint32_t spines,
           Options options);
  ~SimFleet();

  void run(Duration length) { clock.run(length); }
  void crash_controller();  // started again by start_controller()
  void start_controller();
  void cut_connection(std::size_t probe);
  // As SIGTERM does, and as SIGKILL does. Its disk stays.
  void stop_probe(std::size_t probe);
  void kill_probe(std::size_t probe);
  void start_probe(std::size_t probe);
  // The machine is gone, its probe with it if it still runs; as after its boot, its probe starts.
  void switch_off(std::uint32_t host);
  void switch_on(std::uint32_t host);
  enum class Way { kMeasured, kController, kAll };
  // Nothing of it gets through, both ways.
  void cut_uplink(std::uint32_t host, Way way);
  void mend_uplink(std::uint32_t host);
  // Whether packets pass between the two, as far as switched off hosts and uplinks go.
  [[nodiscard]] bool passes(std::uint32_t from, std::uint32_t to, WallTime time) const;
  [[nodiscard]] bool reaches_controller(std::uint32_t host) const;
  // One host more, with a token of its own.
  void add_host();
  // As an operator does; its probe is killed before.
  void remove_host(std::uint32_t host);
  [[nodiscard]] SimProbe* probe_at(std::uint32_t host);

  [[nodiscard]] bool every_plan_is_current() const;
  // Batches that some probe still waits to have acknowledged.
  [[nodiscard]] std::size_t batches_waiting() const;
  // Acknowledged to a probe, yet not on the controller's disk. Must always be empty.
  [[nodiscard]] std::vector<BatchName> acknowledged_but_lost() const;
  [[nodiscard]] std::size_t batches_made() const;
  [[nodiscard]] std::size_t batches_acknowledged() const;
  // Of all that happened, as it happened, and of what is left: acknowledgements, incidents,
  // figures. The same history gives the same number.
  [[nodiscard]] std::uint64_t digest() const;

  const Options options;
  Clockwork clock;
  Rng rng;
  SimFabric fabric;
  SimDisk disk;
  // Of the controllers that are started from now on.
  Duration restart_excused_max = fleet::kExcusedMaxDefault;
  plan::AdaptiveConfig adaptive;
  Duration solve_takes = std::chrono::milliseconds{50};
  // The controller's machine: its disk and its clock.
  Duration append_takes = std::chrono::milliseconds{5};
  Duration batch_takes{};     // for each batch of an append, beside that
  bool disk_stalled = false;  // writes wait until it is not
  bool disk_fails = false;    // writes end with an error, and nothing of them is there
  Duration controller_ahead{};
  std::vector<SentAlert> alerts;
  std::vector<SentBoost> boosts;
  std::vector<JudgedWindow> judged;  // by all controllers
  Digest happened;  // what the controllers asked for and everybody logged, in order
  std::uint64_t tests_ordered = 0;
  std::map<std::pair<BootId, std::uint64_t>, WallTime> true_windows;  // of every batch
  std::unique_ptr<SimController> controller;                          // null while it is down
  std::vector<std::unique_ptr<SimProbe>> probes;

 private:
  struct Outage {
    std::uint32_t host = 0;
    WallTime from{};
    WallTime until = WallTime::max();
    Way way = Way::kAll;
  };
  void end_outage(std::uint32_t host);
  void digest_figures(Digest& digest) const;

  std::vector<Outage> outages_;
};

}  // namespace faultline::sim

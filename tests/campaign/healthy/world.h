// World: the controller's own core, a healthy network and its hosts, on virtual time.
//
// Why it exists: whether a month stays silent is a property of all that judges: planning, liveness,
// absences, localizer, incidents, watchdog. These are the product's; disk, sockets and probes are
// not, so that a month takes an hour.
//
// Thread safety: none. Everything follows from the seed.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "controller/core/core.h"
#include "controller/core/live_detector.h"
#include "controller/core/live_localizer.h"
#include "tests/campaign/healthy/host.h"
#include "tests/campaign/healthy/network.h"
#include "tests/sim/clockwork.h"

namespace faultline::healthy {

// An alert that reached on-call, and what was going on.
struct Page {
  WallTime at{};
  std::string event;
  std::string body;
  std::vector<std::string> meanwhile;
};

class World final : public core::EffectSink {
 public:
  static constexpr Duration kHeartbeat = std::chrono::seconds{5};

  struct Options {
    Network::Options network;
    std::uint64_t seed = 1;
    std::uint32_t flows_per_node_max = 512;
  };
  explicit World(const Options& options);

  // `told` is called after every hour.
  void run(Duration length, const std::function<void()>& told);

  [[nodiscard]] const std::vector<Page>& pages() const { return pages_; }
  [[nodiscard]] const core::ControllerCore& core() const { return core_; }
  [[nodiscard]] std::size_t sessions() const;
  // Abnormal pairs and nodes that no suspect explained, by kind.
  [[nodiscard]] const std::map<std::string, std::uint64_t>& anomalies() const { return anomalies_; }

  // For the hosts.
  [[nodiscard]] const Host& host(std::uint32_t number) const { return *hosts_[number - 1]; }
  void tell(std::uint32_t host, ProbeMessage message);
  void report(std::uint32_t host, Batch batch, std::shared_ptr<const Report> report);
  void note(std::string text);
  sim::Clockwork clock;
  Network network;
  HostCounters counters;

  void send(const PublicKey& to, ControllerMessage message) override;
  void decode(NodeId node, Batch batch) override;
  void open(NodeId, const core::RelayedBy&, std::vector<std::byte>) override {}
  void send_sealed(const core::RelayedBy&, const BatchAck&) override {}
  void append(core::Append append) override;
  void commit(std::uint64_t commit, std::vector<core::DocumentWrite> writes) override;
  void plan(core::PlanningJob job) override;
  void solve(core::SolveJob job) override;
  void recall(core::RecallJob job) override;
  void deliver(notify::OutboxEntry entry) override;
  void keep_facts(NodeId, FactsUpdate) override {}
  void check(core::CheckJob) override {}
  void publish_trust(const fleet::TrustTable&) override {}
  void serve_under(const PublicKey&) override {}
  void answer(std::uint64_t, Status) override {}
  void record(core::FleetChange) override {}
  void log(core::Severity, std::string_view, std::string) override {}

 private:
  void step(core::Event event);
  void tick();
  void read_vitals();
  void advance_network();

  core::ControllerCore core_;
  core::LiveLocalizer live_;
  core::LiveDetector detector_;
  std::map<std::string, std::uint64_t> anomalies_;
  std::set<std::tuple<detect::Kind, std::string, WallTime>> known_anomalies_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::deque<core::Event> answers_;  // that effects asked for; they come after the step
  bool stepping_ = false;
  std::shared_ptr<const Report> decoding_;  // of the batch that is being told
  std::vector<Page> pages_;
  std::deque<std::pair<WallTime, std::string>> notes_;
};

}  // namespace faultline::healthy

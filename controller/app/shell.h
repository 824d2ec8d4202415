// Shell: carries out the core's effects on the threads that own them, and brings the answers back.
//
// Thread safety: lives on the loop; every answer is posted to it. Lifetime: the workers must be
// stopped (Shell::stop) before anything that the jobs touch is destroyed.
#pragma once

#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/async/asio.h"
#include "common/async/published.h"
#include "common/async/worker.h"
#include "common/crypto/keys.h"
#include "common/obs/log_limiter.h"
#include "common/service/vigil.h"
#include "common/zmq/zap_thread.h"
#include "controller/app/link.h"
#include "controller/app/records.h"
#include "controller/core/core.h"
#include "controller/core/group_series.h"
#include "controller/core/live_detector.h"
#include "controller/core/live_localizer.h"
#include "controller/notify/receiver.h"
#include "controller/notify/sender.h"
#include "controller/store/rocks_store.h"

namespace faultline::app {

struct ShellCounters {
  obs::Counter heartbeats;         // of the dead man's switch, delivered
  obs::Counter heartbeats_failed;  // trouble when it grows
  obs::Counter overloaded;         // a job that found its queue full; a bug above 0
  obs::Gauge solve_seconds;        // wall time of the last solve; trouble when it nears a window
  obs::Gauge planning_seconds;     // wall time of the last planning job
  obs::Gauge check_seconds;        // wall time of the last check of all facts
  obs::Counter sealed;             // reports moved into blocks; stands still: see the log
  obs::Counter seal_slices;        // in which they were moved
  obs::Counter sealed_repeated;    // reports that came again after they were sealed
  obs::Counter seal_failures;      // trouble when it grows: the disk
};

// Jobs for the writer that are not the core's: an append, a slice to seal, retention, a new key.
inline constexpr std::size_t kOwnWritesMax = 4;

// As the ZAP thread has it.
[[nodiscard]] zmq::TrustTable to_zap_table(const fleet::TrustTable& trust);

class Shell : public core::EffectSink {
 public:
  using EventHandler = std::function<void(core::Event)>;  // called on the loop
  // The controller's key pair is another from now on; on the loop.
  using KeyHandler = std::function<void(crypto::KeyPair)>;
  using ChangeHandler = std::function<void(core::FleetChange)>;  // called on the loop

  struct Handlers {
    EventHandler on_event;
    KeyHandler on_key;
    ChangeHandler on_change;
  };

  struct JobOptions {
    std::uint32_t ingest_threads = 1;  // at least 1
    core::LiveLocalizer::Options live{};
    core::LiveDetector::Options detector{};
    core::GroupSeries::Options groups{};
  };

  Shell(async::asio::io_context& loop, ControllerLink& link, store::RocksStore& store,
        async::Published<zmq::TrustTable>& trust, DocumentVersions versions,
        std::map<std::string, notify::Receiver> receivers, std::filesystem::path data_dir,
        const JobOptions& jobs, const crypto::KeyPair& keys, Handlers handlers);

  void send(const PublicKey& to, ControllerMessage message) override;
  void decode(NodeId node, Batch batch) override;
  void open(NodeId node, const core::RelayedBy& by, std::vector<std::byte> sealed) override;
  void send_sealed(const core::RelayedBy& by, const BatchAck& ack) override;
  void append(core::Append append) override;
  void commit(std::uint64_t commit, std::vector<core::DocumentWrite> writes) override;
  void solve(core::SolveJob job) override;
  void plan(core::PlanningJob job) override;
  void recall(core::RecallJob job) override;
  void deliver(notify::OutboxEntry entry) override;
  void keep_facts(NodeId node, FactsUpdate update) override;
  void check(core::CheckJob job) override;
  void publish_trust(const fleet::TrustTable& trust) override;
  void serve_under(const PublicKey& key) override;
  void answer(std::uint64_t request, Status status) override;
  void record(core::FleetChange change) override;
  void log(core::Severity severity, std::string_view area, std::string text) override;

  // An operator's change: returns the number to put into its event.
  [[nodiscard]] std::uint64_t expect_answer(std::promise<Status> answer);
  // Answers are held back until they are given out, so that who asks next sees the change.
  [[nodiscard]] bool has_answers() const { return !ready_answers_.empty(); }
  void give_answers();
  // Drops what is older than it is to be kept, on the writer. Paths, incidents and what else is
  // told of raw windows last as long as these. Does nothing while that is under way.
  void retain(WallTime now, const store::Retention& retention);
  // Seals reports of before `horizon`, a slice at a time, so that appends wait for one at most.
  // Does nothing while that is under way.
  void seal_before(WallTime horizon);
  // A test alert, past the outbox; `done` gets what the receiver answers, on the loop. kNotFound
  // without such a receiver.
  using TestHandler = std::function<void(Result<notify::DeliveryOutcome>)>;
  void test_receiver(const std::string& name, notify::AlertEvent event, TestHandler done);
  // Tells the dead man's switch at `url` that we live; one that fails is counted, not repeated.
  void beat(const std::string& url, std::string body);
  // On any thread: a commit that is not the core's, of tables that it does not write. The Status is
  // there once it is durable; kUnavailable when the writer takes no more.
  [[nodiscard]] std::future<Status> write(std::vector<store::LedgerWrite> writes);
  // Finishes what is queued; what is asked for afterwards is dropped.
  void stop();

  [[nodiscard]] const notify::SenderCounters& sender_counters() const { return sender_.counters(); }
  // Any thread.
  [[nodiscard]] const std::set<core::Grouping>& groupings() const { return groups_.groupings(); }
  [[nodiscard]] const ShellCounters& counters() const { return counters_; }
  // The workers, as the watchdog sees them.
  [[nodiscard]] std::vector<service::Part> parts(Duration patience) const;

 private:
  void post(core::Event event);
  // Where all that comes of this node is decoded.
  [[nodiscard]] async::Worker& ingest_of(NodeId node);
  void write_append(core::Append append);
  void seal_slice(WallTime horizon);
  void sealed(WallTime horizon, const Result<store::SealProgress>& progress);
  void drop_before(WallTime horizon);
  void delivered(notify::OutboxId id, notify::DeliveryOutcome outcome);
  void run_on(async::Worker& worker, async::Worker::Job job);

  async::asio::io_context& loop_;
  ControllerLink& link_;
  store::RocksStore& store_;
  async::Published<zmq::TrustTable>& trust_;
  DocumentVersions versions_;  // the writer's, once it runs
  const std::map<std::string, notify::Receiver> receivers_;
  const std::filesystem::path data_dir_;
  const crypto::KeyPair& keys_;  // the controller's, in force; the loop's
  Handlers handlers_;
  std::map<std::uint64_t, std::promise<Status>> answers_;
  std::vector<std::pair<std::promise<Status>, Status>> ready_answers_;
  std::uint64_t next_answer_ = 1;
  std::map<notify::OutboxId, TestHandler> tests_;
  notify::OutboxId next_test_;
  bool sealing_ = false;
  bool retaining_ = false;
  bool stopped_ = false;
  obs::LogLimiter log_limiter_;
  ShellCounters counters_;
  core::LiveLocalizer live_;     // the solver's, once it runs
  core::LiveDetector detector_;  // likewise
  core::GroupSeries groups_;     // likewise
  // Each has room for everything that Intake lets be in hand (kBatchesInHandMax), and all together
  // never have more: no job of theirs is ever refused, however the nodes are spread.
  std::vector<std::unique_ptr<async::Worker>> ingest_;
  async::Worker writer_;
  async::Worker solver_;
  async::Worker planner_;
  notify::Sender sender_;
};

}  // namespace faultline::app

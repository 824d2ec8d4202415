// Probe: the process, composed. It carries out what the core decides and feeds it what happens.
//
//   thread  owns
//   loop    core, link to the controller, mesh           (this class; everything below posts to it)
//   engine  UDP sockets, reflector, accumulators         engine -> loop: windows, traces
//   (kEventsMax) worker  spool, state files                           loop -> worker: jobs
//   (kJobsMax) -> events desk    the ordered test that is under way           loop -> desk: orders
//   (kOrdersWaitingMax) zap     who may connect to the mesh                  loop -> zap: the
//   published trust table log     the log's sink
//
// Thread safety: create() and run() belong to main's thread, which becomes the loop.
#pragma once

#include <csignal>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/async/asio.h"
#include "common/async/published.h"
#include "common/async/task_group.h"
#include "common/base/result.h"
#include "common/crypto/keys.h"
#include "common/crypto/token.h"
#include "common/service/reporter.h"
#include "common/zmq/zap_thread.h"
#include "probe/app/config.h"
#include "probe/app/disk.h"
#include "probe/app/health.h"
#include "probe/app/reload.h"
#include "probe/app/state_dir.h"
#include "probe/core/core.h"
#include "probe/engine/engine.h"
#include "probe/engine/keyring.h"
#include "probe/facts/machine_watch.h"
#include "probe/mesh/mesh.h"
#include "probe/tester/desk.h"
#include "probe/uplink/link.h"

namespace faultline::probe_app {

// The public half of the node's key, made where there is none.
[[nodiscard]] Result<PublicKey> own_key(const ProbeConfig& config);

// "faultline-probe 0.1.0"
[[nodiscard]] std::string software();

class Probe final : private probe_core::EffectSink {
 public:
  // Reads the configuration again, when SIGHUP asks for it.
  using ConfigReader = std::function<Result<ProbeConfig>()>;

  // Everything that can fail at start does so here, with one sentence.
  [[nodiscard]] static Result<std::unique_ptr<Probe>> create(const ProbeConfig& config,
                                                             ConfigReader read_config);
  ~Probe() override;
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  // Until SIGTERM or SIGINT, and then until the farewell is over (at most about two seconds; a
  // second signal ends it at once). The destructor waits for up to a second more until the Goodbye
  // has left. SIGHUP: what of the configuration may change takes effect (reload.h). An error: a
  // task failed.
  [[nodiscard]] Status run();

 private:
  // What is read from disk at start.
  struct Start {
    StateDir state;
    crypto::KeyPair key;
    std::optional<crypto::KeyPair> next_key;
    std::optional<crypto::JoinToken> token;
    std::optional<probe_core::Membership> membership;
    std::unique_ptr<spool::Spool> spool;
    BootId boot;
  };

  Probe(const ProbeConfig& config, ConfigReader read_config, Start start);
  [[nodiscard]] static Result<Start> prepare(const ProbeConfig& config);
  [[nodiscard]] static probe_core::UplinkOptions uplink_options(const ProbeConfig& config,
                                                                const Start& start);
  [[nodiscard]] Status listen(const ProbeConfig& config);
  void restore_plan();
  void stop();
  void step(probe_core::Event event);
  void take_engine_events();
  // The engine authenticates with this node's keys as they are now.
  void rekey_engine();
  void tell_test_news(TestProgress progress);
  [[nodiscard]] std::vector<crypto::KeyPair> own_keys() const;
  void report();
  void reload();
  void carry_out(const Reload& change);
  [[nodiscard]] HealthRecord health() const;
  static async::awaitable<void> tick(Probe& probe);
  static async::awaitable<void> wait_for_signal(Probe& probe);
  static async::awaitable<void> wait_for_hangups(Probe& probe);
  static async::awaitable<void> log_summaries(Probe& probe);

  void open_link(const probe_core::LinkTarget& target, Duration handshake) override;
  void close_link() override;
  bool send_controller(const ProbeMessage& message) override;
  bool send_mesh(NodeId to, const MeshMessage& message) override;
  std::vector<std::byte> seal(const PublicKey& controller, const Batch& batch) override;
  std::optional<BatchAck> open_ack(const PublicKey& controller,
                                   std::span<const std::byte> sealed) override;
  void apply_plan(std::shared_ptr<const Plan> plan) override;
  void boost(Boost boost) override;
  void check_size(NodeId target, std::uint16_t source_port) override;
  void stop_measuring() override;
  void finish_measuring(Duration grace) override;
  bool trace(const trace::TraceOrder& order) override;
  bool read_receipts(const ReceiptsOrder& order) override;
  void take_receipts(const ReceiptsTold& told) override;
  void persist_plan(std::shared_ptr<const Plan> plan) override;
  void persist_membership(const probe_core::Membership& membership) override;
  void make_next_key() override;
  void adopt_next_key() override;
  void append(Report report) override;
  void fetch(const probe_core::FetchOrder& order) override;
  void release(BootId boot, const std::vector<SequenceInterval>& durable) override;
  void collect_facts() override;
  void facts_acknowledged(const FactsAck& ack) override;
  bool order_test(const TestRequest& request) override;
  void end() override;
  void log(probe_core::Severity severity, std::string_view area, std::string text) override;

  ProbeConfig config_;  // in force
  const ConfigReader read_config_;
  const StateDir state_;
  crypto::KeyPair key_;
  std::optional<crypto::KeyPair> next_key_;
  std::optional<crypto::KeyPair> previous_key_;  // for peers that have not heard of key_ yet
  engine::Keyring keyring_;
  const std::optional<crypto::KeyPair> token_key_;
  async::Published<zmq::TrustTable> trust_;
  zmq::Context context_;
  async::asio::io_context loop_;
  async::asio::signal_set signals_{loop_, SIGINT, SIGTERM};  // caught from the first line on
  async::asio::signal_set hangups_{loop_, SIGHUP};
  zmq::ZapThread zap_;
  std::optional<Error> failure_;
  async::TaskGroup tasks_;
  Disk disk_;
  uplink::Link link_;
  mesh::Mesh mesh_;
  probe_facts::MachineWatch machine_;
  probe_core::ProbeCore core_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<tester::Desk> desk_;              // from the first ordered test on
  std::vector<engine::EngineEvent> engine_events_;  // reused
  std::uint64_t engine_results_dropped_ = 0;        // as last told to disk_
  service::Reporter reporter_;
  const WallTime started_at_;
  WallTime link_since_;  // since when the controller welcomes this probe, or does not
  bool was_welcomed_ = false;
  bool plan_applied_ = false;   // one, since the start
  bool window_closed_ = false;  // likewise
  Instant health_due_{};
};

}  // namespace faultline::probe_app

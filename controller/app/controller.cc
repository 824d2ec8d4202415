#include "controller/app/controller.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "common/async/asio.h"
#include "common/async/clock.h"
#include "common/async/published.h"
#include "common/async/task_group.h"
#include "common/async/timer.h"
#include "common/crypto/random.h"
#include "common/obs/log.h"
#include "common/service/reporter.h"
#include "common/zmq/handshake_watch.h"
#include "common/zmq/link_options.h"
#include "common/zmq/zap_thread.h"
#include "controller/api/http_server.h"
#include "controller/app/backend.h"
#include "controller/app/disk_use.h"
#include "controller/app/inventory_file.h"
#include "controller/app/key_files.h"
#include "controller/app/link.h"
#include "controller/app/metrics.h"
#include "controller/app/records.h"
#include "controller/app/shell.h"
#include "controller/app/snapshot.h"
#include "controller/app/vitals.h"
#include "controller/backup/data_dir.h"

namespace faultline::app {
namespace {

constexpr Duration kTick = std::chrono::milliseconds{250};
// Between snapshots at least so many times as long as one takes: of thousands of nodes it is a lot.
constexpr int kPublishRest = 20;
constexpr Duration kPublishRestMax = std::chrono::seconds{2};
constexpr Duration kVitals = std::chrono::seconds{5};
constexpr Duration kRetentionCheck = std::chrono::hours{1};
constexpr Duration kSealCheck = std::chrono::minutes{1};
constexpr Duration kRecallTakes =
    std::chrono::minutes{5};  // from a start to the last window of the past
// A job may take so many of the watchdog's reports, two minutes where it waits for 30 s: a disk may
// be slow, but not for ever.
constexpr int kPatienceReports = 8;

// All clocks of one moment: between two looks the process may have stood still, which would look
// like a step of the one and back again.
core::Now now() {
  constexpr Duration kOneMoment = std::chrono::milliseconds{20};
  const auto look = [] {
    return core::Now{async::now_instant(), async::now_wall(), async::suspended()};
  };
  core::Now all = look();
  for (int i = 0; i < 3 && async::now_instant() - all.instant > kOneMoment; ++i) all = look();
  return all;
}

core::CoreOptions core_options(const ControllerConfig& config) {
  core::CoreOptions options{.software = "faultline-controller " FAULTLINE_VERSION,
                            .controller_key = {},
                            .heartbeat_interval = config.heartbeat,
                            .restart_excused_max = config.restart_excused_max,
                            .horizon_windows = config.horizon_windows,
                            .planner = config.planner,
                            .adaptive = config.adaptive,
                            .incident = config.incident,
                            .abnormal_incidents = config.abnormal_incidents,
                            .check = config.check,
                            .receivers = {},
                            .telling = config.notify.telling,
                            .standing = config.standing};
  for (const auto& item : config.notify.receivers) options.receivers.push_back(item.receiver.name);
  return options;
}

std::map<std::string, std::string> kinds_of(const NotifyConfig& config) {
  std::map<std::string, std::string> kinds;
  for (const auto& item : config.receivers) {
    kinds.emplace(item.receiver.name, to_string(item.receiver.kind));
  }
  return kinds;
}

// The keys and the results of the fleet are nobody else's business.
Status make_data_dir(const std::filesystem::path& directory) {
  std::error_code failure;
  if (std::filesystem::create_directories(directory, failure)) {
    std::filesystem::permissions(directory, std::filesystem::perms::owner_all, failure);
  }
  if (!failure) return {};
  return fail(ErrorCode::kDenied, fmt::format("cannot create the data directory {}: {}",
                                              directory.string(), failure.message()));
}

// What create() prepares, in the order in which it can fail.
struct Parts {
  crypto::KeyPair keys;
  std::unique_ptr<store::RocksStore> store;
  DocumentVersions versions;
  std::unique_ptr<core::ControllerCore> core;
  std::map<std::string, notify::Receiver> receivers;
  std::string heartbeat_url;
};

Result<Parts> prepare(const ControllerConfig& config) {
  Parts parts;
  FAULTLINE_TRY(parts.receivers, load_receivers(config.notify));
  FAULTLINE_TRY(parts.heartbeat_url, load_heartbeat_url(config.notify));
  FAULTLINE_TRY(auto inventory, load_inventory(config.topology));
  FAULTLINE_TRY_STATUS(make_data_dir(config.data_dir));
  FAULTLINE_TRY(const auto tidied, backup::tidy_at_start(config.data_dir));
  if (!tidied.empty()) obs::log_info("controller", "{}", tidied);
  FAULTLINE_TRY(parts.store,
                store::RocksStore::open(config.data_dir / "store", [](const std::string& line) {
                  obs::log_info("store", "{}", line);
                }));
  auto options = core_options(config);
  FAULTLINE_TRY(auto restored,
                load_all(*parts.store, now().wall,
                         {.open = 2 * options.planner.window + core::report_delay(options),
                          .longest = core::longest_horizon(options)},
                         parts.versions));
  FAULTLINE_TRY(parts.keys, load_own_key(config.data_dir, restored.controller_keys));
  options.controller_key = parts.keys.public_key;
  parts.core =
      std::make_unique<core::ControllerCore>(options, std::move(inventory), crypto::random_rng());
  FAULTLINE_TRY_STATUS(parts.core->restore(std::move(restored), now()));
  return parts;
}

class Process : public Controller {
 public:
  Process(const ControllerConfig& config, Parts parts)
      : config_(config),
        keys_(std::move(parts.keys)),
        store_(std::move(parts.store)),
        core_(std::move(parts.core)),
        process_{FAULTLINE_VERSION, config.data_dir.string(), now().wall, {}},
        started_(now().instant),
        trust_(to_zap_table(core_->fleet().trust())),  // before the port is open: a refusal is long
        ingest_threads_(ingest_threads(config, std::thread::hardware_concurrency())),
        context_(zmq::make_context(static_cast<int>(ingest_threads_))),
        zap_(context_, trust_),
        tasks_(loop_,
               [this](std::string_view name, std::string_view what) {
                 stop(fail(ErrorCode::kInternal, fmt::format("task {} failed: {}", name, what)));
               }),
        versions_(std::move(parts.versions)),
        receivers_(std::move(parts.receivers)),
        heartbeat_url_(std::move(parts.heartbeat_url)),
        fresh_for_(std::max(store::kFreshFor,
                            core::longest_horizon(core_options(config)) + kRecallTakes)) {}

  ~Process() override {
    if (shell_) shell_->stop();
  }

  Status open() {
    endpoint_ = config_.listen;
    FAULTLINE_TRY(auto server, open_server());
    link_ = std::make_unique<ControllerLink>(loop_, std::move(server),
                                             [this] { return open_server(); });
    shell_ = std::make_unique<Shell>(
        loop_, *link_, *store_, trust_, std::move(versions_), std::move(receivers_),
        config_.data_dir,
        Shell::JobOptions{
            .ingest_threads = ingest_threads_,
            .live = {.window = config_.planner.window,
                     .horizon_windows = config_.horizon_windows,
                     .excused_max = config_.restart_excused_max},
            .detector = {.config = config_.detect,
                         .recalled_windows = config_.horizon_windows * core::kLongestHorizon},
            .groups = config_.groups},
        keys_,
        Shell::Handlers{
            .on_event = [this](core::Event event) { handle(std::move(event)); },
            .on_key = [this](crypto::KeyPair keys) { serve_under(std::move(keys)); },
            .on_change = [this](core::FleetChange change) { record(std::move(change)); }});
    auto advertise = config_.advertise;
    if (advertise.empty() && !zmq::is_wildcard(endpoint_)) advertise.push_back(endpoint_);
    backend_ = std::make_unique<AppBackend>(
        AppBackend::Options{FAULTLINE_VERSION,
                            std::move(advertise),
                            config_.data_dir,
                            {.age_max = config_.api.audit_retention},
                            config_.file,
                            kinds_of(config_.notify)},
        *store_, snapshots_, [this](auto make_event) { return change(std::move(make_event)); },
        [this](auto writes) { return shell_->write(std::move(writes)); },
        [this](std::string name, notify::AlertEvent event) {
          return test_receiver(std::move(name), event);
        },
        [this](const Snapshot& snapshot) {
          return render_metrics({snapshot, *link_, zap_, handshake_counters_, *shell_,
                                 api_->counters(), backend_->access_control().counters(),
                                 store_->stats(), disk_use(config_.data_dir / "store")});
        });
    FAULTLINE_TRY_STATUS(backend_->load());
    FAULTLINE_TRY(api_, api::HttpServer::listen(loop_, tasks_, *backend_,
                                                {.socket_path = config_.api.socket.string(),
                                                 .socket_group = config_.api.socket_group,
                                                 .tls = config_.api.tls}));
    return {};
  }

  Status run() override {
    handle(core::Tick{});
    tasks_.spawn("link", link_->run([this](core::Event event) { handle(std::move(event)); }));
    tasks_.spawn("tick", tick());
    tasks_.spawn("signals", wait_for_signal());
    tasks_.spawn("hangups", wait_for_hangups());
    for (const auto& warning : config_.warnings) obs::log_warning("config", "{}", warning);
    if (config_.advertise.empty() && zmq::is_wildcard(endpoint_)) {
      obs::log_warning("controller",
                       "no join token can be made: `advertise` is not set and {} names no address",
                       config_.listen);
    }
    obs::log_info("controller", "ready: version {}, probes at {}, operators at {}, data in {}",
                  FAULTLINE_VERSION, endpoint_, operators_at(), config_.data_dir.string());
    reporter_.ready(now().instant, status_line());
    loop_.run();
    // The loop has ended because every task has; what the workers still post is not needed.
    shell_->stop();
    obs::log_info("controller", "stopped");
    return outcome_;
  }

 private:
  // Under the key in force, at the endpoint of the last time: its port may have been chosen then.
  Result<zmq::Socket> open_server() {
    zmq::LinkOptions options;
    options.handshake_timeout = kPatientHandshake;
    FAULTLINE_TRY(auto server, zmq::make_server(context_, zap_, keys_, options));
    handshakes_ = std::make_unique<zmq::HandshakeWatch>(context_, server, handshake_counters_);
    auto bound = zmq::listen(server, endpoint_);
    if (!bound) {
      server.close();  // before its watch, which waits for that
      handshakes_.reset();
      return tl::unexpected(std::move(bound).error());
    }
    endpoint_ = *std::move(bound);
    return server;
  }

  void serve_under(crypto::KeyPair keys) {
    keys_ = std::move(keys);
    obs::log_info("controller", "serves under the key {} from now on",
                  short_name(keys_.public_key));
    link_->open_again();
  }

  // The core acts from the first tick on, and by then the API is there.
  void record(core::FleetChange change) {
    api_->record({.at = now().wall,
                  .who = std::move(change.who),
                  .peer = std::move(change.peer),
                  .role = {},
                  .method = "FLEET",
                  .route = std::move(change.what),
                  .subject = std::move(change.subject),
                  .outcome = access::AuditOutcome::kDone,
                  .reason = std::move(change.note)});
  }

  void handle(core::Event event) {
    core_->step(now(), std::move(event), *shell_);
    if (!shell_->has_answers()) return;
    publish();
    shell_->give_answers();
  }

  async::awaitable<void> tick() {
    Instant retention_due = async::now_instant();
    Instant seal_due = retention_due;
    while (true) {  // until the task is cancelled
      handle(core::Tick{});
      if (async::now_instant() >= publish_due_) publish();
      watch();
      report();
      if (async::now_instant() >= retention_due) {
        shell_->retain(async::now_wall(), config_.retention);
        retention_due += kRetentionCheck;
      }
      if (async::now_instant() >= seal_due && !core_->is_recalling()) {
        shell_->seal_before(async::now_wall() - fresh_for_);
        seal_due += kSealCheck;
      }
      co_await async::sleep_for(kTick);
    }
  }

  void publish() {
    const auto begin = async::now_instant();
    process_.uptime = begin - started_;
    snapshots_.publish(make_snapshot(*core_, process_, now(), *snapshots_.snapshot()));
    const auto end = async::now_instant();
    publish_due_ = end + std::min(kPublishRest * (end - begin), kPublishRestMax);
  }

  // The watchdog's look at the product, and what it tells the world by.
  void watch() {
    const auto moment = async::now_instant();
    if (moment >= vitals_due_) {
      vitals_due_ = moment + kVitals;
      std::error_code error;
      const auto space = std::filesystem::space(config_.data_dir / "store", error);
      handle(core::VitalsRead{read_vitals(*snapshots_.snapshot(), error ? 0 : space.available)});
    }
    if (heartbeat_url_.empty() || moment < heartbeat_due_ || !core_->watchdog().fit()) return;
    heartbeat_due_ = moment + config_.notify.heartbeat->interval;
    shell_->beat(heartbeat_url_, heartbeat_json(*snapshots_.snapshot()));
  }

  void report() {
    const auto moment = async::now_instant();
    if (!reporter_.due(moment)) return;
    reporter_.report(moment, shell_->parts(kPatienceReports * reporter_.interval()), status_line());
  }

  [[nodiscard]] std::string status_line() const {
    const auto snapshot = snapshots_.snapshot();
    const auto& status = snapshot->status;
    return fmt::format("{} of {} nodes live, {} {} open; {}", status.nodes.live, status.nodes.total,
                       status.incidents_open, status.incidents_open == 1 ? "incident" : "incidents",
                       status.verdict);
  }

  async::awaitable<void> wait_for_signal() {
    const int signal = co_await signals_.async_wait(async::use_awaitable);
    signals_.clear();  // a second one ends what hangs
    obs::log_info("controller", "signal {}: stopping", signal);
    stop({});
  }

  // SIGHUP: what may change while running is read again: today, the API's certificate.
  async::awaitable<void> wait_for_hangups() {
    while (true) {  // until the task is cancelled
      co_await hangups_.async_wait(async::use_awaitable);
      obs::log_info("controller", "hangup: reading the API's certificate again");
      reporter_.reloading(now().instant);
      api_->reload_tls();
      reporter_.reloaded(status_line());
    }
  }

  [[nodiscard]] std::string operators_at() const {
    const auto tls = api_->tls_endpoint();
    return tls ? fmt::format("{} and https://{}", config_.api.socket.string(), to_string(*tls))
               : config_.api.socket.string();
  }

  void stop(Status outcome) {
    if (stopping_) return;
    stopping_ = true;
    outcome_ = std::move(outcome);
    reporter_.stopping(outcome_ ? "stopping" : outcome_.error().context);
    backend_->stop();
    tasks_.stop();
  }

  std::future<Status> change(std::function<core::Event(std::uint64_t)> make_event) {
    auto answer = std::make_shared<std::promise<Status>>();
    auto future = answer->get_future();
    async::asio::post(loop_, [this, answer, make_event = std::move(make_event)] {
      handle(make_event(shell_->expect_answer(std::move(*answer))));
    });
    return future;
  }

  std::future<AppBackend::TestOutcome> test_receiver(std::string name, notify::AlertEvent event) {
    auto answer = std::make_shared<std::promise<AppBackend::TestOutcome>>();
    auto future = answer->get_future();
    async::asio::post(loop_, [this, answer, name = std::move(name), event] {
      shell_->test_receiver(name, event, [answer](AppBackend::TestOutcome outcome) {
        answer->set_value(std::move(outcome));
      });
    });
    return future;
  }

  const ControllerConfig config_;
  crypto::KeyPair keys_;
  const std::unique_ptr<store::RocksStore> store_;
  const std::unique_ptr<core::ControllerCore> core_;
  ProcessView process_;
  const Instant started_;
  async::Published<zmq::TrustTable> trust_;
  async::Published<Snapshot> snapshots_;
  const std::uint32_t ingest_threads_;
  zmq::Context context_;
  zmq::ZapThread zap_;
  async::asio::io_context loop_;
  async::asio::signal_set signals_{loop_, SIGINT, SIGTERM};  // caught from the first line on
  async::asio::signal_set hangups_{loop_, SIGHUP};
  async::TaskGroup tasks_;
  DocumentVersions versions_;
  std::map<std::string, notify::Receiver> receivers_;
  const std::string heartbeat_url_;
  // Reports that the core may ask for again are sealed later than the others.
  const Duration fresh_for_;
  std::string endpoint_;
  zmq::HandshakeCounters handshake_counters_;
  std::unique_ptr<zmq::HandshakeWatch> handshakes_;  // outlives the server, which is in link_
  std::unique_ptr<ControllerLink> link_;
  std::unique_ptr<Shell> shell_;
  std::unique_ptr<AppBackend> backend_;
  std::unique_ptr<api::HttpServer> api_;
  service::Reporter reporter_;
  Instant publish_due_ = Instant::min();
  Instant vitals_due_ = Instant::min();
  Instant heartbeat_due_ = Instant::min();
  bool stopping_ = false;
  Status outcome_;
};

}  // namespace

Result<std::unique_ptr<Controller>> Controller::create(const ControllerConfig& config) {
  FAULTLINE_TRY(auto parts, prepare(config));
  auto process = std::make_unique<Process>(config, std::move(parts));
  FAULTLINE_TRY_STATUS(process->open());
  return process;
}

}  // namespace faultline::app

#include "probe/app/probe.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "common/async/clock.h"
#include "common/async/timer.h"
#include "common/crypto/random.h"
#include "common/crypto/seal.h"
#include "common/obs/log.h"
#include "common/wire/control_codec.h"
#include "probe/app/memory.h"
#include "probe/app/summary.h"

namespace faultline::probe_app {
namespace {

constexpr std::size_t kEngineEventsPerStep = 64;
constexpr Duration kSummaryInterval = std::chrono::minutes{10};
// An engine that makes no turn for so long sends nothing either.
constexpr Duration kEnginePatience = std::chrono::seconds{10};
// A token is far below; what is larger is another file.
constexpr std::size_t kTokenFileBytesMax = 64 << 10;

probe_core::Now now() { return {.instant = async::now_instant(), .wall = async::now_wall()}; }

Result<std::string> read_token_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return fail(ErrorCode::kNotFound, fmt::format("cannot read token file {}", path.string()));
  }
  std::string text(kTokenFileBytesMax, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

Result<crypto::JoinToken> find_token(const ProbeConfig& config) {
  auto text = config.token;
  if (text.empty()) {
    FAULTLINE_TRY(text, read_token_file(config.token_file));
  }
  return crypto::parse_token(text);
}

facts::Listing<facts::Heard> facts_of(engine::HeardTold told) {
  facts::Listing<facts::Heard> list{.items = {}, .total = told.heard.size() + told.forgotten};
  for (auto& entry : told.heard) {
    list.items.push_back({.address = entry.address,
                          .refused = entry.refused,
                          .packets = entry.packets,
                          .last_at = entry.last_at});
  }
  return list;
}

template <typename T>
void add_once(std::vector<T>& list, const T& value) {
  if (std::ranges::find(list, value) == list.end()) list.push_back(value);
}

bool names_token(const ProbeConfig& config) {
  return !config.token.empty() || !config.token_file.empty();
}

// A node that has joined, or needs no token, is not kept from starting by one that it cannot use.
Result<std::optional<crypto::JoinToken>> token_of(const ProbeConfig& config, bool is_member) {
  if (!names_token(config)) {
    if (is_member || !config.controllers.empty()) return std::nullopt;
    return fail(ErrorCode::kInvalid,
                "this node has not joined yet and has no token: make one with `faultline node "
                "token create` on the controller and set token_file; or set controllers and tell "
                "the controller this node's key (--print-key) with `faultline node add`");
  }
  auto token = find_token(config);
  if (token) return *std::move(token);
  if (!is_member && config.controllers.empty()) return tl::unexpected(std::move(token).error());
  if (token.error().code != ErrorCode::kNotFound) {
    obs::log_warning("probe", "the token is not used: {}", token.error().context);
  }
  return std::nullopt;
}

}  // namespace

Result<PublicKey> own_key(const ProbeConfig& config) {
  FAULTLINE_TRY(const auto state, StateDir::open(config.state_dir));
  FAULTLINE_TRY(const auto pair, state.node_key());
  return pair.public_key;
}

std::string software() { return "faultline-probe " FAULTLINE_VERSION; }

Result<Probe::Start> Probe::prepare(const ProbeConfig& config) {
  FAULTLINE_TRY(auto state, StateDir::open(config.state_dir));
  // First: it also makes sure that no other probe uses this directory.
  FAULTLINE_TRY(auto spool, spool::Spool::open(state.spool_path(), config.spool_size_max));
  FAULTLINE_TRY(auto key, state.node_key());
  FAULTLINE_TRY(auto next_key, state.load_next_key());
  FAULTLINE_TRY(auto membership, state.load_membership());
  FAULTLINE_TRY(auto token, token_of(config, membership.has_value()));
  const BootId boot{crypto::random_u64() | 1};  // never 0
  return Start{.state = std::move(state),
               .key = std::move(key),
               .next_key = std::move(next_key),
               .token = std::move(token),
               .membership = std::move(membership),
               .spool = std::move(spool),
               .boot = boot};
}

probe_core::UplinkOptions Probe::uplink_options(const ProbeConfig& config, const Start& start) {
  probe_core::UplinkOptions options{.software = software(),
                                    .name = config.name,
                                    .profile = config.profile,
                                    .boot = start.boot,
                                    .node_key = start.key.public_key,
                                    .has_token = start.token.has_value(),
                                    .membership = start.membership};
  if (start.next_key) options.next_key = start.next_key->public_key;
  for (const auto& [endpoint, key] : config.controllers) {
    add_once(options.configured_endpoints, endpoint);
    add_once(options.configured_controllers, key);
  }
  if (start.token) {
    options.endpoints = start.token->endpoints;
    options.controllers = start.token->controllers;
  }
  return options;
}

Result<std::unique_ptr<Probe>> Probe::create(const ProbeConfig& config, ConfigReader read_config) {
  FAULTLINE_TRY(auto start, prepare(config));
  std::unique_ptr<Probe> probe{new Probe(config, std::move(read_config), std::move(start))};
  const auto& profile = config.profile;
  auto* self = probe.get();
  auto on_event = [self] {
    async::asio::post(self->loop_, [self] { self->take_engine_events(); });
  };
  FAULTLINE_TRY(probe->engine_,
                engine::Engine::start({.address = profile.address,
                                       .source_port_first = profile.source_port_first,
                                       .source_port_count = profile.source_port_count,
                                       .reflector_port = profile.reflector_port,
                                       .seed = crypto::random_u64(),
                                       .strangers = config.strangers},
                                      std::move(on_event)));
  FAULTLINE_TRY_STATUS(probe->listen(config));
  return probe;
}

Probe::Probe(const ProbeConfig& config, ConfigReader read_config, Start start)
    : config_(config),
      read_config_(std::move(read_config)),
      state_(start.state),
      key_(start.key),
      next_key_(start.next_key),
      token_key_(start.token
                     ? std::optional(crypto::KeyPair{crypto::public_key_of(start.token->one_use),
                                                     start.token->one_use})
                     : std::nullopt),
      context_(zmq::make_context()),
      zap_(context_, trust_),
      tasks_(loop_,
             [this](std::string_view name, std::string_view what) {
               failure_ = Error{ErrorCode::kInternal, fmt::format("{} failed: {}", name, what)};
               stop();
             }),
      disk_(loop_, start.state, std::move(start.spool), start.boot,
            [this](probe_core::Event event) { step(std::move(event)); }),
      link_({loop_, tasks_, context_}, uplink::controller_link_options(),
            [this](Result<ControllerMessage> message) {
              if (message) return step(probe_core::ControllerReceived{*std::move(message)});
              step(probe_core::ControllerGarbage{std::move(message).error()});
            }),
      mesh_({loop_, tasks_, context_}, key_,
            [this](const PublicKey& sender, Result<MeshMessage> message) {
              if (message) return step(probe_core::MeshReceived{sender, *std::move(message)});
              step(probe_core::MeshGarbage{sender, std::move(message).error()});
            }),
      core_(uplink_options(config, start), crypto::random_rng()),
      started_at_(async::now_wall()),
      link_since_(started_at_) {
  obs::log_info("probe", "{}: node key {}, address {}, {}", software(), short_name(key_.public_key),
                config.profile.address.to_string(),
                start.membership ? fmt::format("node {} \"{}\"", start.membership->node.value(),
                                               start.membership->name)
                                 : "not joined yet");
}

Probe::~Probe() {
  if (engine_) engine_->stop();
}

Status Probe::listen(const ProbeConfig& config) {
  if (config.profile.mesh_port == 0) return {};
  const auto endpoint =
      "tcp://" + to_string(Endpoint{config.profile.address, config.profile.mesh_port});
  return mesh_.listen(zap_, endpoint).map([](const std::string&) {});
}

void Probe::restore_plan() {
  auto saved = state_.load_plan();
  if (!saved) {
    obs::log_warning("plan", "the plan on disk is not used: {}", saved.error().context);
  } else if (*saved) {
    core_.restore(now(), **std::move(saved), *this);
  }
}

Status Probe::run() {
  restore_plan();
  tasks_.spawn("tick", tick(*this));
  tasks_.spawn("signals", wait_for_signal(*this));
  tasks_.spawn("hangups", wait_for_hangups(*this));
  tasks_.spawn("summaries", log_summaries(*this));
  reporter_.ready(async::now_instant(), "started");
  loop_.run();  // until stop() has ended every task
  disk_.stop();
  obs::log_info("probe", "stopped: {}", summarize({core_, *engine_, mesh_, link_}));
  if (failure_) return tl::unexpected<Error>(*failure_);
  return {};
}

void Probe::stop() {
  reporter_.stopping(failure_ ? failure_->context : "stopping");
  desk_.reset();
  engine_->stop();
  link_.close(probe_core::kGoodbyeLingers);
  tasks_.stop();
}

async::awaitable<void> Probe::wait_for_signal(Probe& probe) {
  const int number = co_await probe.signals_.async_wait(async::use_awaitable);
  probe.signals_.clear();  // a second one ends what hangs
  obs::log_info("probe", "stopping on signal {}", number);
  probe.step(probe_core::StopRequested{});  // end() follows
}

async::awaitable<void> Probe::tick(Probe& probe) {
  for (;;) {  // until the task is cancelled
    probe.step(probe_core::Tick{});
    const auto moment = async::now_instant();
    probe.mesh_.tick(moment);
    if (const auto machine = probe.machine_.look(moment); machine && probe.engine_) {
      static_cast<void>(probe.engine_->post(engine::NoteMachine{machine->before, machine->after}));
    }
    probe.report();
    co_await async::sleep_for(probe_core::kTickInterval);
  }
}

void Probe::report() {
  const auto moment = now();
  if (core_.welcomed() != was_welcomed_) {
    was_welcomed_ = core_.welcomed();
    link_since_ = moment.wall;
  }
  if (reporter_.due(moment.instant)) {
    const std::array parts{
        service::Part{.name = "engine",
                      .done = engine_->turns(),
                      .has_work = true,
                      .patience = std::min(kEnginePatience, reporter_.interval())}};
    reporter_.report(moment.instant, parts, judge(health(), moment.wall, true).text);
    engine_->nudge();
  }
  if (moment.instant < health_due_) return;
  health_due_ = moment.instant + kHealthInterval;
  disk_.save_health(to_json(health()));
}

HealthRecord Probe::health() const {
  const auto moment = now();
  HealthRecord record{.written_at = moment.wall,
                      .started_at = started_at_,
                      .pid = ::getpid(),
                      .software = software(),
                      .welcomed = core_.welcomed(),
                      .link_since = link_since_,
                      .measuring = core_.plan().measuring(),
                      .windows = core_.counters().reports,
                      .spool_batches = core_.spool().batches,
                      .spool_bytes = core_.spool().bytes,
                      .results_dropped = core_.spool().results_dropped,
                      .stuck = reporter_.stuck().value_or("")};
  if (const auto& membership = core_.uplink().membership()) {
    record.node = membership->node.value();
    record.name = membership->name;
  }
  if (const auto& plan = core_.plan().current()) {
    record.plan_revision = plan->revision.value();
    record.sessions = plan->flows.size();
    if (record.measuring) {
      record.lease_end = moment.wall + (core_.plan().lease_end() - moment.instant);
    }
  }
  return record;
}

async::awaitable<void> Probe::log_summaries(Probe& probe) {
  for (;;) {  // until the task is cancelled
    co_await async::sleep_for(kSummaryInterval);
    obs::log_info("probe", "{}",
                  summarize({probe.core_, *probe.engine_, probe.mesh_, probe.link_}));
  }
}

void Probe::step(probe_core::Event event) { core_.step(now(), std::move(event), *this); }

void Probe::take_engine_events() {
  engine_events_.clear();
  const auto count = engine_->take_events(engine_events_, kEngineEventsPerStep);
  const auto dropped = engine_->counters().results_dropped;
  disk_.lose(dropped - std::exchange(engine_results_dropped_, dropped));
  for (auto& event : engine_events_) {
    if (auto* window = std::get_if<engine::WindowClosed>(&event)) {
      step(probe_core::WindowClosed{std::move(window->report)});
      // By now all has been done that each window does again.
      if (!std::exchange(window_closed_, true)) release_program_pages();
    } else if (auto* traced = std::get_if<trace::TraceResult>(&event)) {
      step(probe_core::TraceDone{std::move(*traced)});
    } else if (auto* told = std::get_if<engine::HeardTold>(&event)) {
      disk_.collect_facts(facts_of(std::move(*told)));
    } else if (const auto* hint = std::get_if<FlowHint>(&event)) {
      step(*hint);
    } else if (auto* question = std::get_if<ReceiptQuestion>(&event)) {
      step(std::move(*question));
    } else if (auto* read = std::get_if<ReceiptsRead>(&event)) {
      step(std::move(*read));
    } else {
      step(probe_core::MeasuringEnded{});
    }
  }
  if (count == kEngineEventsPerStep) {
    async::asio::post(loop_, [this] { take_engine_events(); });
  }
}

// ---- what the core asks for

void Probe::open_link(const probe_core::LinkTarget& target, Duration handshake) {
  const auto [identity, what] = [&]() -> std::pair<const crypto::KeyPair&, const char*> {
    switch (target.identity) {
      case probe_core::Identity::kToken:
        return {*token_key_, "the token"};
      case probe_core::Identity::kNextNode:
        return {*next_key_, "the node's new key"};
      case probe_core::Identity::kNode:
        break;
    }
    return {key_, "the node's key"};
  }();
  obs::log_debug("uplink", "connecting to {} with {}", target.endpoint, what);
  if (auto status = link_.open({target.endpoint, target.controller}, identity, handshake);
      !status) {
    obs::log_warning("uplink", "{}", status.error().context);
  }
}

void Probe::close_link() { link_.close(); }

bool Probe::send_controller(const ProbeMessage& message) { return link_.send(message); }

bool Probe::send_mesh(NodeId to, const MeshMessage& message) {
  return mesh_.send(async::now_instant(), to, message);
}

std::vector<std::byte> Probe::seal(const PublicKey& controller, const Batch& batch) {
  const auto message = wire::encode(ProbeMessage{batch});
  return crypto::seal(crypto::SealKind::kBatch, key_, controller, message)
      .value_or(std::vector<std::byte>{});
}

std::optional<BatchAck> Probe::open_ack(const PublicKey& controller,
                                        std::span<const std::byte> sealed) {
  const auto opened = crypto::open_seal(crypto::SealKind::kBatchAck, key_, controller, sealed);
  if (!opened) return std::nullopt;
  const auto message = wire::decode_controller_message(*opened);
  if (!message || !std::holds_alternative<BatchAck>(*message)) return std::nullopt;
  return std::get<BatchAck>(*message);
}

void Probe::apply_plan(std::shared_ptr<const Plan> plan) {
  // What the start needed goes before the flows of the first plan come.
  if (!std::exchange(plan_applied_, true)) release_program_pages();
  zmq::TrustTable trusted;
  for (const auto& peer : plan->peers) {
    trusted[peer.key] = {.label = peer.name};
    if (peer.second_key) trusted[*peer.second_key] = {.label = peer.name};
  }
  trust_.publish(std::move(trusted));
  mesh_.set_peers(async::now_instant(), plan);
  auto keys = keyring_.table(own_keys(), *plan);
  if (!engine_->post(engine::SetPlan{std::move(plan), std::move(keys)})) {
    obs::log_error("plan", "the engine takes no commands: the plan is not measured");
  }
}

std::vector<crypto::KeyPair> Probe::own_keys() const {
  std::vector<crypto::KeyPair> keys{key_};
  if (next_key_) keys.push_back(*next_key_);
  if (previous_key_) keys.push_back(*previous_key_);
  return keys;
}

void Probe::rekey_engine() {
  const auto& plan = core_.plan().current();
  if (!plan) return;
  if (!engine_->post(engine::SetKeys{keyring_.table(own_keys(), *plan)})) {
    obs::log_error("plan", "the engine takes no commands: packets under the new key are refused");
  }
}

void Probe::boost(Boost boost) {
  // Lost, it is as if it had never come.
  static_cast<void>(engine_->post(engine::BoostFlows{std::move(boost)}));
}

void Probe::check_size(NodeId target, std::uint16_t source_port) {
  // Lost, that flow is not looked at again until its path changes once more.
  static_cast<void>(engine_->post(engine::CheckSize{target, source_port}));
}

void Probe::stop_measuring() {
  if (!engine_->post(engine::StopMeasuring{})) {
    obs::log_error("plan", "the engine takes no commands: measuring goes on");
  }
}

void Probe::finish_measuring(Duration grace) {
  if (!engine_->post(engine::FinishMeasuring{grace})) {
    obs::log_error("plan", "the engine takes no commands: the open window is lost");
  }
}

void Probe::end() {
  // Not from inside of the core's step: it ends the tasks that may be running it.
  async::asio::post(loop_, [this] { stop(); });
}

bool Probe::trace(const trace::TraceOrder& order) { return engine_->post(order); }

bool Probe::read_receipts(const ReceiptsOrder& order) { return engine_->post(order); }

void Probe::take_receipts(const ReceiptsTold& told) { static_cast<void>(engine_->post(told)); }

void Probe::persist_plan(std::shared_ptr<const Plan> plan) { disk_.save_plan(std::move(plan)); }

void Probe::persist_membership(const probe_core::Membership& membership) {
  disk_.save_membership(membership);
}

void Probe::make_next_key() {
  disk_.make_next_key([this](crypto::KeyPair pair) {
    next_key_ = std::move(pair);
    rekey_engine();  // before anybody is told of it
    step(probe_core::NextKeyMade{next_key_->public_key});
  });
}

void Probe::adopt_next_key() {
  previous_key_ = std::exchange(key_, *std::exchange(next_key_, std::nullopt));
  rekey_engine();
  mesh_.rekey(async::now_instant(), key_);
  disk_.adopt_next_key();
}

void Probe::collect_facts() {
  // The engine's answer goes on to the worker. A full queue: facts without it.
  if (!engine_->post(engine::TellHeard{})) disk_.collect_facts({});
}

void Probe::facts_acknowledged(const FactsAck& ack) { disk_.facts_acknowledged(ack); }

void Probe::append(Report report) { disk_.append(std::move(report)); }

void Probe::fetch(const probe_core::FetchOrder& order) { disk_.fetch(order); }

void Probe::release(BootId boot, const std::vector<SequenceInterval>& durable) {
  disk_.release(boot, durable);
}

void Probe::log(probe_core::Severity severity, std::string_view area, std::string text) {
  if (severity == probe_core::Severity::kWarning) {
    obs::log_warning(area, "{}", text);
  } else {
    obs::log_info(area, "{}", text);
  }
}

}  // namespace faultline::probe_app

#include "tests/sim/probe.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/check.h"
#include "common/ondemand/admission.h"
#include "common/ondemand/order_json.h"
#include "common/wire/control_codec.h"
#include "common/wire/report_codec.h"

namespace faultline::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint32_t kPacketsPerWindow = 10;
constexpr Duration kWindowDelay = seconds{3};  // reply_timeout plus flow_interval
constexpr Duration kTransit = milliseconds{2};
constexpr std::uint64_t kRttNanoseconds = 50'000;

probe_core::UplinkOptions options(const SimFleet& fleet, std::uint32_t host, BootId boot,
                                  const SimProbe::Disk& disk) {
  Labels labels;
  if (fleet.options.labels) labels["rack"] = fleet.fabric.rack(host);
  return {.software = "sim",
          .name = "h" + std::to_string(host),
          .profile = {.labels = std::move(labels),
                      .address = SimFabric::host_address(host),
                      .source_port_first = 42000,
                      .source_port_count = 16,
                      .mesh_port = 7401},
          .boot = boot,
          .node_key = disk.key,
          .next_key = disk.next_key,
          .has_token = true,
          .endpoints = {"tcp://controller:7400"},
          .controllers = {controller_key(1)},
          .membership = disk.membership};
}

}  // namespace

SimProbe::SimProbe(SimFleet& fleet, std::uint32_t host) : fleet_(fleet), host_(host) {
  disk_.key = node_key(host);
  start();
}

void SimProbe::start() {
  FAULTLINE_CHECK(core_ == nullptr, "one process at a time");
  ++process_;
  boot_ = BootId{fleet_.rng()};
  sequence_ = 0;
  plan_.reset();
  boosts_.clear();
  sending_until_ = WallTime::max();
  times_up_.emplace_back(fleet_.clock.wall(), WallTime::max());
  key_ = disk_.key;
  next_key_ = disk_.next_key;
  core_ = std::make_unique<probe_core::ProbeCore>(options(fleet_, host_, boot_, disk_),
                                                  Rng(fleet_.rng()));
  if (disk_.plan) core_->restore(now(), *disk_.plan, *this);
  later(milliseconds{uniform_below(fleet_.rng, 1000)}, [this] { tick(); });
}

void SimProbe::stop() { handle(probe_core::StopRequested{}); }

void SimProbe::end() {
  later(milliseconds{1}, [this] { kill(); });  // not from inside of a step
}

void SimProbe::kill() {
  times_up_.back().second = fleet_.clock.wall();
  core_.reset();
  ++process_;
  close_link();
}

void SimProbe::crash() {
  kill();
  start();
}

bool SimProbe::is_up(WallTime time) const {
  return std::ranges::any_of(times_up_,
                             [&](const auto& up) { return up.first <= time && time < up.second; });
}

void SimProbe::later(Duration wait, std::function<void()> thing) {
  fleet_.clock.after(wait, [this, process = process_, thing = std::move(thing)] {
    if (process == process_) thing();
  });
}

probe_core::Now SimProbe::now() const {
  return {fleet_.clock.instant(), fleet_.clock.wall() + clock_ahead};
}

void SimProbe::handle(probe_core::Event event) { core_->step(now(), std::move(event), *this); }

void SimProbe::tick() {
  handle(probe_core::Tick{});
  later(probe_core::kTickInterval, [this] { tick(); });
}

PublicKey SimProbe::identity() const {
  switch (link_->identity) {
    case probe_core::Identity::kToken:
      return token_key(host_);
    case probe_core::Identity::kNextNode:
      return next_key_.value_or(key_);  // it has become the node's under this very link
    case probe_core::Identity::kNode:
      break;
  }
  return key_;
}

bool SimProbe::connected() const {
  return core_ != nullptr && link_ && fleet_.controller != nullptr &&
         fleet_.reaches_controller(host_) &&
         fleet_.controller->admits(identity(), link_->controller);
}

void SimProbe::persist_membership(const probe_core::Membership& membership) {
  later(milliseconds{3}, [this, membership] {
    disk_.membership = membership;
    handle(probe_core::MembershipKept{membership});
  });
}

void SimProbe::make_next_key() {
  later(milliseconds{3}, [this] {
    if (!disk_.next_key) {
      PublicKey fresh = key_;
      fresh.bytes[3] = static_cast<std::uint8_t>(fresh.bytes[3] + 1);
      disk_.next_key = fresh;
    }
    next_key_ = disk_.next_key;
    later(milliseconds{1}, [this] { handle(probe_core::NextKeyMade{*next_key_}); });
  });
}

void SimProbe::adopt_next_key() {
  key_ = *std::exchange(next_key_, std::nullopt);
  later(milliseconds{3}, [this] {
    disk_.key = key_;
    disk_.next_key.reset();
  });
}

void SimProbe::open_link(const probe_core::LinkTarget& target, Duration /*handshake*/) {
  link_ = target;
  ++link_epoch_;
}

void SimProbe::close_link() {
  link_.reset();
  ++link_epoch_;
}

void SimProbe::cut() { ++link_epoch_; }

void SimProbe::receive(ControllerMessage message) {
  later(kTransit, [this, epoch = link_epoch_, message = std::move(message)] {
    if (epoch == link_epoch_) handle(probe_core::ControllerReceived{message});
  });
}

bool SimProbe::send_controller(const ProbeMessage& message) {
  if (!connected()) return false;
  fleet_.clock.after(kTransit, [this, epoch = link_epoch_, key = identity(), message] {
    if (epoch != link_epoch_ || fleet_.controller == nullptr) return;
    fleet_.controller->handle(core::PeerMessage{key, "sim", message});
  });
  return true;
}

bool SimProbe::send_mesh(NodeId to, const MeshMessage& message) {
  const auto peer = std::ranges::find_if(fleet_.probes, [&](const auto& probe) {
    return probe->is_running() && probe->disk_.membership && probe->disk_.membership->node == to;
  });
  if (peer == fleet_.probes.end()) return false;
  if (!fleet_.passes(host_, (*peer)->host_, fleet_.clock.wall())) return true;  // and is lost
  fleet_.clock.after(kTransit,
                     [this, &target = **peer, message] { target.receive_mesh(key_, message); });
  return true;
}

std::vector<std::byte> SimProbe::seal(const PublicKey& controller, const Batch& batch) {
  return sealed(key_, controller, wire::encode(ProbeMessage{batch}));
}

std::optional<BatchAck> SimProbe::open_ack(const PublicKey& controller,
                                           std::span<const std::byte> bytes) {
  const auto opened = open_sealed(controller, key_, bytes);
  if (!opened) return std::nullopt;
  return std::get<BatchAck>(wire::decode_controller_message(*opened).value());
}

void SimProbe::receive_mesh(const PublicKey& from, const MeshMessage& message) {
  if (core_ != nullptr) handle(probe_core::MeshReceived{from, message});
}

bool SimProbe::trace(const trace::TraceOrder& order) {
  // A return trace is asked for by the far end; its session is the asker's.
  const bool forward = order.direction == Direction::kForward;
  const auto remote = SimFabric::host_at(order.remote.address);
  auto hops = forward ? fleet_.fabric.hops(host_, remote, order.local_port, Direction::kForward)
                      : fleet_.fabric.hops(remote, host_, order.remote.port, Direction::kReturn);
  later(milliseconds{20}, [this, id = order.id, hops = std::move(hops)] {
    handle(probe_core::TraceDone{
        {.id = id, .complete = true, .hops = hops, .ended = PathEnd::kReached}});
  });
  return true;
}

// What the target's kernel and probe would answer: a port whose process is gone is refused.
bool SimProbe::order_test(const TestRequest& request) {
  if (ondemand::admission_from_json(request.order)) {
    later(milliseconds{0}, [this, test = request.test] {
      handle(probe_core::TestNews{{.test = test, .state = TestState::kDone, .report = "{}"}});
    });
    return true;
  }
  const auto order = ondemand::order_from_json(request.order).value();
  const auto to = SimFabric::host_at(order.target.address);
  const auto* target = fleet_.probe_at(to);
  ++fleet_.tests_ordered;
  const bool passes = fleet_.passes(host_, to, fleet_.clock.wall());
  const bool is_running = target != nullptr && target->is_running();
  const bool is_answered = is_running || order.method == ondemand::Method::kIcmp;
  const std::string outcome = !passes ? "lost" : is_answered ? "answered" : "refused";
  const nlohmann::json report{
      {"verdict", outcome},
      {"pings", {{{"outcome", outcome}, {"from", order.target.address.to_string()}}}}};
  later(passes ? milliseconds{100} : order.count * order.interval + order.timeout,
        [this, test = request.test, text = report.dump()] {
          handle(probe_core::TestNews{{.test = test, .state = TestState::kDone, .report = text}});
        });
  return true;
}

void SimProbe::apply_plan(std::shared_ptr<const Plan> plan) {
  const bool idle = plan_ == nullptr;
  end_boost();
  plan_ = std::move(plan);
  if (!idle) return;
  // A new session is not reported for the window it begins in.
  next_window_ = window_start(fleet_.clock.wall(), plan_->window) + plan_->window;
  close_window_later();
}

void SimProbe::end_boost() {
  if (!boosts_.empty()) boosts_.back().until = std::min(boosts_.back().until, fleet_.clock.wall());
}

void SimProbe::boost(Boost boost) {
  end_boost();
  const auto now = fleet_.clock.wall();
  TimedBoost timed{.from = now, .until = now + boost.life, .times = {}};
  for (const auto& boosted : boost.flows) {
    const auto& flow = plan_->flows.at(boosted.flow);
    timed.times[{plan_->peers[flow.peer].node, flow.source_port}] = boosted.times;
  }
  std::erase_if(boosts_, [&](const auto& it) { return it.until < now - std::chrono::minutes{1}; });
  boosts_.push_back(std::move(timed));
}

std::uint32_t SimProbe::extra_packets_of(const PlanPeer& peer, std::uint16_t port,
                                         WallTime start) const {
  double packets = 0;
  for (const auto& boost : boosts_) {
    const auto times = boost.times.find({peer.node, port});
    const auto overlap = std::min(boost.until, start + plan_->window) - std::max(boost.from, start);
    if (times == boost.times.end() || overlap <= Duration::zero()) continue;
    packets += (times->second - 1) * std::chrono::duration<double>(overlap) /
               std::chrono::duration<double>(plan_->window) * kPacketsPerWindow;
  }
  return static_cast<std::uint32_t>(packets);
}

void SimProbe::persist_plan(std::shared_ptr<const Plan> plan) {
  disk_.plan = {*plan, fleet_.clock.wall()};
}

FlowWindow SimProbe::measure(const PlanFlow& planned, WallTime start) {
  const auto& peer = plan_->peers[planned.peer];
  const auto port = planned.source_port;
  const auto to = SimFabric::host_at(peer.address);
  const auto* target = fleet_.probe_at(to);
  FlowWindow flow;
  flow.target = peer.node;
  flow.source_port = port;
  flow.size = planned.size;
  flow.dscp = planned.dscp;
  std::uint32_t answered = 0;  // by a process that is there
  const auto extra = extra_packets_of(peer, port, start);
  extra_packets_ += extra;
  const auto packets = kPacketsPerWindow + extra;
  for (std::uint32_t i = 0; i < packets; ++i) {
    const auto sent_at = start + plan_->window * i / packets;
    if (sent_at >= sending_until_) break;
    ++flow.sent;
    if (target != nullptr && target->is_up(sent_at) && fleet_.passes(host_, to, sent_at)) {
      ++answered;
    }
  }
  // A gap between two replies is known to be on the way there; without any reply nothing is known.
  const auto unanswered = flow.sent - answered;
  (answered > 0 ? flow.lost_forward : flow.lost_undetermined) = unanswered;
  const auto on_the_way = fleet_.fabric.lost(host_, to, port, Direction::kForward,
                                             {answered, flow.size, flow.dscp}, fleet_.rng);
  flow.lost_forward += on_the_way;
  flow.lost_return = fleet_.fabric.lost(host_, to, port, Direction::kReturn,
                                        {answered - on_the_way, flow.size, flow.dscp}, fleet_.rng);
  if (flow.answered() > 0) {
    flow.rtt_min_ns = flow.rtt_mean_ns = flow.rtt_max_ns = kRttNanoseconds;
  }
  return flow;
}

void SimProbe::close_window_later() {
  later(next_window_ + plan_->window + kWindowDelay - fleet_.clock.wall(), [this] {
    if (plan_ == nullptr) return;
    close_window();
    close_window_later();
  });
}

void SimProbe::close_window() {
  Report report;
  report.plan = plan_->revision;
  report.window_start = window_start(next_window_ + clock_ahead, plan_->window);
  report.window = plan_->window;
  for (const auto& flow : plan_->flows) {
    const auto measured = measure(flow, next_window_);
    if (measured.sent > 0) report.flows.push_back(measured);
  }
  next_window_ += plan_->window;
  handle(probe_core::WindowClosed{std::move(report)});
}

void SimProbe::finish_measuring(Duration grace) {
  sending_until_ = fleet_.clock.wall();
  later(grace, [this] {
    while (plan_ != nullptr && next_window_ < sending_until_) close_window();
    plan_.reset();
    handle(probe_core::MeasuringEnded{});
  });
}

void SimProbe::append(Report report) {
  const auto results = report.flows.size();
  Batch batch{.boot = boot_,
              .first_sequence = ++sequence_,
              .sequence = sequence_,
              .payload = wire::encode(report)};
  fleet_.true_windows[{boot_, sequence_}] = next_window_ - report.window;
  spool_.emplace(std::pair{process_, sequence_}, std::move(batch));
  ++made_;
  later(milliseconds{2}, [this, results, sequence = sequence_] {
    handle(probe_core::SpoolAppended{{}, results, level(), sequence});
  });
}

void SimProbe::fetch(const probe_core::FetchOrder& order) {
  const std::pair boundary{process_, order.boundary};
  const bool is_live = order.lane == probe_core::Lane::kLive;
  auto& fetched = fetched_[order.lane];
  if (order.from_start) fetched = is_live ? boundary : std::pair<std::uint64_t, std::uint64_t>{};
  later(milliseconds{1}, [this, &fetched, order, is_live, boundary] {
    std::vector<Batch> batches;
    for (auto at = spool_.upper_bound(fetched); at != spool_.end(); ++at) {
      if (batches.size() == order.batches_max || (!is_live && at->first > boundary)) break;
      batches.push_back(at->second);
      fetched = at->first;
    }
    handle(probe_core::SpoolFetched{std::move(batches), level()});
  });
}

void SimProbe::release(BootId boot, const std::vector<SequenceInterval>& durable) {
  for (auto at = spool_.begin(); at != spool_.end();) {
    const auto& batch = at->second;
    const bool is_durable =
        batch.boot == boot && std::ranges::any_of(durable, [&](const auto& interval) {
          return interval.first <= batch.sequence && batch.sequence <= interval.last;
        });
    if (is_durable)
      acknowledged_.emplace(disk_.membership->node.value(), boot.value(), batch.sequence);
    at = is_durable ? spool_.erase(at) : std::next(at);
  }
}

}  // namespace faultline::sim

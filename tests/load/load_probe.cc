#include "tests/load/load_probe.h"

#include <algorithm>
#include <utility>

#include "common/async/clock.h"
#include "common/obs/log.h"
#include "common/wire/report_codec.h"

namespace faultline::load {
namespace {

constexpr std::uint32_t kLateBy = 3;  // windows

probe_core::Now now() { return {async::now_instant(), async::now_wall()}; }

probe_core::UplinkOptions uplink_options(std::uint32_t index, BootId boot, const PublicKey& key,
                                         const uplink::Server& controller) {
  return {.software = "load",
          .profile = {.labels = {{"rack", Fabric::rack_of(index)}, {"zone", "load"}},
                      .address = Fabric::address_of(index),
                      .source_port_first = 50'000,
                      .source_port_count = 16},
          .boot = boot,
          .node_key = key,
          .configured_endpoints = {controller.endpoint},
          .configured_controllers = {controller.key}};
}

}  // namespace

LoadProbe::LoadProbe(const Surroundings& surroundings, std::uint32_t index,
                     const crypto::KeyPair& keys, const uplink::Server& controller)
    : surroundings_(surroundings),
      index_(index),
      keys_(keys),
      controller_(controller),
      boot_(surroundings.rng() | 1U),
      link_(surroundings.environment, uplink::controller_link_options(),
            [this](Result<ControllerMessage> message) {
              if (message) {
                step(probe_core::ControllerReceived{*std::move(message)});
              } else {
                step(probe_core::ControllerGarbage{std::move(message).error()});
              }
            }),
      core_(uplink_options(index, boot_, keys.public_key, controller), Rng(surroundings.rng())) {}

void LoadProbe::step(probe_core::Event event) { core_.step(now(), std::move(event), *this); }

void LoadProbe::later(probe_core::Event event) {
  async::asio::post(surroundings_.environment.loop,
                    [this, event = std::move(event)]() mutable { step(std::move(event)); });
}

void LoadProbe::tick(probe_core::Now now) {
  if (held_back_ && put_on_wire(*held_back_)) held_back_.reset();
  core_.step(now, probe_core::Tick{}, *this);
}

void LoadProbe::set_due(probe_core::Now now, std::uint32_t windows) {
  windows = std::min(windows, surroundings_.options.windows);
  if (windows <= due_) return;
  while (due_ < windows) come_due(now.instant);
  core_.step(now, probe_core::SpoolAppended{.sequence = sequence_}, *this);
}

// In order, but for those that are told of late.
void LoadProbe::come_due(Instant moment) {
  const auto window = due_++;
  if (window + kLateBy < surroundings_.options.windows &&
      happens(surroundings_.options.faults.late)) {
    ++surroundings_.figures.late;
    late_.push_back(window);
  } else {
    number(window, moment);
  }
  while (!late_.empty() && due_ > late_.front() + kLateBy) {
    number(late_.front(), moment);
    late_.pop_front();
  }
}

void LoadProbe::number(std::uint32_t window, Instant moment) {
  spool_[++sequence_] = {.window = window, .due_at = moment};
}

void LoadProbe::reconnect() {
  ++surroundings_.figures.reconnects;
  open_link({controller_.endpoint, controller_.key}, kPatientHandshake);
}

NodeId LoadProbe::node() const {
  const auto& membership = core_.uplink().membership();
  return membership ? membership->node : NodeId{};
}

void LoadProbe::open_link(const probe_core::LinkTarget& target, Duration handshake) {
  if (auto opened = link_.open({target.endpoint, target.controller}, keys_, handshake); !opened) {
    obs::log_error("load", "probe {}: {}", index_, opened.error().context);
  }
}

void LoadProbe::persist_membership(const probe_core::Membership& membership) {
  later(probe_core::MembershipKept{membership});
}

void LoadProbe::apply_plan(std::shared_ptr<const Plan> /*plan*/) { ++surroundings_.figures.plans; }

bool LoadProbe::send_controller(const ProbeMessage& message) {
  if (const auto* batch = std::get_if<Batch>(&message)) return send_batch(*batch);
  return link_.send(message);
}

bool LoadProbe::happens(double share) { return share > 0 && uniform(surroundings_.rng) < share; }

bool LoadProbe::send_batch(const Batch& batch) {
  const auto& faults = surroundings_.options.faults;
  auto& figures = surroundings_.figures;
  if (happens(faults.lose)) {
    ++figures.lost;
    return true;
  }
  if (!held_back_ && happens(faults.reorder)) {
    ++figures.reordered;
    held_back_ = batch;
    return true;
  }
  if (!put_on_wire(batch)) return false;
  if (held_back_ && put_on_wire(*held_back_)) held_back_.reset();
  if (happens(faults.duplicate)) static_cast<void>(put_on_wire(batch));
  return true;
}

bool LoadProbe::put_on_wire(const Batch& batch) {
  if (!link_.send(batch)) return false;
  auto& figures = surroundings_.figures;
  figures.bytes_sent += batch.payload.size();
  const auto waiting = spool_.find(batch.sequence);
  if (waiting != spool_.end() && !waiting->second.sent_at) {
    waiting->second.sent_at = async::now_instant();
    ++figures.windows_sent;
  } else {
    ++figures.sent_again;
  }
  return true;
}

bool LoadProbe::make(std::uint64_t sequence, Waiting& waiting) {
  if (made_ >= surroundings_.options.in_flight) return false;
  ++made_;
  waiting.batch = {.boot = boot_,
                   .first_sequence = sequence,
                   .sequence = sequence,
                   .payload = wire::encode(surroundings_.source.make(index_, waiting.window))};
  return true;
}

void LoadProbe::fetch(const probe_core::FetchOrder& order) {
  const bool is_live = order.lane == probe_core::Lane::kLive;
  auto& position = fetched_[order.lane];
  if (order.from_start) position = is_live ? order.boundary : 0;
  probe_core::SpoolFetched fetched{.batches = {}, .level = probe_core::SpoolLevel{spool_.size()}};
  for (auto next = spool_.upper_bound(position); next != spool_.end(); ++next) {
    auto& [sequence, waiting] = *next;
    if (fetched.batches.size() == order.batches_max) break;
    if (!is_live && sequence > order.boundary) break;
    if (!waiting.is_made() && !make(sequence, waiting)) break;
    waiting.lane = order.lane;
    fetched.batches.push_back(waiting.batch);
    position = sequence;
  }
  later(std::move(fetched));
}

void LoadProbe::release(BootId boot, const std::vector<SequenceInterval>& durable) {
  if (boot != boot_) return;
  const auto moment = async::now_instant();
  for (const auto& [first, last] : durable) {
    auto at = spool_.lower_bound(first);
    while (at != spool_.end() && at->first <= last) {
      const auto& waiting = at->second;
      auto& figures = surroundings_.figures;
      surroundings_.source.acknowledged(index_, waiting.window);
      if (waiting.sent_at) {
        figures.acknowledged_in.add(
            static_cast<std::uint64_t>((moment - *waiting.sent_at).count()));
      }
      auto& durable_in = waiting.lane == probe_core::Lane::kLive ? figures.live_durable_in
                                                                 : figures.backlog_durable_in;
      durable_in.add(static_cast<std::uint64_t>((moment - waiting.due_at).count()));
      ++figures.windows_stored;
      ++stored_;
      if (waiting.is_made()) --made_;
      at = spool_.erase(at);
    }
  }
  // There is room for more.
  if (made_ < spool_.size()) later(probe_core::SpoolAppended{});
}

}  // namespace faultline::load

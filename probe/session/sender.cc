#include "probe/session/sender.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "probe/session/plan_limits.h"

namespace faultline::session {
namespace {

// A wall clock that moves by more than this against the monotonic one between two looks was set.
// They are 10 ms apart where packets are many; the kernel slews at most 10 %, usually 0.05 %.
constexpr Duration kClockStep = std::chrono::milliseconds{1};

// A packet that is unanswered after this part of the reply timeout is taken for lost, as far as
// tracing goes: a reply that comes later costs a trace, no false loss.
constexpr int kPatienceShare = 4;

std::uint32_t session_key(std::uint16_t source_port, std::uint16_t ssid) {
  return std::uint32_t{source_port} << 16 | ssid;
}

FlowKind kind_of(const PlanFlow& planned, std::uint16_t size_max) {
  const auto size = std::min(planned.size, size_max);
  return {.size = size < kFlowSizeMin ? std::uint16_t{0} : size, .dscp = planned.dscp};
}

// What is looked at again where a path has changed: what the plan's own large flows measure.
std::uint16_t largest_size(const Plan& plan, std::uint16_t size_max) {
  std::uint16_t size = 0;
  for (const auto& flow : plan.flows) size = std::max(size, kind_of(flow, size_max).size);
  return size;
}

std::size_t size_checks_at_once(Duration flow_interval, std::uint16_t size) {
  if (size == 0) return 0;
  const auto bytes = static_cast<double>(kSizeCheckBytesPerSecondMax) *
                     std::chrono::duration<double>(flow_interval).count();
  return std::clamp<std::size_t>(static_cast<std::size_t>(bytes / size), 1, kSizeChecksAtOnceMax);
}

// Finds flows by what tells them apart; also those that were moved from, who keep that. Not a map:
// its nodes would be as large as the flows.
class FlowFinder {
 public:
  explicit FlowFinder(std::span<const Flow> flows) : flows_(flows), order_(flows.size()) {
    std::iota(order_.begin(), order_.end(), 0U);
    std::ranges::sort(order_, {}, [this](std::uint32_t i) { return name_of(i); });
  }
  [[nodiscard]] std::optional<std::size_t> find(const FlowId& id, NodeId target) const {
    const std::pair wanted{id, target};
    const auto found = std::ranges::lower_bound(order_, wanted, {},
                                                [this](std::uint32_t i) { return name_of(i); });
    const bool known = found != order_.end() && name_of(*found) == wanted;
    return known ? std::optional<std::size_t>(*found) : std::nullopt;
  }

 private:
  [[nodiscard]] std::pair<FlowId, NodeId> name_of(std::uint32_t i) const {
    return {flows_[i].id(), flows_[i].target()};
  }

  std::span<const Flow> flows_;
  std::vector<std::uint32_t> order_;
};

}  // namespace

std::shared_ptr<const PeerKeys> Sender::keys_for(const PlanPeer& peer, const KeyTable& keys) {
  const auto found = keys.find(peer.node);
  return peer.authenticates && found != keys.end() ? found->second : nullptr;
}

void Sender::set_keys(const KeyTable& keys) {
  for (auto& flow : flows_) {
    const auto found = keys.find(flow.target());
    if (flow.signing_key() != nullptr && found != keys.end()) flow.set_keys(found->second);
  }
}

void Sender::note_clock(Now now) {
  const auto offset = now.wall.time_since_epoch() - now.instant.time_since_epoch();
  if (clock_offset_ && std::chrono::abs(offset - *clock_offset_) > kClockStep) {
    ++clock_epoch_;
    if (auto* window = filling()) window->health.clock_step_ns += (offset - *clock_offset_).count();
  }
  clock_offset_ = offset;
}

void Sender::set_plan(const Plan& plan, Now now, const KeyTable& keys, std::uint16_t size_max) {
  roll_window(now);
  const auto capacity = packets_per_flow(plan);
  const auto reported_from = first_settled_window(plan, now);
  destinations_ = Destinations(plan.peers);
  const FlowFinder old_flows(flows_);
  std::vector<Flow> flows;
  std::vector<Pacer::FlowPace> paces;
  flows.reserve(plan.flows.size());
  paces.reserve(plan.flows.size());
  std::vector<bool> kept(flows_.size(), false);
  const std::uint16_t first_port =
      plan.flows.empty() ? 0 : std::ranges::min(plan.flows, {}, &PlanFlow::source_port).source_port;
  for (const auto& planned : plan.flows) {
    const auto& peer = plan.peers[planned.peer];
    const auto group = destinations_.group_of(peer.address);
    const auto lane = static_cast<std::uint16_t>(planned.source_port - first_port);
    const FlowId id{planned.source_port, {peer.address, peer.reflector_port}};
    const auto old = old_flows.find(id, peer.node);
    if (!old) {
      flows.emplace_back(id, peer.node, new_ssid(id.source_port), capacity, reported_from);
      flows.back().set_keys(keys_for(peer, keys));
      flows.back().set_kind(kind_of(planned, size_max), reported_from);
      index_.try_emplace(session_key(id.source_port, flows.back().ssid()));  // taken; indexed below
      paces.push_back({.slot = {}, .group = group, .lane = lane});
      continue;
    }
    const auto index = *old;
    kept[index] = true;
    flows.push_back(std::move(flows_[index]));
    flows.back().set_capacity(capacity);
    flows.back().set_keys(keys_for(peer, keys));
    flows.back().set_kind(kind_of(planned, size_max), reported_from);
    paces.push_back({.slot = {}, .group = group, .lane = lane});
    if (index < planned_) {
      paces.back().slot = pacer_.slot_of(static_cast<std::uint32_t>(index));
    }
  }
  planned_ = flows.size();
  looks_left_ = 0;
  const std::size_t flows_max = planned_ + kRemovedFlowsMax;
  for (std::size_t i = 0; i < flows_.size() && flows.size() < flows_max; ++i) {
    if (!kept[i] && !flows_[i].empty()) flows.push_back(std::move(flows_[i]));
  }
  flows_ = std::move(flows);
  index_flows();
  const auto group_max = plan.packets_per_second_per_group_max;
  pacer_.configure(paces, plan.flow_interval,
                   {.packets_per_second = static_cast<double>(plan.packets_per_second_max),
                    .packets_per_second_per_group = static_cast<double>(
                        group_max == 0 ? kPacketsPerSecondPerGroupMax
                                       : std::min(group_max, kPacketsPerSecondPerGroupMax)),
                    .groups = destinations_.groups()},
                   now.instant, rng_);
  measuring_ = true;
  const auto size = largest_size(plan, size_max);
  if (size == 0) size_checks_.clear();
  settings_ = {.revision = plan.revision,
               .window = plan.window,
               .flow_interval = plan.flow_interval,
               .reply_timeout = plan.reply_timeout,
               .packets_per_flow = capacity,
               .size_to_check = size,
               .size_checks_max = size_checks_at_once(plan.flow_interval, size)};
  if (auto* window = filling()) window->plan = plan.revision;
  roll_window(now);
}

void Sender::boost(const Boost& boost, Now now) {
  if (!measuring_ || boost.plan != settings_.revision) return;
  std::vector<std::uint16_t> times(planned_, 1);
  for (const auto& boosted : boost.flows) times.at(boosted.flow) = boosted.times;
  for (std::size_t i = 0; i < planned_; ++i) {
    flows_[i].set_capacity(boosted_packets(settings_.packets_per_flow, times[i]));
  }
  pacer_.boost(std::move(times), now.instant + boost.life, now.instant, rng_);
}

bool Sender::check_size(NodeId target, std::uint16_t source_port) {
  const FlowName name{target, source_port};
  if (auto* flow = find_planned(name)) flow->renew_check_repeats();
  return queue_size_check(name);
}

bool Sender::queue_size_check(const FlowName& name) {
  const auto* flow = find_planned(name);
  const bool is_small = flow != nullptr && flow->kind().size < settings_.size_to_check;
  if (!measuring_ || !is_small || std::ranges::find(size_checks_, name) != size_checks_.end()) {
    return true;
  }
  if (size_checks_.size() >= kSizeChecksWaitingMax) return false;
  size_checks_.push_back(name);
  return true;
}

void Sender::begin_size_checks(WindowNumber window) {
  std::size_t left = settings_.size_checks_max;
  std::erase_if(size_checks_, [&](const FlowName& name) {
    if (left == 0) return false;
    auto* flow = find_planned(name);
    if (flow == nullptr || flow->kind().size >= settings_.size_to_check) return true;
    if (flow->checks_size() || !flow->reported_in(window)) return false;
    flow->check_size(settings_.size_to_check, window);
    --left;
    return true;
  });
}

Flow* Sender::find_planned(const FlowName& name) {
  const auto planned = std::span(flows_).first(planned_);
  const auto found = std::ranges::find_if(planned, [&](const Flow& flow) {
    return flow.id().source_port == name.second && flow.target() == name.first;
  });
  return found == planned.end() ? nullptr : &*found;
}

WindowNumber Sender::first_settled_window(const Plan& plan, Now now) {
  const auto* window = filling();
  const WindowNumber present = window != nullptr ? window->number : next_window_;
  const auto left = window_start(now.wall, plan.window) + plan.window - now.wall;
  return left < plan.reply_timeout + plan.flow_interval ? present + 2 : present + 1;
}

void Sender::stop(Now now) {
  measuring_ = false;
  planned_ = 0;
  size_checks_.clear();
  pacer_.stop();
  end_window(now);
}

void Sender::finish(Now now, Duration grace) {
  stop(now);
  for (auto& window : windows_) {
    window.close_at = std::min(window.close_at, now.instant + grace);
    window.ask_at = Instant::max();
  }
  questions_.hurry(now.instant + grace);
}

void Sender::take_due(Now now, std::size_t max, std::vector<Outgoing>& out) {
  note_clock(now);
  roll_window(now);
  auto* window = filling();
  if (!measuring_ || window == nullptr) return;
  auto& health = window->health;
  for (std::size_t taken = 0; taken < max;) {
    const auto turn = pacer_.take(now.instant, rng_);
    if (!turn) break;
    Flow& flow = flows_[*turn];
    if (flow.full()) {  // only after the clock was set back; its window is still filling
      ++health.budget_deferred;
      continue;
    }
    const auto sequence = flow.send(now.wall, window->number, clock_epoch_);
    out.push_back({.source_port = flow.id().source_port,
                   .to = flow.id().remote,
                   .packet = {.sequence = sequence, .sent_at = now.wall, .ssid = flow.ssid()},
                   .key = flow.signing_key(),
                   .kind = flow.kind_in(window->number)});
    ++taken;
  }
  health.budget_deferred += pacer_.take_deferred();
  health.lateness_max_ns =
      std::max(health.lateness_max_ns, static_cast<std::uint64_t>(pacer_.take_lateness().count()));
}

Instant Sender::next_due(Now now) {
  Instant due = pacer_.next_due(now.instant);
  if (!windows_.empty()) due = std::min(due, front_due());
  if (const auto* window = filling()) {
    if (measuring_ && planned_ > 0) due = std::min(due, std::max(now.instant, next_look_));
    due = std::min(
        due, now.instant + std::max(Duration::zero(), window->start + window->length - now.wall));
  }
  return due;
}

void Sender::on_send_failed(const PacketName& name) {
  if (auto* flow = find(name.source_port, name.ssid)) flow->on_send_failed(name.sequence);
  if (auto* window = filling()) ++window->health.send_failures;
}

void Sender::on_too_large(const PacketName& name) {
  if (auto* flow = find(name.source_port, name.ssid)) flow->on_send_failed(name.sequence);
}

bool Sender::on_transmit_stamp(const PacketName& name, WallTime stamp) {
  auto* flow = find(name.source_port, name.ssid);
  return flow != nullptr && flow->on_transmit_stamp(name.sequence, stamp);
}

void Sender::on_stamp_lost(const PacketName& name) {
  if (auto* flow = find(name.source_port, name.ssid)) flow->on_stamp_lost(name.sequence);
}

bool Sender::on_reply(std::uint16_t source_port, const Endpoint& from,
                      const stamp::ReflectorPacket& reply, WallTime received,
                      std::span<const std::byte> authenticated, const Arrival& arrival) {
  auto* flow = find(source_port, reply.ssid);
  if (flow != nullptr && flow->id().remote != from) flow = nullptr;
  const bool genuine = flow == nullptr || flow->is_genuine(reply, authenticated);
  if (!genuine) ++forged_;
  const bool matched = flow != nullptr && genuine &&
                       flow->on_reply(reply, received, settings_.reply_timeout, clock_epoch_);
  if (matched) flow->on_arrival(reply, arrival);
  if (auto* window = filling(); window != nullptr && !matched) ++window->health.replies_unmatched;
  return matched;
}

void Sender::note_receive_drops(std::uint32_t count) {
  if (auto* window = filling()) window->health.receive_drops += count;
}

void Sender::note_reflector_refused(std::uint32_t count) {
  if (auto* window = filling()) window->health.reflector_refused += count;
}

void Sender::note_machine(const MachineCounters& before, const MachineCounters& after) {
  if (auto* window = filling()) note_growth(before, after, window->health);
}

std::optional<Report> Sender::take_report(Now now) {
  roll_window(now);
  if (windows_.empty() || windows_.front().close_at > now.instant) return std::nullopt;
  const auto answers_due = questions_.waits_until();
  if (answers_due && *answers_due > now.instant) return std::nullopt;
  const Window window = windows_.front();
  windows_.erase(windows_.begin());
  auto report = build_report(window);
  questions_.end();
  receipts_.clear();
  drop_finished_flows();
  return report;
}

Instant Sender::front_due() const {
  const auto& front = windows_.front();
  if (front.ask_at < front.close_at) return front.ask_at;
  return std::max(front.close_at, questions_.waits_until().value_or(Instant::min()));
}

std::optional<ReceiptQuestion> Sender::take_question(Now now) {
  if (!windows_.empty() && windows_.front().ask_at <= now.instant) {
    ask_about(windows_.front(), now);
  }
  return questions_.take();
}

// A thread that was stalled for long has enough to catch up on.
void Sender::ask_about(Window& window, Now now) {
  const auto until = std::exchange(window.ask_at, Instant::max()) + kAnswerWait;
  if (now.instant >= until) return;
  questions_.begin(now.instant + kAnswerWait);
  std::optional<std::size_t> first_unasked;
  for (std::size_t i = 0; i < flows_.size(); ++i) {
    const auto index = (asked_from_ + i) % flows_.size();
    const auto& flow = flows_[index];
    if (!flow.reported_in(window.number) || !flow.leaves_open(window.number)) continue;
    if (questions_.add(flow.target(), flow.session())) continue;
    ++unasked_;
    if (!first_unasked) first_unasked = index;
  }
  asked_from_ = first_unasked.value_or(asked_from_);
}

void Sender::take_receipts(NodeId from, const Receipts& receipts) {
  const auto asked = questions_.answered(from, receipts.request);
  for (const auto& record : receipts.records) {
    const auto& session = record.session;
    const auto* flow = find(session.source_port, session.ssid);
    if (flow == nullptr || flow->target() != from || flow->session() != session) continue;
    if (std::ranges::find(asked, session) == asked.end()) continue;
    receipts_.insert_or_assign(session_key(session.source_port, session.ssid), record);
  }
}

std::optional<FlowHint> Sender::take_hint(Now now) {
  const auto* window = filling();
  if (!measuring_ || window == nullptr) return std::nullopt;
  if (looks_left_ == 0) {
    if (now.instant < next_look_) return std::nullopt;
    next_look_ = now.instant + kLookInterval;
    looks_left_ = planned_;
    look_hints_left_ = kHintsPerLookMax;
  }
  for (; looks_left_ > 0 && look_hints_left_ > 0; --looks_left_) {
    auto& flow = flows_[looked_at_++ % planned_];
    const auto why =
        flow.take_hint(now.wall, settings_.reply_timeout / kPatienceShare, window->number);
    if (!why) continue;
    --looks_left_;
    --look_hints_left_;
    return FlowHint{.target = flow.target(), .source_port = flow.id().source_port, .why = *why};
  }
  looks_left_ = 0;
  return std::nullopt;
}

void Sender::roll_window(Now now) {
  if (!measuring_) return;
  const auto start = window_start(now.wall, settings_.window);
  if (const auto* window = filling()) {
    // A clock set back by less than a window just makes the window longer.
    const bool within = start == window->start || start + settings_.window == window->start;
    if (within || windows_.size() >= kOpenWindowsMax) return;
    end_window(now);
  }
  windows_.push_back({.number = next_window_++,
                      .start = start,
                      .length = settings_.window,
                      .plan = settings_.revision});
  begin_size_checks(windows_.back().number);
}

void Sender::end_window(Now now) {
  if (auto* window = filling()) {
    window->ask_at = now.instant + settings_.reply_timeout;
    window->close_at = window->ask_at + settings_.flow_interval;
  }
}

Sender::Window* Sender::filling() {
  const bool any = !windows_.empty() && windows_.back().close_at == Instant::max();
  return any ? &windows_.back() : nullptr;
}

Flow* Sender::find(std::uint16_t source_port, std::uint16_t ssid) {
  const auto found = index_.find(session_key(source_port, ssid));
  return found != index_.end() ? &flows_[found->second] : nullptr;
}

std::uint16_t Sender::new_ssid(std::uint16_t source_port) {
  for (;;) {  // fewer than 3 * kPlanFlowsMax of 65,519 are taken
    const auto ssid = static_cast<std::uint16_t>(1 + uniform_below(rng_, stamp::kSsidSessionMax));
    if (!index_.contains(session_key(source_port, ssid))) return ssid;
  }
}

void Sender::index_flows() {
  index_ = decltype(index_)();  // the old one's room first, so that it never has both
  index_.reserve(flows_.size());
  for (std::uint32_t i = 0; i < flows_.size(); ++i) {
    index_.try_emplace(session_key(flows_[i].id().source_port, flows_[i].ssid()), i);
  }
}

void Sender::drop_finished_flows() {
  const auto removed = std::next(flows_.begin(), static_cast<std::ptrdiff_t>(planned_));
  const auto finished =
      std::remove_if(removed, flows_.end(), [](const Flow& f) { return f.empty(); });
  if (finished == flows_.end()) return;
  flows_.erase(finished, flows_.end());
  index_flows();
}

Report Sender::build_report(const Window& window) {
  Report report{.plan = window.plan,
                .window_start = window.start,
                .window = window.length,
                .health = window.health};
  report.flows.reserve(std::min(flows_.size(), kReportFlowsMax));
  std::unordered_map<NodeId, std::size_t> delay_index;
  for (auto& flow : flows_) {
    rtts_.clear();
    const auto kind = flow.kind_in(window.number);
    const auto told = receipts_.find(session_key(flow.id().source_port, flow.ssid()));
    const auto result =
        flow.close(window.number, rtts_, told == receipts_.end() ? nullptr : &told->second);
    const bool passed = 2 * (result.sent - result.answered()) <= result.sent;
    if (kind == flow.kind()) {
      if (result.sent > 0) flow.note_passes(passed);
    } else if (!passed && flow.take_check_repeat()) {
      static_cast<void>(queue_size_check({result.target, result.source_port}));
    }
    // Removed flows come last, so that they are what a full report lacks.
    if (result.sent == 0 || !flow.reported_in(window.number)) continue;
    if (report.flows.size() == kReportFlowsMax) continue;
    report.flows.push_back(result);
    // A large packet is longer on every wire and another class waits in other queues: the target's
    // delay is that of small packets of class 0.
    if (rtts_.empty() || kind != FlowKind{}) continue;
    const auto [delay, added] = delay_index.try_emplace(result.target, report.delays.size());
    if (added) report.delays.push_back({.target = result.target});
    for (const auto rtt : rtts_) report.delays[delay->second].rtt.add(rtt);
  }
  return report;
}

}  // namespace faultline::session

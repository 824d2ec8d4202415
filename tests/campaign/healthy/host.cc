#include "tests/campaign/healthy/host.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "tests/campaign/healthy/world.h"

namespace faultline::healthy {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// Per host and day.
constexpr double kRestartsPerDay = 1.0 / 7;
constexpr double kRebootsPerDay = 1.0 / 14;
constexpr double kCrashesPerDay = 1.0 / 14;
constexpr double kOverloadsPerDay = 0.5;
constexpr double kClockStepsPerDay = 0.1;
constexpr double kDropsMin = 0.001;  // of an overloaded prober, with equal chance per factor
constexpr double kDropsMax = 0.05;
constexpr double kStepMin = 0.02;  // seconds, likewise
constexpr double kStepMax = 2.4;
constexpr double kBaseUs = 40;  // round trip inside a rack, and about that much per spine
constexpr Duration kRemembered = minutes{10};
constexpr Duration kReporting = milliseconds{200};

double by_factor(Rng& rng, double least, double most) {
  return least * std::pow(most / least, uniform(rng));
}

Duration between(Rng& rng, Duration least, Duration most) {
  return least + duration_cast<Duration>((most - least) * uniform(rng));
}

double overlap(WallTime from, WallTime to, WallTime begin, WallTime end) {
  const auto both = std::min(to, end) - std::max(from, begin);
  return both <= Duration::zero() ? 0 : std::chrono::duration<double>(both) / (to - from);
}

}  // namespace

Host::Host(World& world, std::uint32_t number, std::uint64_t seed)
    : world_(world), number_(number), rng_(seed), name_(fmt::format("h{}", number)) {}

WallTime Host::clock() const { return world_.clock.wall() + clock_offset_; }

void Host::start() {
  come_back();
  later_restart();
  later_reboot();
  later_crash();
  later_overload();
  later_clock_step();
  world_.clock.after(between(rng_, {}, World::kHeartbeat), [this] { beat(); });
}

void Host::say_hello() {
  world_.tell(number_, Hello{.software = "healthy",
                             .boot = boot_,
                             .profile = {.labels = {{"rack", world_.network.rack(number_)}},
                                         .address = Network::host_address(number_),
                                         .source_port_first = 42000,
                                         .source_port_count = 16,
                                         .mesh_port = 7401},
                             .plan = plan_ ? plan_->revision : PlanRevision{},
                             .plan_hash = plan_ ? plan_hash(*plan_) : 0});
}

void Host::beat() {
  if (is_up_) {
    world_.tell(number_, Heartbeat{.sequence = ++heartbeats_,
                                   .sent_at = clock(),
                                   .plan = plan_ ? plan_->revision : PlanRevision{}});
  }
  world_.clock.after(World::kHeartbeat, [this] { beat(); });
}

void Host::receive(const ControllerMessage& message) {
  if (!is_up_) return;
  if (const auto* welcome = std::get_if<Welcome>(&message)) id_ = welcome->node;
  if (const auto* plan = std::get_if<Plan>(&message)) take_plan(*plan);
  if (const auto* boost = std::get_if<Boost>(&message)) take_boost(*boost);
}

void Host::take_plan(const Plan& plan) {
  const bool idle = plan_ == nullptr;
  plan_ = std::make_shared<const Plan>(plan);
  sessions_.clear();
  for (const auto& flow : plan_->flows) {
    const auto& peer = plan_->peers[flow.peer];
    const auto to = Network::host_at(peer.address);
    sessions_.push_back({.target = peer.node,
                         .to = to,
                         .port = flow.source_port,
                         .there = world_.network.way(number_, to, flow.source_port),
                         .back = world_.network.way(to, number_, flow.source_port)});
  }
  boosted_until_ = {};
  paths_are_news_ = true;
  world_.tell(number_, PlanAck{.revision = plan_->revision, .hash = plan_hash(*plan_)});
  if (idle) begin_measuring();
}

void Host::take_boost(const Boost& boost) {
  for (auto& session : sessions_) session.times = 1;
  if (plan_ == nullptr || boost.plan != plan_->revision) return;
  for (const auto& flow : boost.flows) sessions_.at(flow.flow).times = flow.times;
  boosted_until_ = world_.clock.wall() + boost.life;
}

// A new session is not reported for the window that it begins in.
void Host::begin_measuring() {
  next_window_ = window_start(clock(), plan_->window) + plan_->window;
  stepped_ = {};
  close_window_later();
}

// By its own clock; where that steps ahead of all, at once.
void Host::close_window_later() {
  const auto due = next_window_ + plan_->window + plan_->reply_timeout + plan_->flow_interval;
  world_.clock.after(std::max(due - clock(), Duration{}) + between(rng_, {}, kReporting),
                     [this, process = process_] {
                       if (process == process_) close_window();
                     });
}

void Host::close_window() {
  auto report = std::make_shared<Report>();
  report->plan = plan_->revision;
  report->window_start = next_window_;
  report->window = plan_->window;
  // By true time; the clock's offset is what it was, but for a step meanwhile.
  const auto from = next_window_ - clock_offset_;
  measure(*report, from, from + plan_->window);
  add_paths(*report);
  world_.report(number_,
                {.boot = boot_,
                 .first_sequence = sequence_ + 1,
                 .sequence = sequence_ + 1,
                 .payload = {std::byte{1}}},
                std::move(report));
  ++sequence_;
  next_window_ += plan_->window;
  stepped_ = {};
  close_window_later();
}

void Host::measure(Report& report, WallTime from, WallTime to) {
  const auto own = trouble_at(from + (to - from) / 2);
  // A step of the clock makes a window shorter or longer than it says.
  const auto length = std::clamp(plan_->window - stepped_, plan_->window / 4, 2 * plan_->window);
  const auto packets =
      std::max<std::uint32_t>(1, static_cast<std::uint32_t>(length / plan_->flow_interval));
  if (world_.clock.wall() > boosted_until_) {
    for (auto& session : sessions_) session.times = 1;
  }
  std::uint32_t own_drops = 0;
  report.flows.reserve(sessions_.size());
  for (const auto& session : sessions_) {
    measure_flow(session, packets, own, from, to, report.flows.emplace_back(), own_drops);
  }
  add_delays(report);
  if (own.drops > 0) {  // and of what others sent it: about as much
    own_drops += draw_lost(packets * static_cast<std::uint32_t>(sessions_.size()), own.drops, rng_);
  }
  report.health.receive_drops = own_drops;
  report.health.lateness_max_ns = static_cast<std::uint64_t>(own.late_us * 1000);
}

void Host::measure_flow(const Session& session, std::uint32_t packets, const Trouble& own,
                        WallTime from, WallTime to, FlowWindow& flow, std::uint32_t& own_drops) {
  auto& counters = world_.counters;
  const auto& target = world_.host(session.to);
  flow.target = session.target;
  flow.source_port = session.port;
  flow.sent = packets * session.times;
  const double away = target.away(from, to);
  const auto unanswered = static_cast<std::uint32_t>(std::lround(away * flow.sent));
  // A gap between two replies is known to be on the way there; without any reply nothing is known.
  (unanswered < flow.sent ? flow.lost_forward : flow.lost_undetermined) = unanswered;
  auto left = flow.sent - unanswered;
  const auto theirs = target.trouble_at(from + (to - from) / 2);
  const auto& network = world_.network;
  const auto there = draw_lost(left, network.loss(session.there) + theirs.drops, rng_);
  left -= there;
  const auto back = draw_lost(left, network.loss(session.back), rng_);
  left -= back;
  const auto dropped = own.drops > 0 ? draw_lost(left, own.drops, rng_) : 0;
  left -= dropped;
  flow.lost_forward += there;
  flow.lost_return = back + dropped;
  own_drops += dropped;
  counters.packets += flow.sent;
  counters.lost += there + back + dropped;
  if (left == 0) return;
  const double least = kBaseUs * (session.there[0] == kNoLink ? 1 : 3);
  const double queue = network.queue_us(session.there) + network.queue_us(session.back);
  const double late = (own.late_us + theirs.late_us) * uniform(rng_);
  // The least of some exponential waits, their mean, and the most.
  const double spread = -std::log(1 - uniform(rng_));
  flow.rtt_min_ns = static_cast<std::uint64_t>(1000 * (least + queue * spread / left));
  flow.rtt_mean_ns = flow.rtt_min_ns + static_cast<std::uint64_t>(1000 * (queue + late / 4));
  flow.rtt_max_ns = flow.rtt_mean_ns +
                    static_cast<std::uint64_t>(1000 * (queue * (std::log(left) + spread) + late));
}

// Of a flow's packets one is the fastest, one the slowest, and the others are as the mean.
void Host::add_delays(Report& report) {
  std::map<NodeId, stats::Histogram> delays;
  for (const auto& flow : report.flows) {
    const auto answered = flow.answered();
    if (answered == 0) continue;
    auto& rtt = delays[flow.target];
    rtt.add(flow.rtt_min_ns);
    if (answered > 1) rtt.add(flow.rtt_max_ns);
    if (answered > 2) rtt.add(flow.rtt_mean_ns, answered - 2);
  }
  for (auto& [target, rtt] : delays) {
    report.delays.push_back({.target = target, .rtt = std::move(rtt)});
  }
}

// All of a new plan, and once a day.
void Host::add_paths(Report& report) {
  const auto day = unix_seconds(report.window_start) / 86'400;
  if (!paths_are_news_ && day == paths_day_) return;
  paths_are_news_ = false;
  paths_day_ = day;
  for (const auto& session : sessions_) {
    for (const auto direction : {Direction::kForward, Direction::kReturn}) {
      const bool out = direction == Direction::kForward;
      report.paths.push_back(
          {.target = session.target,
           .source_port = session.port,
           .direction = direction,
           .traced_at = report.window_start,
           .complete = true,
           .hops = out ? world_.network.hops(number_, session.to, session.port)
                       : world_.network.hops(session.to, number_, session.port)});
    }
  }
}

double Host::away(WallTime from, WallTime to) const {
  double share = 0;
  for (const auto& gone : gone_) share += overlap(from, to, gone.from, gone.until);
  return std::min(share, 1.0);
}

Trouble Host::trouble_at(WallTime time) const {
  for (const auto& overload : overloads_) {
    if (overload.from <= time && time < overload.until) return overload.trouble;
  }
  return {};
}

Duration Host::until_next(double per_day) {
  const double days = -std::log(1 - uniform(rng_)) / per_day;
  return duration_cast<Duration>(std::chrono::duration<double>(days * 86'400));
}

void Host::go_away(Duration length, bool says_goodbye) {
  if (!is_up_) return;
  const auto now = world_.clock.wall();
  if (says_goodbye) world_.tell(number_, Goodbye{.boot = boot_, .stopped_at = clock()});
  is_up_ = false;
  ++process_;
  std::erase_if(gone_, [&](const Gone& it) { return it.until < now - kRemembered; });
  gone_.push_back({now, now + length});
  world_.note(fmt::format("{} goes away for {}{}", name_, format_duration(length),
                          says_goodbye ? "" : " without a word"));
  world_.clock.after(length, [this] { come_back(); });
}

void Host::come_back() {
  is_up_ = true;
  boot_ = BootId{rng_()};
  sequence_ = 0;
  say_hello();
  if (plan_ != nullptr) begin_measuring();  // it kept its plan
}

void Host::later_restart() {
  world_.clock.after(until_next(kRestartsPerDay), [this] {
    ++world_.counters.restarts;
    go_away(between(rng_, seconds{2}, seconds{10}), true);
    later_restart();
  });
}

void Host::later_reboot() {
  world_.clock.after(until_next(kRebootsPerDay), [this] {
    ++world_.counters.reboots;
    go_away(between(rng_, seconds{50}, seconds{240}), true);
    later_reboot();
  });
}

void Host::later_crash() {
  world_.clock.after(until_next(kCrashesPerDay), [this] {
    ++world_.counters.crashes;
    go_away(between(rng_, seconds{1}, seconds{6}), false);
    later_crash();
  });
}

void Host::later_overload() {
  world_.clock.after(until_next(kOverloadsPerDay), [this] {
    const auto now = world_.clock.wall();
    std::erase_if(overloads_, [&](const Overload& it) { return it.until < now - kRemembered; });
    const auto length = between(rng_, seconds{5}, minutes{3});
    const Trouble trouble{.drops = by_factor(rng_, kDropsMin, kDropsMax),
                          .late_us = by_factor(rng_, 500, 30'000)};
    overloads_.push_back({now, now + length, trouble});
    ++world_.counters.overloads;
    world_.note(fmt::format("{} is overloaded for {}: {:.2f} % dropped, {:.0f} us late", name_,
                            format_duration(duration_cast<seconds>(length)), 100 * trouble.drops,
                            trouble.late_us));
    later_overload();
  });
}

// By a step of its own accord, and some minutes later back by another.
void Host::later_clock_step() {
  world_.clock.after(until_next(kClockStepsPerDay), [this] {
    const double size = by_factor(rng_, kStepMin, kStepMax) * (uniform(rng_) < 0.5 ? -1 : 1);
    const auto step = duration_cast<Duration>(std::chrono::duration<double>(size));
    ++world_.counters.clock_steps;
    world_.note(fmt::format("the clock of {} steps by {:.3f} s", name_, size));
    clock_offset_ += step;
    stepped_ += step;
    world_.clock.after(between(rng_, minutes{1}, minutes{30}), [this, step] {
      world_.note(fmt::format("the clock of {} steps back", name_));
      clock_offset_ -= step;
      stepped_ -= step;
    });
    later_clock_step();
  });
}

}  // namespace faultline::healthy

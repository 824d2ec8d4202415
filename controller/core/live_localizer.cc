#include "controller/core/live_localizer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "controller/core/horizons.h"
#include "controller/core/sickness.h"

namespace faultline::core {
namespace {

using localize::Horizon;
using localize::Stream;
using localize::Suspect;

// Names may grow to twice what was in use when they were renewed, and this much more.
constexpr std::size_t kNamesSlack = 4096;
// Of a large fleet, the five minutes are solved this often in the time of the shortest horizon, the
// half hour once.
constexpr std::size_t kFiveMinutesTurns = 3;

std::uint32_t whole_seconds(Duration duration) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(duration).count();
  return static_cast<std::uint32_t>(std::max<std::int64_t>(1, seconds));
}

Stream::Options stream_options(const LiveLocalizer::Options& options) {
  const auto reach = options.excused_max / options.window + 2;
  return {.window_s = whole_seconds(options.window),
          .minute_windows = static_cast<std::uint32_t>(options.horizon_windows),
          .flows_max = options.flows_max,
          .take_out_windows = static_cast<std::uint32_t>(reach)};
}

Suspect as_suspect(const incident::Component& component) {
  Suspect suspect;
  suspect.id = component.id;
  suspect.from = component.from;
  suspect.to = component.to;
  const bool is_cable = component.id == component.from + "=" + component.to ||
                        component.id == component.to + "=" + component.from;
  suspect.kind = component.from.empty() ? localize::SuspectKind::kDevice
                 : is_cable             ? localize::SuspectKind::kCable
                                        : localize::SuspectKind::kLink;
  return suspect;
}

std::int64_t end_of(const SolveJob& job) {
  return unix_seconds(job.ripe.window_start + job.window);
}

const std::set<NodeId>& excused_in(const ExcusedNodes& excused, WallTime start) {
  static const std::set<NodeId> kNobody;
  const auto found = excused.find(start);
  return found == excused.end() ? kNobody : found->second;
}

std::vector<Suspect> lossy(const std::vector<Suspect>& suspects) {
  std::vector<Suspect> result;
  std::ranges::copy_if(suspects, std::back_inserter(result),
                       [](const Suspect& it) { return it.loss > 0; });
  result.resize(std::min(result.size(), Crossings::kSuspectsMax));
  return result;
}

// Whether the rows of `part` speak for those of `all`.
bool says_enough(const CrossedBlocks& part, const CrossedBlocks& all) {
  return !part.empty() && !all.empty() && part.front().end_s == all.front().end_s &&
         2 * part.front().sent >= all.front().sent;
}

std::size_t index_of(Horizon horizon) { return static_cast<std::size_t>(horizon); }

std::vector<std::pair<std::string, std::string>> attachments(const localize::ObservationSet& set) {
  std::vector<std::pair<std::string, std::string>> result;
  for (const auto& link : set.links()) {
    if (link.to == localize::kSilentHop) continue;
    const auto kind = set.at(link.from).kind;
    if (kind == localize::DeviceKind::kHost || kind == localize::DeviceKind::kVm) {
      result.emplace_back(set.at(link.from).id, set.at(link.to).id);
    }
  }
  return result;
}

}  // namespace

LiveLocalizer::LiveLocalizer(const Options& options)
    : options_(options), stream_(stream_options(options)) {}

LiveFigures LiveLocalizer::figures() const {
  return {.flows = stream_.flow_count(),
          .sessions = builder_ ? builder_->session_count() : 0,
          .rows_late = stream_.late_rows(),
          .rows_refused = stream_.refused_rows(),
          .rows_taken_out = taken_out_,
          .renewals = renewals_};
}

bool LiveLocalizer::names_have_grown() const {
  const auto& set = builder_->set();
  const std::size_t names = set.stored_hops() + set.flow_count() + builder_->session_count();
  return names > 2 * names_after_renewal_ + kNamesSlack;
}

void LiveLocalizer::begin_anew() {
  judges_.reset();  // they refer to the builder's observations
  builder_.reset();
  stream_ = Stream(stream_options(options_));
  health_.clear();
  names_version_ = 0;
  names_after_renewal_ = 0;
  taken_.clear();
  held_ = {};
}

void LiveLocalizer::follow(const topology::Topology& topology, const topology::PathBook& paths) {
  if (!builder_) {
    builder_.emplace(topology, paths_of(paths));
    judges_.emplace(builder_->set());
  } else if (topology.names_version() != names_version_ || names_have_grown()) {
    std::vector<Stream::Key> keys(stream_.keys().begin(), stream_.keys().end());
    builder_->renew(topology, paths_of(paths), stream_.begins_after_s(Horizon::kHalfHour), keys);
    stream_.rename(keys);
    held_ = {};                        // their names are the former ones
    judges_.emplace(builder_->set());  // its revisions begin anew
    const auto& set = builder_->set();
    names_after_renewal_ = set.stored_hops() + set.flow_count() + builder_->session_count();
    ++renewals_;
  } else {
    builder_->use(topology, paths_of(paths));
  }
  names_version_ = topology.names_version();
}

std::uint64_t LiveLocalizer::take(std::span<const NodeReport> reports, Duration window,
                                  const std::set<NodeId>& excused) {
  if (reports.empty()) return 0;
  auto& set = builder_->set();
  set.set_delays({localize::Delay{}});
  std::uint64_t left_out = 0;
  for (const auto& [node, report] : reports) left_out += builder_->add(node, *report, excused);
  const WallTime start = window_start(reports.front().report->window_start, window);
  stream_.add_window(unix_seconds(start + window), set.observations(), set.delays());
  set.set_delays({localize::Delay{}});
  taken_.try_emplace(start, excused);  // a late part says nothing of what came before it
  return left_out;
}

std::uint64_t LiveLocalizer::take_all(const SolveJob& job) {
  std::uint64_t left_out = 0;  // of the newest window, which comes last
  for (const auto& window : job.ripe.windows) {
    if (window.empty()) continue;
    const auto start = window_start(window.front().report->window_start, job.window);
    left_out = take(window, job.window, excused_in(job.excused, start));
  }
  take_out_excused(job.excused, job.window);
  forget_old();
  return left_out;
}

void LiveLocalizer::take_out_excused(const ExcusedNodes& excused, Duration window) {
  for (const auto& [start, nodes] : excused) {
    const auto taken = taken_.find(start);
    if (taken == taken_.end()) continue;
    for (const NodeId node : nodes) {
      if (!taken->second.insert(node).second) continue;
      const auto device = builder_->device_of(node);
      taken_out_ += stream_.take_out(unix_seconds(start + window), device);
    }
  }
}

void LiveLocalizer::forget_old() {
  const std::int64_t after_s = stream_.begins_after_s(Horizon::kHalfHour);
  std::erase_if(taken_, [&](const auto& it) { return unix_seconds(it.first) < after_s; });
  auto health = builder_->set().health();
  std::erase_if(health, [&](const auto& it) { return it.time_s <= after_s; });
  builder_->set().set_health(std::move(health));
}

void LiveLocalizer::recall(const RecallJob& job, std::span<const NodeReport> reports) {
  if (job.clock_set.back) begin_anew();
  follow(*job.topology, *job.paths);
  take(reports, job.window, job.excused);
}

localize::Localizer& LiveLocalizer::judge_of(Horizon horizon) {
  return *judges_->by_horizon[index_of(horizon)];
}

void LiveLocalizer::show(Horizon horizon) {
  auto& set = builder_->set();
  std::vector<localize::Delay> delays(1);
  auto rows = stream_.rows(horizon, horizon == Horizon::kMinute ? &delays : nullptr);
  set.set_delays(std::move(delays));
  set.set_observations(std::move(rows));
  show_health(horizon);
}

void LiveLocalizer::show_health(Horizon horizon) {
  auto health = health_;
  std::erase_if(health,
                [&](const auto& it) { return it.time_s <= stream_.begins_after_s(horizon); });
  builder_->set().set_health(std::move(health));
}

localize::Verdict LiveLocalizer::judge_minute(const SolveJob& job) {
  const std::int64_t end_s = end_of(job);
  const auto& set = builder_->set();
  show(Horizon::kMinute);
  const auto newest =
      judges_->newest.run({.after_s = unix_seconds(job.ripe.window_start), .until_s = end_s});
  auto verdict = judge_of(Horizon::kMinute).run({.near_misses_max = job.asks ? kNearMissesMax : 0});
  const auto is_named_now = [&](const Suspect& suspect) {
    return std::ranges::any_of(newest.suspects,
                               [&](const Suspect& it) { return same_suspect(suspect, it); });
  };
  const auto blocks = crossed_blocks(stream_, Horizon::kMinute, Crossings(set, verdict.suspects),
                                     Crossings(set, lossy(newest.suspects)));
  std::vector<Suspect> standing;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    auto& suspect = verdict.suspects[i];
    // Delays are judged by the last windows of any horizon.
    const bool stands = suspect.loss == 0 || is_named_now(suspect) ||
                        is_borne_out(suspect.loss_low, blocks[i], end_s);
    if (!stands) {
      mended_.push_back(std::move(suspect));
      continue;
    }
    suspect.over = false;  // the newest window says so
    standing.push_back(std::move(suspect));
  }
  verdict.suspects = std::move(standing);
  add_newest(verdict, newest, Containers(set));
  verdict.enough_data = newest.enough_data;
  return verdict;
}

const localize::Verdict& LiveLocalizer::longer(Horizon horizon, const SolveJob& job) {
  auto& held = held_[index_of(horizon)];
  const std::size_t turns = horizon == Horizon::kFiveMinutes ? kFiveMinutesTurns : 1;
  const std::size_t every = stream_.flow_count() <= options_.flows_at_once_max
                                ? 1
                                : std::max<std::size_t>(1, options_.horizon_windows / turns);
  if (held && ++held->windows < every) return held->verdict;
  show(horizon);
  held = Held{judge_of(horizon).run({.near_misses_max = job.asks ? kNearMissesMax : 0}), 0};
  return held->verdict;
}

void LiveLocalizer::add_longer(Horizon horizon, const SolveJob& job, localize::Verdict& verdict) {
  if (!stream_.reaches_back(horizon)) return;
  const auto& found = longer(horizon, job);
  const auto& set = builder_->set();
  const Containers containers(set);
  // Delays are of the shortest horizon only.
  auto asked = lossy(found.suspects);
  std::erase_if(asked, [&](const Suspect& it) { return !is_news(verdict, it, containers); });
  const Crossings explained(set, lossy(verdict.suspects));
  auto blocks = crossed_blocks(stream_, horizon, Crossings(set, asked), explained);
  const auto apart =
      crossed_blocks(stream_, horizon, Crossings(set, asked),
                     Crossings(set, lossy(explaining(verdict, asked))), SharedRows::kLeftOut);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (says_enough(apart[i], blocks[i])) blocks[i] = apart[i];
  }
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (!is_borne_out_lately({asked[i].loss_low, asked[i].since_s.value_or(localize::kNoTime)},
                             blocks[i], end_of(job))) {
      mended_.push_back(asked[i]);
      continue;
    }
    if (!is_news(verdict, asked[i], containers)) continue;
    named_by_[asked[i].id] = horizon;
    asked[i].over = false;
    verdict.suspects.push_back(std::move(asked[i]));
  }
  add_near_misses(verdict, still_near(horizon, found.near_misses, explained, end_of(job)));
}

// What losses are put down to that none of `asked` is to answer for.
std::vector<Suspect> LiveLocalizer::explaining(const localize::Verdict& verdict,
                                               const std::vector<Suspect>& asked) const {
  auto suspects = verdict.suspects;
  std::ranges::move(mended_beside(asked), std::back_inserter(suspects));
  return suspects;
}

// The mended ones that none of `asked` has a part of.
std::vector<Suspect> LiveLocalizer::mended_beside(const std::vector<Suspect>& asked) const {
  const Containers containers(builder_->set());
  std::vector<Suspect> beside;
  std::ranges::copy_if(mended_, std::back_inserter(beside), [&](const Suspect& mended) {
    return std::ranges::none_of(asked, [&](const Suspect& it) {
      return same_suspect(it, mended) || contains(it, mended, containers) ||
             contains(mended, it, containers);
    });
  });
  return beside;
}

// Those of a fault that is mended are near no more.
std::vector<localize::NearMiss> LiveLocalizer::still_near(
    Horizon horizon, std::vector<localize::NearMiss> near_misses, const Crossings& explained,
    std::int64_t newest_end_s) const {
  constexpr double kLowShare = 0.5;  // of the estimate: there is no interval
  std::vector<Suspect> asked;
  for (const auto& near : near_misses) {
    auto& suspect = asked.emplace_back();
    suspect.kind = near.kind;
    suspect.id = near.id;
  }
  const auto blocks =
      crossed_blocks(stream_, horizon, Crossings(builder_->set(), asked), explained);
  std::vector<localize::NearMiss> still;
  for (std::size_t i = 0; i < near_misses.size(); ++i) {
    if (!is_borne_out_lately({.loss_low = kLowShare * near_misses[i].loss}, blocks[i],
                             newest_end_s))
      continue;
    still.push_back(std::move(near_misses[i]));
  }
  return still;
}

std::vector<std::string> LiveLocalizer::unmeasured(const SolveJob& job) const {
  std::vector<std::string> unmeasured;
  const auto& set = builder_->set();
  for (std::size_t first = 0; first < job.watched.size(); first += Crossings::kSuspectsMax) {
    std::vector<Suspect> asked;
    const auto end = std::min(job.watched.size(), first + Crossings::kSuspectsMax);
    for (std::size_t i = first; i < end; ++i) asked.push_back(as_suspect(job.watched[i]));
    const auto blocks =
        crossed_blocks(stream_, Horizon::kMinute, Crossings(set, asked), Crossings(set, {}));
    for (std::size_t i = 0; i < asked.size(); ++i) {
      const bool is_measured = !blocks[i].empty() && blocks[i].front().end_s == end_of(job);
      if (!is_measured) unmeasured.push_back(asked[i].id);
    }
  }
  return unmeasured;
}

void LiveLocalizer::tell_bursts(const SolveJob& job, Solution& solution) const {
  const auto asked = lossy(solution.verdict.suspects);
  if (asked.empty()) return;
  const auto& set = builder_->set();
  auto everybody = asked;
  everybody.insert(everybody.end(), mended_.begin(), mended_.end());
  const double background =
      background_of(stream_, Horizon::kHalfHour, Crossings(set, lossy(everybody)));
  const auto blocks =
      crossed_blocks(stream_, Horizon::kHalfHour, Crossings(set, asked), Crossings(set, {}));
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const auto since_s = asked[i].since_s.value_or(localize::kNoTime);
    if (!is_corroborated(since_s, blocks[i], background, end_of(job))) {
      solution.bursts.insert(asked[i].id);
    }
  }
}

void LiveLocalizer::tell_clocks(const SolveJob& job, Solution& solution) {
  if (job.ripe.windows.empty()) return;
  for (const auto& [node, report] : job.ripe.windows.back()) {
    auto trouble = clock_trouble(report->health);
    if (!trouble.empty()) solution.clocks[job.topology->node_name(node)] = std::move(trouble);
  }
}

void LiveLocalizer::tell_affected(Solution& solution) const {
  std::array<std::vector<Suspect>, localize::kHorizons.size()> by_horizon;
  for (const auto& suspect : solution.verdict.suspects) {
    const auto named = named_by_.find(suspect.id);
    const Horizon horizon = named == named_by_.end() ? Horizon::kMinute : named->second;
    by_horizon[index_of(horizon)].push_back(suspect);
  }
  for (const Horizon horizon : localize::kHorizons) {
    auto& suspects = by_horizon[index_of(horizon)];
    if (suspects.empty()) continue;
    suspects.resize(std::min(suspects.size(), Crossings::kSuspectsMax));
    auto affected = affected_by(stream_, horizon, builder_->set(), suspects);
    for (std::size_t i = 0; i < suspects.size(); ++i) {
      solution.affected[suspects[i].id] = std::move(affected[i]);
    }
  }
}

Solution LiveLocalizer::solve(const SolveJob& job) {
  if (job.clock_set.back) begin_anew();
  follow(*job.topology, *job.paths);
  const std::uint64_t left_out = take_all(job);
  auto& set = builder_->set();
  health_ = set.health();
  named_by_.clear();
  mended_.clear();
  auto verdict = judge_minute(job);
  for (const Horizon horizon : {Horizon::kFiveMinutes, Horizon::kHalfHour}) {
    add_longer(horizon, job, verdict);
  }
  show_health(Horizon::kMinute);
  set.set_delays({localize::Delay{}});  // the rows are let go
  Solution solution{.window_start = job.ripe.window_start,
                    .window = job.window,
                    .nodes_expected = job.ripe.nodes_expected,
                    .nodes_reported = job.ripe.nodes_reported,
                    .verdict = std::move(verdict),
                    .affected = {},
                    .sick = {},
                    .sessions_without_path = builder_->sessions_without_path(),
                    .observations_excused = left_out,
                    .unmeasured = {},
                    .bursts = {},
                    .open = {},
                    .live = figures()};
  if (left_out > 0) solution.unmeasured = unmeasured(job);
  if (job.asks) {
    solution.open = open_questions(
        set, solution.verdict, builder_->sessions(stream_.begins_after_s(Horizon::kMinute) + 1));
  }
  if (!solution.verdict.suspects.empty()) solution.attachments = attachments(set);
  tell_affected(solution);
  tell_clocks(job, solution);
  tell_bursts(job, solution);
  for (const auto& health : health_) {
    if (health.time_s == end_of(job))
      solution.sick[set.at(health.node).id] = {health.sick, health.why};
  }
  set.set_health(std::exchange(health_, {}));
  return solution;
}

}  // namespace faultline::core

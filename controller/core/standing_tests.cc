#include "controller/core/standing_tests.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "common/ondemand/order_json.h"

namespace faultline::core {
namespace {

// For the node's desk: it may not know yet that what it had before was given up.
constexpr Duration kStandingOrderWaitsMax = std::chrono::seconds{30};
constexpr std::uint32_t kUsualTraceCount = 3;  // of `faultline test trace`
constexpr Duration kPublishEvery = std::chrono::seconds{1};

std::set<std::uint32_t> tracing_tests(const std::vector<StandingTest>& tests) {
  std::set<std::uint32_t> numbers;
  for (std::uint32_t number = 0; number < tests.size(); ++number) {
    const auto kind = tests[number].order.kind;
    if (kind == ondemand::TestKind::kTrace || kind == ondemand::TestKind::kMtu) {
      numbers.insert(number);
    }
  }
  return numbers;
}

std::string id_of(const StandingTest& test) {
  return fmt::format("{}:{}", kStandingKind, test.name);
}

bool is_live(const fleet::Fleet& fleet, NodeId id) {
  const auto* node = fleet.find(id);
  return node != nullptr && node->state == fleet::NodeState::kLive;
}

// Not there, and not just expected back after our own start.
bool is_away(const fleet::Fleet& fleet, NodeId id) {
  const auto* node = fleet.find(id);
  return node == nullptr ||
         (node->state != fleet::NodeState::kLive && node->state != fleet::NodeState::kJoined);
}

// Why the pair cannot be tested now; empty: both ends are there.
std::string absence_of(const fleet::Fleet& fleet, const StandingPair& pair) {
  for (const auto id : {pair.from, pair.to}) {
    if (id == NodeId{} || is_live(fleet, id)) continue;
    const auto* node = fleet.find(id);
    if (node == nullptr) return "an end is no node any more";
    return fmt::format("{} is not there: {}", node->record.name, to_string(node->state));
  }
  return {};
}

void send(const TestMessage& message, const fleet::Fleet& fleet, EffectSink& effects) {
  if (const auto* node = fleet.find(message.to)) effects.send(node->record.key, message.request);
}

std::string name_of(const fleet::Fleet& fleet, const StandingPair& pair) {
  const auto* node = pair.to == NodeId{} ? nullptr : fleet.find(pair.to);
  return node == nullptr ? pair.target.to_string() : node->record.name;
}

// What an operator types to repeat it: all that differs from what `faultline test` takes by itself,
// as far as it has an option for it.
std::string command_of(const StandingTest& test, std::string_view from, std::string_view to) {
  using enum ondemand::TestKind;
  const auto& order = test.order;
  const auto kind = order.kind;
  const ondemand::TestOrder usual;
  auto command = fmt::format("faultline test {} {} {}", to_string(kind), from, to);
  const auto add = [&](std::string_view option, const auto& value, const auto& unless) {
    if (value != unless) command += fmt::format(" {} {}", option, value);
  };
  const auto add_length = [&](std::string_view option, Duration value, Duration unless) {
    if (value != unless) {
      command += fmt::format(" {} {}ms", option, value / std::chrono::milliseconds{1});
    }
  };
  if (kind == kPort) {
    command += fmt::format(" {}", order.target.port);
    if (order.method == ondemand::Method::kQuic) command += " --quic";
  } else {
    const auto method = kind == kTrace ? ondemand::Method::kStamp : usual.method;
    add("--method", to_string(order.method), to_string(method));
    add("--port", order.target.port, usual.target.port);
  }
  if (kind == kTrace) {
    add("--flows", order.flows, usual.flows);
    add("--rate", order.rate, usual.rate);
  }
  if (kind != kMtu) add("--count", order.count, kind == kTrace ? kUsualTraceCount : usual.count);
  if (kind == kPing || kind == kPort) add_length("--interval", order.interval, usual.interval);
  if (kind == kPing) add("--size", order.size, usual.size);
  add_length("--wait", order.timeout, usual.timeout);
  add("--dscp", order.dscp, usual.dscp);
  return command;
}

}  // namespace

StandingTests::StandingTests(StandingOptions options)
    : options_(std::move(options)),
      schedule_(options_.limits, tracing_tests(options_.tests)),
      left_out_(options_.tests.size()),
      is_empty_(options_.tests.size()),
      refreshed_at_(options_.tests.size()),
      view_(std::make_shared<const StandingView>()) {}

void StandingTests::restore(const std::vector<incident::Incident>& incidents) {
  for (const auto& incident : incidents) {
    if (incident.suspect.kind != kStandingKind || !incident.is_open()) continue;
    for (std::size_t test = 0; test < options_.tests.size(); ++test) {
      if (id_of(options_.tests[test]) == incident.suspect.id) restored_[test] = incident.suspect;
    }
  }
}

bool StandingTests::news(NodeId node, TestProgress& progress, const fleet::Fleet& fleet,
                         EffectSink& effects) {
  if (!orders_.tests().contains(progress.test)) return false;
  if (const auto released = admissions_.news(node, progress, orders_)) {
    send(*released, fleet, effects);
  } else {
    orders_.news(node, std::move(progress));
  }
  return true;
}

void StandingTests::tick(fleet::Moment now, const fleet::Fleet& fleet, std::set<NodeId> busy,
                         Rng& rng, EffectSink& effects) {
  if (options_.tests.empty()) return;
  (void)orders_.tick(fleet, now.instant);  // only watched tests are ended, and these are not
  read_answers(now, effects);
  for (const auto& message : admissions_.tend(orders_, now.instant)) send(message, fleet, effects);
  refresh(now.instant, fleet, rng, effects);
  schedule_.hold(std::move(busy));
  order_due(now, fleet, rng, effects);
  forget_restored(now.instant, fleet);
  publish(now.instant);
}

void StandingTests::give_way(NodeId node, const fleet::Fleet& fleet, EffectSink& effects) {
  for (const auto& [number, pair] : under_way_) {
    if (pair.from != node) continue;
    const auto ended = orders_.end(number, "ended: the node was needed for another test");
    if (ended && *ended) {
      send({.to = (*ended)->node, .request = (*ended)->order}, fleet, effects);
    }
  }
}

// One test at a time, the one that waits longest: a pass over the fleet is what a tick may cost.
void StandingTests::refresh(Instant now, const fleet::Fleet& fleet, Rng& rng, EffectSink& effects) {
  const auto oldest = std::ranges::min_element(refreshed_at_);
  if (*oldest && now - **oldest < kStandingRefresh) return;
  *oldest = now;
  const auto number = static_cast<std::uint32_t>(oldest - refreshed_at_.begin());
  const auto& test = options_.tests[number];
  std::set<StandingPair> failing;
  for (auto it = first_of(number); it != first_of(number + 1); ++it) {
    if (it->second.result.failing) failing.insert(it->first);
  }
  auto [pairs, left_out] = pairs_of(test, number, fleet, failing);
  schedule_.set_pairs(number, pairs, test.every, now, rng);
  left_out_[number] = left_out;
  const std::set<StandingPair> wanted(pairs.begin(), pairs.end());
  std::erase_if(book_, [&](const auto& entry) {
    return entry.first.test == number && !wanted.contains(entry.first);
  });
  for (const auto& pair : pairs) {
    auto& known = book_[pair];
    known.from = fleet.find(pair.from)->record.name;
    known.to = name_of(fleet, pair);
  }
  warn_if_empty(number, pairs.empty(), effects);
  is_view_old_ = true;
}

// When it becomes so.
void StandingTests::warn_if_empty(std::size_t test, bool is_empty, EffectSink& effects) {
  if (is_empty && !is_empty_[test]) {
    const auto& wanted = options_.tests[test];
    effects.log(Severity::kWarning, "tests",
                fmt::format("standing test {} tests nothing: from {} to {} there are no two nodes",
                            wanted.name, from_text(wanted), to_text(wanted)));
  }
  is_empty_[test] = is_empty;
}

void StandingTests::read_answers(fleet::Moment now, EffectSink& effects) {
  for (auto each = under_way_.begin(); each != under_way_.end();) {
    const auto& [number, pair] = *each;
    const auto test = orders_.tests().find(number);
    if (test != orders_.tests().end() && test->second.state == TestState::kRunning) {
      ++each;
      continue;
    }
    StandingResult last{.outcome = StandingOutcome::kNotRun, .summary = "it was forgotten"};
    if (test != orders_.tests().end()) {
      const auto& ended = test->second;
      last.summary = ended.text;
      if (ended.state == TestState::kDone) last = read_result(*ended.report);
      if (last.outcome == StandingOutcome::kFault && !ended.remark.empty()) {
        // Silence of who was not told to answer is no fault.
        last.outcome = StandingOutcome::kInconclusive;
        last.summary = ended.remark;
      }
    }
    last.at = now.wall;
    schedule_.ended(pair);
    orders_.forget(number);
    take_result(pair, last, now.instant, effects);
    each = under_way_.erase(each);
  }
}

void StandingTests::take_result(const StandingPair& pair, const StandingResult& last, Instant now,
                                EffectSink& effects) {
  count(last.outcome);
  const auto found = book_.find(pair);
  if (found == book_.end()) return;  // it belongs to the test no more
  auto& [from, to, result, ran_at] = found->second;
  const auto before = result.outcome;
  if (last.outcome != StandingOutcome::kNotRun) ran_at = now;
  follow(result, last);
  is_view_old_ = true;
  const auto& name = options_.tests[pair.test].name;
  if (last.outcome == StandingOutcome::kFault && before != StandingOutcome::kFault) {
    effects.log(Severity::kWarning, "tests",
                fmt::format("standing test {}, {} to {}: {}: {}", name, from, to, last.verdict,
                            last.summary));
  } else if (last.outcome == StandingOutcome::kOk && before == StandingOutcome::kFault) {
    effects.log(Severity::kInfo, "tests",
                fmt::format("standing test {}, {} to {}: {} again", name, from, to, last.verdict));
  }
}

void StandingTests::count(StandingOutcome outcome) {
  switch (outcome) {
    case StandingOutcome::kOk:
      ++counters_.ok;
      return;
    case StandingOutcome::kFault:
      ++counters_.fault;
      return;
    case StandingOutcome::kInconclusive:
      ++counters_.inconclusive;
      return;
    case StandingOutcome::kNone:
    case StandingOutcome::kNotRun:
      ++counters_.not_run;
      return;
  }
}

StandingCounters StandingTests::counters() const {
  auto counters = counters_;
  counters.skipped += schedule_.skipped();
  counters.missed = schedule_.missed();
  return counters;
}

void StandingTests::order_due(fleet::Moment now, const fleet::Fleet& fleet, Rng& rng,
                              EffectSink& effects) {
  const auto is_there = [&](const StandingPair& pair) {
    auto why = absence_of(fleet, pair);
    if (why.empty()) return true;
    note_untested(pair, std::move(why), now.wall);
    return false;
  };
  while (const auto pair = schedule_.take(now.instant, is_there)) {
    const auto ordered = order(*pair, now, fleet, rng, effects);
    if (ordered) continue;
    ++counters_.skipped;
    note_untested(*pair, ordered.error().context, now.wall);
    schedule_.ended(*pair);
  }
}

// What a pair that fails said last stays: its incident tells it.
void StandingTests::note_untested(const StandingPair& pair, std::string why, WallTime at) {
  const auto found = book_.find(pair);
  if (found == book_.end() || found->second.result.failing) return;
  follow(found->second.result,
         {.outcome = StandingOutcome::kNotRun, .summary = std::move(why), .at = at});
  is_view_old_ = true;
}

Status StandingTests::order(const StandingPair& pair, fleet::Moment now, const fleet::Fleet& fleet,
                            Rng& rng, EffectSink& effects) {
  const auto order = order_of(options_.tests[pair.test], pair, fleet);
  if (!order) return tl::unexpected(order.error());
  const auto* from = fleet.find(pair.from);
  TestOrders::Request request{
      .request = {.test = rng() | 1,
                  .lease = ondemand::life_of(*order) + kStandingOrderWaitsMax,
                  .order = ondemand::to_json_text(*order)},
      .node = from->record.name,
      .target = name_of(fleet, pair)};
  if (order->method == ondemand::Method::kStamp && pair.to != NodeId{}) {
    request.admitting = fleet.find(pair.to)->record.name;
    request.reflector = {from->record.profile.address, from->record.profile.reflector_port};
  }
  if (auto begun = orders_.begin(fleet, request, now); !begun) {
    return tl::unexpected(std::move(begun).error());
  }
  under_way_.emplace(request.request.test, pair);
  send(admissions_.begin(fleet, request, pair.from, now.instant, orders_), fleet, effects);
  return {};
}

StandingTests::Book::const_iterator StandingTests::first_of(std::size_t test) const {
  return book_.lower_bound({.test = static_cast<std::uint32_t>(test)});
}

Duration StandingTests::said_for(std::size_t test) const {
  return 3 * options_.tests[test].every + kTestLeaseMax;
}

bool StandingTests::fails(const Book::value_type& entry, Instant now) const {
  const auto& [pair, known] = entry;
  return known.result.failing && now - known.ran_at < said_for(pair.test);
}

// Whether every pair whose ends are there was well often enough; what says nothing counts neither
// way. While nobody is there nothing is known.
bool StandingTests::is_mended(std::size_t test, const fleet::Fleet& fleet) const {
  bool any = false;
  for (auto it = first_of(test); it != first_of(test + 1); ++it) {
    const auto& [pair, known] = *it;
    if (is_away(fleet, pair.from) || (pair.to != NodeId{} && is_away(fleet, pair.to))) continue;
    if (known.result.successes < kSuccessesToMend) return false;
    any = true;
  }
  return any;
}

void StandingTests::forget_restored(Instant now, const fleet::Fleet& fleet) {
  if (!began_at_) began_at_ = now;
  std::erase_if(restored_, [&](const auto& entry) {
    if (now - *began_at_ >= said_for(entry.first)) return true;
    const auto first = first_of(entry.first);
    const auto last = first_of(entry.first + 1);
    if (first == last) return refreshed_at_[entry.first].has_value();
    return std::any_of(first, last, [](const auto& it) { return it.second.result.failing; }) ||
           is_mended(entry.first, fleet);
  });
}

void StandingTests::publish(Instant now) {
  if (!is_view_old_ || (published_at_ && now - *published_at_ < kPublishEvery)) return;
  is_view_old_ = false;
  published_at_ = now;
  auto view = std::make_shared<StandingView>();
  for (std::size_t test = 0; test < options_.tests.size(); ++test) {
    view->push_back({.test = options_.tests[test], .left_out = left_out_[test]});
    auto& shown = view->back();
    for (auto it = first_of(test); it != first_of(test + 1); ++it) {
      shown.pairs.push_back({it->second.from, it->second.to, it->second.result});
      shown.failing += fails(*it, now) ? 1 : 0;
    }
  }
  view_ = std::move(view);
}

std::vector<incident::Suspect> StandingTests::suspects(Instant now) const {
  std::vector<incident::Suspect> suspects;
  for (std::size_t test = 0; test < options_.tests.size(); ++test) {
    if (!options_.tests[test].severity) continue;
    const bool any = std::any_of(first_of(test), first_of(test + 1),
                                 [&](const auto& it) { return fails(it, now); });
    const auto restored = restored_.find(test);
    if (any) {
      suspects.push_back(to_suspect(test, now));
    } else if (restored != restored_.end()) {
      suspects.push_back(restored->second);
    }
  }
  return suspects;
}

// Of a test of which at least one pair fails.
incident::Suspect StandingTests::to_suspect(std::size_t test, Instant now) const {
  const auto& wanted = options_.tests[test];
  incident::Suspect suspect{.kind = std::string(kStandingKind),
                            .id = id_of(wanted),
                            .fault_class = std::string(kStandingClass),
                            .posterior = 1,  // it was seen twice
                            .severity = wanted.severity};
  std::set<std::string> affected;
  std::size_t failing = 0;
  std::size_t all = 0;
  const Known* lead = nullptr;  // that has failed for longest
  incident::Remedy remedy;
  for (auto it = first_of(test); it != first_of(test + 1); ++it, ++all) {
    const auto& [from, to, result, ran_at] = it->second;
    if (!fails(*it, now)) continue;
    ++failing;
    affected.insert(from);
    if (it->first.to != NodeId{}) affected.insert(to);
    if (lead == nullptr || result.since < lead->result.since) lead = &it->second;
    if (remedy.evidence.size() >= kStandingEvidenceMax) continue;
    remedy.evidence.push_back(
        fmt::format("{} to {}, {}: {}: {}", from, to,
                    format_rfc3339(std::chrono::floor<std::chrono::seconds>(result.at)),
                    result.verdict, result.summary));
  }
  suspect.affected.assign(affected.begin(), affected.end());
  suspect.since = lead->result.since;
  suspect.text =
      fmt::format("standing test {} ({}) fails for {} of {} pairs; {} to {}: {}", wanted.name,
                  what_of(wanted.order), failing, all, lead->from, lead->to, lead->result.summary);
  remedy.text =
      fmt::format("See all pairs with `faultline test list {}`, and repeat the test.", wanted.name);
  remedy.command = command_of(wanted, lead->from, lead->to);
  remedy.run_on = "the controller";
  suspect.remedy = std::move(remedy);
  return suspect;
}

}  // namespace faultline::core

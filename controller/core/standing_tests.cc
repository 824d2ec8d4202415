#include "controller/core/standing_tests.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "common/ondemand/order_json.h"

namespace faultline::core {
namespace {

// A node that an operator has given two tests does those first.
constexpr Duration kOrderWaitsMax = std::chrono::seconds{30};
constexpr Duration kPublishEvery = std::chrono::seconds{1};

std::string id_of(const StandingTest& test) {
  return fmt::format("{}:{}", kStandingKind, test.name);
}

bool is_live(const fleet::Fleet& fleet, NodeId id) {
  const auto* node = fleet.find(id);
  return node != nullptr && node->state == fleet::NodeState::kLive;
}

void send(const TestMessage& message, const fleet::Fleet& fleet, EffectSink& effects) {
  if (const auto* node = fleet.find(message.to)) effects.send(node->record.key, message.request);
}

std::string name_of(const fleet::Fleet& fleet, const StandingPair& pair) {
  const auto* node = pair.to == NodeId{} ? nullptr : fleet.find(pair.to);
  return node == nullptr ? pair.target.to_string() : node->record.name;
}

// What an operator types to repeat it.
std::string command_of(const StandingTest& test, std::string_view from, std::string_view to) {
  const auto& order = test.order;
  const bool is_port = order.kind == ondemand::TestKind::kPort;
  auto command = fmt::format("faultline test {} {} {}", to_string(order.kind), from, to);
  if (is_port) command += fmt::format(" {}", order.target.port);
  if (is_port && order.method == ondemand::Method::kQuic) command += " --quic";
  if (!is_port && order.kind != ondemand::TestKind::kTrace) {
    command += fmt::format(" --method {}", to_string(order.method));
    if (order.target.port != 0) command += fmt::format(" --port {}", order.target.port);
  }
  return command;
}

}  // namespace

StandingTests::StandingTests(StandingOptions options)
    : options_(std::move(options)),
      schedule_(options_.limits),
      left_out_(options_.tests.size()),
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

void StandingTests::tick(fleet::Moment now, const fleet::Fleet& fleet, Rng& rng,
                         EffectSink& effects) {
  if (options_.tests.empty()) return;
  (void)orders_.tick(fleet, now.instant);  // only watched tests are ended, and these are not
  read_answers(now, effects);
  for (const auto& message : admissions_.tend(orders_, now.instant)) send(message, fleet, effects);
  refresh(now.instant, fleet, rng);
  order_due(now, fleet, rng, effects);
  publish(now.instant);
}

// One test at a time, the one that waits longest: a pass over the fleet is what a tick may cost.
void StandingTests::refresh(Instant now, const fleet::Fleet& fleet, Rng& rng) {
  const auto oldest = std::ranges::min_element(refreshed_at_);
  if (*oldest && now - **oldest < kStandingRefresh) return;
  *oldest = now;
  const auto number = static_cast<std::uint32_t>(oldest - refreshed_at_.begin());
  const auto& test = options_.tests[number];
  auto [pairs, left_out] = pairs_of(test, number, fleet);
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
  is_view_old_ = true;
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
    return is_live(fleet, pair.from) && (pair.to == NodeId{} || is_live(fleet, pair.to));
  };
  while (const auto pair = schedule_.take(now.instant, is_there)) {
    if (order(*pair, now, fleet, rng, effects)) continue;
    ++counters_.skipped;
    schedule_.ended(*pair);
  }
}

bool StandingTests::order(const StandingPair& pair, fleet::Moment now, const fleet::Fleet& fleet,
                          Rng& rng, EffectSink& effects) {
  const auto order = order_of(options_.tests[pair.test], pair, fleet);
  if (!order) return false;
  const auto* from = fleet.find(pair.from);
  TestOrders::Request request{.request = {.test = rng() | 1,
                                          .lease = ondemand::life_of(*order) + kOrderWaitsMax,
                                          .order = ondemand::to_json_text(*order)},
                              .node = from->record.name,
                              .target = name_of(fleet, pair)};
  if (order->method == ondemand::Method::kStamp && pair.to != NodeId{}) {
    request.admitting = fleet.find(pair.to)->record.name;
    request.reflector = {from->record.profile.address, from->record.profile.reflector_port};
  }
  if (!orders_.begin(fleet, request, now)) return false;
  under_way_.emplace(request.request.test, pair);
  send(admissions_.begin(fleet, request, pair.from, now.instant, orders_), fleet, effects);
  return true;
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

void StandingTests::forget_restored(Instant now) {
  if (!began_at_) began_at_ = now;
  std::erase_if(restored_, [&](const auto& entry) {
    if (now - *began_at_ >= said_for(entry.first)) return true;
    const auto first = first_of(entry.first);
    const auto last = first_of(entry.first + 1);
    if (first == last) return refreshed_at_[entry.first].has_value();
    return std::any_of(first, last, [](const auto& it) { return it.second.result.failing; }) ||
           std::all_of(first, last, [](const auto& it) { return it.second.result.runs >= 2; });
  });
}

void StandingTests::publish(Instant now) {
  forget_restored(now);
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

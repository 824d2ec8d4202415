#include "controller/core/standing_test.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "controller/plan/hierarchy.h"
#include "controller/plan/mix.h"

namespace faultline::core {
namespace {

using ondemand::Method;
using ondemand::TestKind;

constexpr std::uint16_t kUsualReflectorPort = 862;
constexpr std::size_t kVerdictBytesMax = 32;
constexpr std::size_t kSummaryBytesMax = 300;

std::string cleaned(const nlohmann::json& report, const char* member, std::size_t bytes_max) {
  const auto found = report.find(member);
  if (found == report.end() || !found->is_string()) return {};
  auto text = found->get<std::string>();
  if (text.size() > bytes_max) text.resize(bytes_max);
  for (auto& c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet < 0x20 || octet > 0x7e) c = '?';
  }
  return text;
}

std::string selector_text(const incident::Selector& selector) {
  return selector.empty() ? "all nodes" : incident::to_text(selector);
}

// As in fleet::effective_labels(), without a copy of them. Null: it has no such label.
const std::string* value_of(const std::string& name, const fleet::NodeRecord& node) {
  if (name == "node") return &node.name;
  for (const auto* labels : {&node.pinned_labels, &node.profile.labels}) {
    if (const auto label = labels->find(name); label != labels->end()) return &label->second;
  }
  return nullptr;
}

// Ascending.
std::vector<NodeId> nodes_of(const incident::Selector& selector, const fleet::Fleet& fleet) {
  std::vector<NodeId> nodes;
  for (const auto& [id, node] : fleet.nodes()) {
    if (!node.record.removed_at && selects(selector, node.record)) nodes.push_back(id);
  }
  return nodes;
}

// The node that has the address, if one has.
NodeId node_at(const IpAddress& address, const fleet::Fleet& fleet) {
  for (const auto& [id, node] : fleet.nodes()) {
    if (!node.record.removed_at && node.record.profile.address == address) return id;
  }
  return {};
}

// The other ends: pairs without `from`, ascending.
std::vector<StandingPair> ends_of(const StandingTest& test, std::uint32_t number,
                                  const fleet::Fleet& fleet) {
  std::vector<StandingPair> ends;
  if (test.target) {
    const auto node = node_at(*test.target, fleet);
    ends.push_back({.test = number, .to = node, .target = {}});
    if (node == NodeId{}) ends.back().target = *test.target;
  } else {
    for (const auto node : nodes_of(test.to, fleet)) ends.push_back({.test = number, .to = node});
  }
  return ends;
}

std::size_t count_both(const std::vector<NodeId>& sources, const std::vector<StandingPair>& ends) {
  std::size_t both = 0;
  for (const auto& end : ends) both += std::ranges::binary_search(sources, end.to) ? 1 : 0;
  return both;
}

struct RankedPair {
  std::size_t rank = 0;  // among those of its source
  std::uint64_t hash = 0;
  StandingPair pair{};

  auto operator<=>(const RankedPair&) const = default;
};

// Enough of a source's pairs, the lowest hashes first.
void add_ranked(NodeId source, const std::vector<StandingPair>& ends, std::uint64_t seed,
                std::size_t enough, std::vector<RankedPair>& ranked) {
  std::vector<std::pair<std::uint64_t, StandingPair>> own;
  own.reserve(ends.size());
  for (auto pair : ends) {
    pair.from = source;
    if (pair.to != source) own.emplace_back(plan::mix(seed ^ plan::mix(pair.to.value())), pair);
  }
  const auto count = std::min(enough, own.size());
  std::ranges::partial_sort(own, own.begin() + static_cast<std::ptrdiff_t>(count));
  for (std::size_t rank = 0; rank < count; ++rank) {
    ranked.push_back({.rank = rank, .hash = own[rank].first, .pair = own[rank].second});
  }
}

// The first kStandingPairsMax pairs at least, or all: each source's first before any one's second.
// Of so many sources that not each gets one, the lowest hashes.
std::vector<RankedPair> ranked_pairs(std::string_view name, const std::vector<NodeId>& sources,
                                     const std::vector<StandingPair>& ends) {
  const auto test = plan::hash_name(name);
  std::vector<std::pair<std::uint64_t, NodeId>> seeds;
  for (const auto source : sources) {
    seeds.emplace_back(plan::mix(test ^ plan::mix(source.value())), source);
  }
  std::ranges::sort(seeds);
  // One more, for one of them may have no end but itself.
  if (seeds.size() > kStandingPairsMax + 1) seeds.resize(kStandingPairsMax + 1);
  std::vector<RankedPair> ranked;
  for (const auto& [seed, source] : seeds) {
    add_ranked(source, ends, seed, kStandingPairsMax / seeds.size() + 1, ranked);
  }
  std::ranges::sort(ranked);
  return ranked;
}

}  // namespace

std::string_view to_string(StandingOutcome outcome) {
  constexpr std::array<std::string_view, 5> kNames{"none", "ok", "fault", "inconclusive",
                                                   "not-run"};
  return kNames.at(static_cast<std::size_t>(outcome));
}

Status validate(const StandingTest& test) {
  if (test.order.kind == TestKind::kCapture) {
    return fail(ErrorCode::kInvalid, "packets are captured on demand only");
  }
  if (test.every < kStandingEveryMin || test.every > kStandingEveryMax) {
    return fail(ErrorCode::kInvalid,
                fmt::format("every must be between {} and {}", format_duration(kStandingEveryMin),
                            format_duration(kStandingEveryMax)));
  }
  if (test.target && !test.to.empty()) {
    return fail(ErrorCode::kInvalid, "it has both to and target: remove one of them");
  }
  for (const auto* selector : {&test.from, &test.to}) {
    if (!selector->empty()) FAULTLINE_TRY_STATUS(incident::validate_selector(*selector));
  }
  auto order = test.order;
  order.target.address = test.target.value_or(IpAddress::v4(0x7f000001));
  if (order.method == Method::kStamp && order.target.port == 0) {
    order.target.port = kUsualReflectorPort;
  }
  return ondemand::validate(order);
}

std::string what_of(const ondemand::TestOrder& order) {
  const auto port = order.target.port == 0 ? "" : fmt::format(" {}", order.target.port);
  return fmt::format("{}{} by {}", to_string(order.kind), port, to_string(order.method));
}

std::string from_text(const StandingTest& test) { return selector_text(test.from); }
std::string to_text(const StandingTest& test) {
  return test.target ? test.target->to_string() : selector_text(test.to);
}

bool selects(const incident::Selector& selector, const fleet::NodeRecord& node) {
  return std::ranges::all_of(selector, [&](const auto& matcher) {
    const auto* value = value_of(matcher.first, node);
    return value != nullptr && std::ranges::find(matcher.second, *value) != matcher.second.end();
  });
}

StandingPairs pairs_of(const StandingTest& test, std::uint32_t number, const fleet::Fleet& fleet,
                       const std::set<StandingPair>& keep) {
  const auto sources = nodes_of(test.from, fleet);
  const auto ends = ends_of(test, number, fleet);
  const auto all = sources.size() * ends.size() - count_both(sources, ends);
  std::set<StandingPair> chosen;
  for (const auto& pair : keep) {
    auto end = pair;
    end.from = {};
    const bool belongs = pair.from != pair.to && std::ranges::binary_search(sources, pair.from) &&
                         std::ranges::binary_search(ends, end);
    if (belongs && chosen.size() < kStandingPairsMax) chosen.insert(pair);
  }
  for (const auto& each : ranked_pairs(test.name, sources, ends)) {
    if (chosen.size() >= kStandingPairsMax) break;
    chosen.insert(each.pair);
  }
  return {.pairs = {chosen.begin(), chosen.end()}, .left_out = all - chosen.size()};
}

Result<ondemand::TestOrder> order_of(const StandingTest& test, const StandingPair& pair,
                                     const fleet::Fleet& fleet) {
  const auto* from = fleet.find(pair.from);
  const auto* to = pair.to == NodeId{} ? nullptr : fleet.find(pair.to);
  if (from == nullptr || (pair.to != NodeId{} && to == nullptr)) {
    return fail(ErrorCode::kUnavailable, "an end is no node any more");
  }
  auto order = test.order;
  order.target.address = to == nullptr ? pair.target : to->record.profile.address;
  const auto& source = from->record.profile.address;
  if (!source.is_unspecified() && source.is_v4() == order.target.address.is_v4()) {
    order.source = source;
  }
  if (order.method == Method::kStamp && order.target.port == 0) {
    order.target.port = to == nullptr ? kUsualReflectorPort : to->record.profile.reflector_port;
  }
  FAULTLINE_TRY_STATUS(ondemand::validate(order));
  return order;
}

StandingResult read_result(std::string_view report) {
  const auto json = nlohmann::json::parse(report, nullptr, false);
  if (!json.is_object()) {
    return {.outcome = StandingOutcome::kNotRun, .summary = "the probe's report is no JSON object"};
  }
  const auto outcome = cleaned(json, "outcome", kVerdictBytesMax);
  return {.outcome = outcome == "ok"      ? StandingOutcome::kOk
                     : outcome == "fault" ? StandingOutcome::kFault
                                          : StandingOutcome::kInconclusive,
          .verdict = cleaned(json, "verdict", kVerdictBytesMax),
          .summary = cleaned(json, "summary", kSummaryBytesMax)};
}

void follow(StandingResult& known, const StandingResult& last) {
  if (known.outcome != last.outcome) known.since = last.at;
  known.outcome = last.outcome;
  known.verdict = last.verdict;
  known.summary = last.summary;
  known.at = last.at;
  ++known.runs;
  if (last.outcome == StandingOutcome::kOk) {
    ++known.successes;
    known.faults = 0;
    if (known.successes >= kSuccessesToMend) known.failing = false;
  } else if (last.outcome == StandingOutcome::kFault) {
    ++known.faults;
    known.successes = 0;
    if (known.faults >= kFaultsToFail) known.failing = true;
  }
}

}  // namespace faultline::core

#include "controller/core/standing_test.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

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

std::vector<const fleet::Node*> nodes_of(const incident::Selector& selector,
                                         const fleet::Fleet& fleet) {
  std::vector<const fleet::Node*> nodes;
  for (const auto& [id, node] : fleet.nodes()) {
    if (!node.record.removed_at && selects(selector, node.record)) nodes.push_back(&node);
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
  if (selector.empty()) return true;
  const auto labels = fleet::effective_labels(node);
  return std::ranges::all_of(selector, [&](const auto& matcher) {
    const auto& [name, values] = matcher;
    const auto label = labels.find(name);
    if (name != "node" && label == labels.end()) return false;
    const auto& value = name == "node" ? node.name : label->second;
    return std::ranges::find(values, value) != values.end();
  });
}

StandingPairs pairs_of(const StandingTest& test, std::uint32_t number, const fleet::Fleet& fleet) {
  const auto sources = nodes_of(test.from, fleet);
  std::vector<StandingPair> ends;  // without `from`
  if (test.target) {
    const auto node = node_at(*test.target, fleet);
    ends.push_back({.test = number, .to = node, .target = {}});
    if (node == NodeId{}) ends.back().target = *test.target;
  } else {
    for (const auto* node : nodes_of(test.to, fleet)) {
      ends.push_back({.test = number, .to = node->record.id});
    }
  }
  std::size_t all = sources.size() * ends.size();
  for (const auto& end : ends) {
    all -= static_cast<std::size_t>(std::ranges::count_if(
        sources, [&](const fleet::Node* source) { return source->record.id == end.to; }));
  }
  StandingPairs result;
  // Each source gets its first target before any gets its second, and another than its neighbor.
  const std::size_t stride = std::max<std::size_t>(1, sources.size() / kStandingPairsMax);
  for (std::size_t round = 0; round < ends.size() * stride; ++round) {
    for (std::size_t i = round % stride; i < sources.size(); i += stride) {
      auto pair = ends[(i + round / stride) % ends.size()];
      pair.from = sources[i]->record.id;
      if (pair.to == pair.from) continue;
      result.pairs.push_back(pair);
      if (result.pairs.size() < kStandingPairsMax) continue;
      result.left_out = all - result.pairs.size();
      return result;
    }
  }
  return result;
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

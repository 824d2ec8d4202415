#include "controller/cli/verdict_document.h"

#include <fmt/format.h>

namespace faultline::cli {
namespace {

using localize::FaultClass;
using localize::Suspect;
using localize::SuspectKind;

// The enumerator in first..last whose text is `name`.
template <typename Enum>
Outcome<Enum> parse_enum(Enum last, const std::string& name) {
  for (int value = 0; value <= static_cast<int>(last); ++value) {
    if (localize::to_string(static_cast<Enum>(value)) == name) return static_cast<Enum>(value);
  }
  return usage(
      fmt::format("the controller is newer than this program: it knows '{}'; use -o json", name));
}

std::string text_or_empty(const Json& object, const char* key) {
  return member(object, key).is_string() ? text(object, key) : "";
}

std::vector<std::string> texts(const Json& object, const char* key) {
  std::vector<std::string> result;
  for (const auto& item : member(object, key)) {
    if (item.is_string()) result.push_back(item.get<std::string>());
  }
  return result;
}

template <typename T>
std::optional<T> whole(const Json& object, const char* key) {
  const auto& value = member(object, key);
  return value.is_number_integer() ? std::optional(value.get<T>()) : std::nullopt;
}

localize::Evidence evidence_of(const Json& json) {
  return {.bad_flows = count(json, "bad_flows"),
          .bad_flows_crossing = count(json, "bad_flows_crossing"),
          .good_flows_crossing = count(json, "good_flows_crossing"),
          .good_flows = count(json, "good_flows"),
          .packets_crossing = count(json, "packets_crossing"),
          .lost_crossing = count(json, "lost_crossing"),
          .bad_flows_alone = count(json, "bad_flows_alone")};
}

Outcome<Suspect> suspect_of(const Json& json) {
  Suspect suspect;
  FAULTLINE_CLI_TRY(suspect.kind, parse_enum(SuspectKind::kVswitch, text(json, "kind")));
  FAULTLINE_CLI_TRY(suspect.fault_class, parse_enum(FaultClass::kCongestion, text(json, "class")));
  suspect.id = text(json, "id");
  suspect.from = text_or_empty(json, "from");
  suspect.to = text_or_empty(json, "to");
  suspect.posterior = number(json, "posterior").value_or(0);
  suspect.loss = number(json, "loss").value_or(0);
  suspect.loss_low = number(json, "loss_low").value_or(0);
  suspect.loss_high = number(json, "loss_high").value_or(0);
  suspect.delay_us = number(json, "delay_us");
  suspect.delay_p95_us = number(json, "delay_p95_us");
  suspect.mtu = whole<std::uint32_t>(json, "mtu");
  suspect.size_lost = whole<std::uint32_t>(json, "size_lost");
  if (member(json, "slice").is_string()) suspect.slice = text(json, "slice");
  suspect.since_s = whole<std::int64_t>(json, "since");
  suspect.last_seen_s = whole<std::int64_t>(json, "last_seen");
  suspect.over = flag(json, "over");
  suspect.ambiguous_with = texts(json, "ambiguous_with");
  suspect.packets_to_split = whole<std::uint64_t>(json, "packets_to_split");
  suspect.evidence = evidence_of(member(json, "evidence"));
  for (const auto& item : member(json, "alternatives")) {
    FAULTLINE_CLI_TRY(const auto kind, parse_enum(SuspectKind::kVswitch, text(item, "kind")));
    suspect.alternatives.push_back(
        {kind, text(item, "id"), number(item, "odds_against").value_or(1)});
  }
  suspect.counter_evidence = texts(json, "counter_evidence");
  suspect.would_change = text_or_empty(json, "would_change");
  return suspect;
}

}  // namespace

Outcome<localize::Verdict> verdict_of(const Json& document) {
  localize::Verdict verdict;
  for (const auto& item : member(document, "suspects")) {
    FAULTLINE_CLI_TRY(auto suspect, suspect_of(item));
    verdict.suspects.push_back(std::move(suspect));
  }
  for (const auto& item : member(document, "congested")) {
    FAULTLINE_CLI_TRY(auto busy, suspect_of(item));
    verdict.congested.push_back(std::move(busy));
  }
  verdict.observations = count(document, "observations");
  verdict.components = count(document, "components");
  verdict.unexplained_bad_flows = count(document, "unexplained_bad_flows");
  verdict.packets = count(document, "packets");
  verdict.lost = count(document, "lost");
  verdict.suspects_omitted = count(document, "suspects_omitted");
  verdict.enough_data = flag(document, "enough_data");
  return verdict;
}

}  // namespace faultline::cli

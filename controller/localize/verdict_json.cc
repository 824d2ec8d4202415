#include "controller/localize/verdict_json.h"

#include <nlohmann/json.hpp>

namespace faultline::localize {
namespace {

using Json = nlohmann::ordered_json;

template <typename Value>
Json or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json alternatives_json(const Suspect& suspect) {
  Json list = Json::array();
  for (const Alternative& alternative : suspect.alternatives) {
    Json entry;
    entry["kind"] = to_string(alternative.kind);
    entry["id"] = alternative.id;
    entry["odds_against"] = alternative.odds_against;
    list.push_back(std::move(entry));
  }
  return list;
}

Json evidence_json(const Evidence& evidence) {
  Json object;
  object["bad_flows"] = evidence.bad_flows;
  object["bad_flows_crossing"] = evidence.bad_flows_crossing;
  object["good_flows_crossing"] = evidence.good_flows_crossing;
  object["good_flows"] = evidence.good_flows;
  object["packets_crossing"] = evidence.packets_crossing;
  object["lost_crossing"] = evidence.lost_crossing;
  object["bad_flows_alone"] = evidence.bad_flows_alone;
  object["bad_flows_not_explained"] = evidence.bad_flows - evidence.bad_flows_crossing;
  return object;
}

Json suspect_json(const Suspect& suspect) {
  Json object;
  object["kind"] = to_string(suspect.kind);
  object["id"] = suspect.id;
  object["from"] = text_or_null(suspect.from);
  object["to"] = text_or_null(suspect.to);
  object["class"] = to_string(suspect.fault_class);
  object["posterior"] = suspect.posterior;
  object["loss"] = suspect.loss;
  object["loss_low"] = suspect.loss_low;
  object["loss_high"] = suspect.loss_high;
  object["delay_us"] = or_null(suspect.delay_us);
  object["delay_p95_us"] = or_null(suspect.delay_p95_us);
  object["mtu"] = or_null(suspect.mtu);
  object["size_lost"] = or_null(suspect.size_lost);
  object["slice"] = or_null(suspect.slice);
  object["since"] = or_null(suspect.since_s);
  object["last_seen"] = or_null(suspect.last_seen_s);
  object["over"] = suspect.over;
  object["ambiguous_with"] = suspect.ambiguous_with;
  object["packets_to_split"] = or_null(suspect.packets_to_split);
  object["evidence"] = evidence_json(suspect.evidence);
  object["alternatives"] = alternatives_json(suspect);
  object["counter_evidence"] = suspect.counter_evidence;
  object["would_change"] = text_or_null(suspect.would_change);
  return object;
}

}  // namespace

std::string verdict_json(const Verdict& verdict, std::optional<double> solve_ms,
                         std::optional<std::uint64_t> unknown_records) {
  Json document;
  document["schema"] = "faultline.localize/1";
  document["observations"] = verdict.observations;
  document["components"] = verdict.components;
  document["solve_ms"] = or_null(solve_ms);
  document["enough_data"] = verdict.enough_data;
  document["packets"] = verdict.packets;
  document["lost"] = verdict.lost;
  document["suspects"] = Json::array();
  for (const Suspect& suspect : verdict.suspects) {
    document["suspects"].push_back(suspect_json(suspect));
  }
  document["congested"] = Json::array();
  for (const Suspect& busy : verdict.congested) {
    document["congested"].push_back(suspect_json(busy));
  }
  document["suspects_omitted"] = verdict.suspects_omitted;
  document["unexplained_bad_flows"] = verdict.unexplained_bad_flows;
  if (unknown_records) document["unknown_records"] = *unknown_records;
  return document.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace faultline::localize

#include "controller/cli/vpc_compare.h"

#include <map>
#include <string_view>

#include "controller/cli/cloud_topology.h"
#include "controller/vpc/answer.h"
#include "controller/vpc/reach.h"

namespace faultline::cli {
namespace {

// As diagnose's check of one pair has it (cloud_allows, cloud_allows_but_fails, cloud_denies,
// cloud_snapshot_stale).
std::string_view outcome_of(vpc::Verdict verdict, const MeasuredPair& pair) {
  const bool works = pair.answered > 0;
  if (!works && pair.sent < kComparedPacketsMin) return "unknown";
  switch (verdict) {
    case vpc::Verdict::kAllowed:
      return works ? "works" : "fails";
    case vpc::Verdict::kDenied:
      return works ? "stale" : "denied";
    case vpc::Verdict::kPartly:  // of some flows nothing comes back, as the rules say
      return works ? "works" : "denied";
    case vpc::Verdict::kUnknown:
      return "unknown";
  }
  return "unknown";
}

Json pair_json(const MeasuredPair& pair, const vpc::Answer& answer) {
  Json json{{"from", pair.from},
            {"to", pair.to},
            {"outcome", outcome_of(answer.verdict, pair)},
            {"verdict", vpc::to_string(answer.verdict)},
            {"sent", pair.sent},
            {"answered", pair.answered},
            {"code", nullptr},
            {"direction", nullptr},
            {"element", nullptr},
            {"rule", nullptr},
            {"sentence", vpc::sentence(answer)}};
  if (answer.stop) {
    json["code"] = answer.stop->code;
    json["direction"] = vpc::to_string(answer.stop->direction);
    json["element"] = answer.stop->element;
    json["rule"] = answer.stop->rule;
  }
  return json;
}

}  // namespace

Json compare_cloud(const vpc::Model& model, const std::vector<MeasuredPair>& pairs) {
  std::map<std::string, std::uint64_t> counts{
      {"works", 0}, {"fails", 0}, {"denied", 0}, {"stale", 0}, {"unknown", 0}};
  auto list = Json::array();
  std::uint64_t outside = 0;
  for (const auto& pair : pairs) {
    const auto answer = vpc::reach(model, {.from = pair.from_address,
                                           .to = pair.to_address,
                                           .protocol = vpc::kUdp,
                                           .port = kStampPort});
    if (!answer || (answer->from.interface.empty() && answer->to.interface.empty())) {
      ++outside;
      continue;
    }
    list.push_back(pair_json(pair, *answer));
    ++counts[list.back()["outcome"].get<std::string>()];
  }
  return Json{{"schema", "faultline.vpc_compare/1"},
              {"counts", counts},
              {"outside", outside},
              {"pairs", std::move(list)}};
}

}  // namespace faultline::cli

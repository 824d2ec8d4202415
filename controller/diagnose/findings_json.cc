#include "controller/diagnose/findings_json.h"

#include <nlohmann/json.hpp>

#include "controller/diagnose/grouping.h"

namespace faultline::diagnose {
namespace {

nlohmann::ordered_json json_of(const Finding& finding) {
  return {{"code", finding.code},         {"severity", to_string(finding.severity)},
          {"nodes", finding.nodes},       {"summary", finding.summary},
          {"evidence", finding.evidence}, {"remedy", finding.remedy},
          {"command", finding.command}};
}

}  // namespace

std::string to_json(const std::vector<Finding>& findings, const CheckScope& scope) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& finding : findings) {
    if (list.size() == kFindingsMax) break;
    list.push_back(json_of(finding));
  }
  auto groups = nlohmann::ordered_json::array();
  for (const auto& made : group(findings)) {
    if (groups.size() == kFindingsMax) break;
    groups.push_back(json_of(made.finding));
    groups.back()["count"] = made.count;
  }
  const nlohmann::ordered_json document{
      {"schema", "faultline.check/1"},        {"nodes", scope.nodes},
      {"nodes_without_facts", scope.without}, {"findings_total", findings.size()},
      {"groups", std::move(groups)},          {"findings", std::move(list)}};
  return document.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace faultline::diagnose

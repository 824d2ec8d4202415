#include "controller/diagnose/findings_json.h"

#include <nlohmann/json.hpp>

namespace faultline::diagnose {

std::string to_json(const std::vector<Finding>& findings, const CheckScope& scope) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& finding : findings) {
    if (list.size() == kFindingsMax) break;
    list.push_back({{"code", finding.code},
                    {"severity", to_string(finding.severity)},
                    {"nodes", finding.nodes},
                    {"summary", finding.summary},
                    {"evidence", finding.evidence},
                    {"remedy", finding.remedy},
                    {"command", finding.command}});
  }
  const nlohmann::ordered_json document{{"schema", "faultline.check/1"},
                                        {"nodes", scope.nodes},
                                        {"nodes_without_facts", scope.without},
                                        {"findings_total", findings.size()},
                                        {"findings", std::move(list)}};
  return document.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace faultline::diagnose

#include "controller/diagnose/check.h"

#include <algorithm>
#include <tuple>

#include "controller/diagnose/network.h"
#include "controller/diagnose/rules.h"

namespace faultline::diagnose {

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::kNotice:
      return "notice";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      return "error";
  }
  return "unknown";
}

std::vector<Finding> check(const std::vector<NodeFacts>& fleet) {
  const auto segments = segments_of(fleet);
  const Fleet view{fleet, segments};
  std::vector<Finding> findings;
  for (const auto rule : {check_duplicates, check_subnets, check_segments, check_links,
                          check_routes, check_filters, check_translations, check_v6, check_hosts}) {
    rule(view, findings);
  }
  std::ranges::sort(findings, [](const Finding& a, const Finding& b) {
    return std::tuple(-static_cast<int>(a.severity), a.code, a.nodes, a.summary) <
           std::tuple(-static_cast<int>(b.severity), b.code, b.nodes, b.summary);
  });
  return findings;
}

}  // namespace faultline::diagnose

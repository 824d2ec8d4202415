#include "controller/cli/mtu_both_ways.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/ondemand/report_text.h"

namespace faultline::cli {
namespace {

bool is_ok(const Json& report) { return text(report, "outcome") == "ok"; }
bool is_fault(const Json& report) { return text(report, "outcome") == "fault"; }

// A fault one way is a fault; what is not known of one way is not known of both.
std::string outcome_of(const Json& there, const Json& back) {
  if (is_fault(there) || is_fault(back)) return "fault";
  return is_ok(there) && is_ok(back) ? "ok" : "inconclusive";
}

std::string one_way(const std::string& from, const std::string& to, const Json& bad,
                    const Json& good) {
  const auto other = is_ok(good) ? fmt::format("the other way {} octets pass", text(good, "mtu"))
                                 : fmt::format("of the other way is known: {}",  //
                                               text(good, "summary"));
  return fmt::format("from {} to {}, {}; {}", from, to, text(bad, "summary"), other);
}

std::string summary_of(const std::string& near, const std::string& far, const Json& there,
                       const Json& back) {
  if (is_ok(there) && is_ok(back)) {
    if (text(there, "mtu") == text(back, "mtu")) {
      return fmt::format(
          "packets of {} octets pass both ways, which is all that the interfaces take",
          text(there, "mtu"));
    }
    return fmt::format(
        "whatever the interfaces take passes: {} octets from {} to {}, {} the other way",
        text(there, "mtu"), near, far, text(back, "mtu"));
  }
  if (is_fault(there) && is_fault(back)) {
    if (text(there, "summary") == text(back, "summary")) {
      return fmt::format("both ways, {}", text(there, "summary"));
    }
    return fmt::format("from {} to {}, {}; the other way, {}", near, far, text(there, "summary"),
                       text(back, "summary"));
  }
  if (is_fault(there)) return one_way(near, far, there, back);
  if (is_fault(back)) return one_way(far, near, back, there);
  return is_ok(there) ? one_way(far, near, back, there) : one_way(near, far, there, back);
}

// What the two interfaces take. A host that sends more than the other takes is right only where a
// router is between them that says so.
std::string interfaces_text(const Json& document) {
  const auto& there = member(document, "there");
  const auto& back = member(document, "back");
  const auto differ = text(there, "interface_mtu") != text(back, "interface_mtu");
  return fmt::format("  interface MTUs      {} of {} ({}), {} of {} ({}){}\n",
                     text(there, "interface_mtu"), text(document, "near"), text(there, "interface"),
                     text(back, "interface_mtu"), text(document, "far"), text(back, "interface"),
                     differ ? ": they differ" : "");
}

}  // namespace

Json mtu_both_ways(const std::string& near, const std::string& far, const Json& there,
                   const Json& back) {
  return {{"schema", kMtuBothWaysSchema},
          {"near", near},
          {"far", far},
          {"outcome", outcome_of(there, back)},
          {"summary", summary_of(near, far, there, back)},
          {"there", there},
          {"back", back}};
}

std::string render_mtu_both_ways(const Json& document, const Style& /*style*/) {
  const auto near = text(document, "near");
  const auto far = text(document, "far");
  return fmt::format("[{}] {}\n{}\n{} to {}: {}\n{} to {}: {}", text(document, "outcome"),
                     text(document, "summary"), interfaces_text(document), near, far,
                     ondemand::to_text(member(document, "there")), far, near,
                     ondemand::to_text(member(document, "back")));
}

}  // namespace faultline::cli

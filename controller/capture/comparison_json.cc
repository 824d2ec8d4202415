#include "controller/capture/comparison_json.h"

#include <nlohmann/json.hpp>

namespace faultline::capture {
namespace {

using Json = nlohmann::ordered_json;

Json microseconds(const std::optional<Duration>& duration) {
  if (!duration) return nullptr;
  return static_cast<double>(duration->count() / 100) / 10;
}

Json way_json(const Way& way) {
  Json json{{"left", way.left},
            {"arrived", way.arrived},
            {"missing", way.missing},
            {"cut", way.cut},
            {"unseen", way.unseen},
            {"damaged", way.unknown},
            {"copies", way.copies},
            {"swapped", way.swapped},
            {"delay_min_us", microseconds(way.delay_min)},
            {"delay_max_us", microseconds(way.delay_max)},
            {"alterations", Json::array()},
            {"patterns", Json::array()}};
  for (const auto& change : way.alterations) {
    json["alterations"].push_back({{"field", to_string(change.field)},
                                   {"before", change.before},
                                   {"after", change.after},
                                   {"packets", change.count}});
  }
  for (const auto& pattern : way.patterns) {
    json["patterns"].push_back(
        {{"kind", to_string(pattern.kind)},
         {"lost", pattern.lost},
         {"arrives_max", pattern.kind == PatternKind::kSize ? Json(pattern.arrives_max) : Json()}});
  }
  return json;
}

}  // namespace

Json to_json(const Comparison& c, const Verdict& verdict) {
  Json json{{"schema", "faultline.capture/1"},
            {"from", c.near},
            {"to", c.far},
            {"outcome", to_string(verdict.outcome)},
            {"verdict", verdict.code},
            {"summary", verdict.summary},
            {"notes", verdict.notes},
            {"remedy", verdict.remedy.empty() ? Json(nullptr) : Json(verdict.remedy)},
            {"source", c.near_address.to_string()},
            {"target", c.far_address.to_string()},
            {"forward", way_json(c.forward)},
            {"return", way_json(c.back)},
            {"asked", c.asked},
            {"unanswered", c.unanswered},
            {"clock_difference_us", microseconds(c.clock_difference)},
            {"frames_dropped", {{"from", c.dropped_near}, {"to", c.dropped_far}}},
            {"flows", Json::array()},
            {"complaints", Json::array()}};
  for (const auto& flow : c.flows) {
    json["flows"].push_back({{"source_port", flow.source_port},
                             {"left", flow.left},
                             {"missing", flow.missing},
                             {"unanswered", flow.unanswered},
                             {"replies_left", flow.replies_left},
                             {"replies_missing", flow.replies_missing}});
  }
  for (const auto& complaint : c.complaints) {
    json["complaints"].push_back(
        {{"by", complaint.by.to_string()},
         {"type", complaint.error.type},
         {"code", complaint.error.code},
         {"mtu", complaint.error.mtu == 0 ? Json(nullptr) : Json(complaint.error.mtu)},
         {"about", faultline::to_string(complaint.error.to)},
         {"count", complaint.count}});
  }
  return json;
}

}  // namespace faultline::capture

#include "controller/api/slo.h"

#include "controller/api/json_parts.h"

namespace faultline::api {
namespace {

Json json(const SloRow& row) {
  return {{"group", row.group},
          {"availability", or_null(row.availability)},
          {"pair_minutes", row.pair_minutes},
          {"pair_minutes_bad", row.pair_minutes_bad},
          {"sent", row.sent},
          {"lost", row.lost},
          {"loss_p50", or_null(row.loss_p50)},
          {"loss_p95", or_null(row.loss_p95)},
          {"loss_p99", or_null(row.loss_p99)},
          {"rtt_p50_us", or_null(row.rtt_p50_us)},
          {"rtt_p95_us", or_null(row.rtt_p95_us)},
          {"rtt_p99_us", or_null(row.rtt_p99_us)}};
}

}  // namespace

std::string_view to_string(SloGrouping grouping) {
  switch (grouping) {
    case SloGrouping::kZone:
      return "zone";
    case SloGrouping::kRack:
      return "rack";
    case SloGrouping::kClass:
      return "class";
  }
  return "zone";
}

std::string slo_json(const SloView& view) {
  Json result{
      {"schema", "faultline.slo/1"},
      {"by", to_string(view.by)},
      {"from", format_rfc3339(view.from)},
      {"to", format_rfc3339(view.to)},
      {"step_s", std::chrono::duration_cast<std::chrono::seconds>(view.step).count()},
      {"measured_from", view.measured_from ? Json(format_rfc3339(*view.measured_from)) : Json()},
      {"loss_max", kSloLossMax},
      {"all", json(view.all)},
      {"rows", Json::array()}};
  for (const auto& row : view.rows) result["rows"].push_back(json(row));
  return result.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace faultline::api

#include "controller/api/abnormal_json.h"

#include "controller/api/json_parts.h"

namespace faultline::api {
namespace {

Json json(const ChangeView& change) {
  return {{"time", format_rfc3339(change.time)}, {"kind", change.kind},
          {"subject", change.subject},           {"before", or_null(change.before)},
          {"after", or_null(change.after)},      {"count", change.count},
          {"components", change.components}};
}

Json json(const AnomalyView& anomaly) {
  return {{"kind", anomaly.kind},
          {"node", or_null(anomaly.node)},
          {"src", anomaly.src},
          {"dst", anomaly.dst},
          {"pair_class", anomaly.pair_class},
          {"way", or_null(anomaly.way)},
          {"since", format_rfc3339(anomaly.since)},
          {"windows", anomaly.windows},
          {"usual_ms", or_null(anomaly.usual_ms)},
          {"now_ms", or_null(anomaly.now_ms)},
          {"usual_loss", or_null(anomaly.usual_loss)},
          {"now_loss", or_null(anomaly.now_loss)},
          {"spreads", anomaly.spreads},
          {"source_ports", anomaly.source_ports},
          {"flows", anomaly.flows},
          {"flows_of", anomaly.flows_of},
          {"pairs", anomaly.pairs},
          {"pairs_of", anomaly.pairs_of},
          {"explained_by", or_null(anomaly.explained_by)},
          {"text", anomaly.text}};
}

}  // namespace

std::string changes_json(const ChangesView& view) {
  return text({{"schema", "faultline.changes/1"},
               {"since", format_rfc3339(view.since)},
               {"known_since", format_rfc3339(view.known_since)},
               {"changes", list(view.changes, json)}});
}

std::string anomalies_json(const AnomaliesView& view) {
  return text(
      {{"schema", "faultline.anomalies/1"},
       {"judged_until", view.judged_until ? Json(format_rfc3339(*view.judged_until)) : Json()},
       {"pairs", view.pairs},
       {"pairs_learned", view.pairs_learned},
       {"flows", view.flows},
       {"omitted", view.omitted},
       {"anomalies", list(view.anomalies, json)}});
}

}  // namespace faultline::api

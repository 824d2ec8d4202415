#include "controller/api/silences_json.h"

#include "controller/api/json_parts.h"

namespace faultline::api {
namespace {

Json to_object(const incident::Silence& silence) {
  return Json{{"id", silence.id},
              {"kind", to_string(silence.kind)},
              {"selector", silence.selector},
              {"author", silence.author},
              {"comment", silence.comment},
              {"created_at", format_rfc3339(silence.created_at)},
              {"starts_at", format_rfc3339(silence.starts_at)},
              {"ends_at", format_rfc3339(silence.ends_at)},
              {"ended_by", silence.ended_by.empty() ? Json() : Json(silence.ended_by)},
              {"incidents_held", silence.incidents_held}};
}

std::string state_of(const incident::Silence& silence, WallTime now) {
  if (silence.ends_at <= now) return "over";
  return silence.starts_at > now ? "to come" : "active";
}

}  // namespace

std::string silences_json(const SilencesView& view) {
  Json document{{"schema", "faultline.silences/1"},
                {"generated_at", format_rfc3339(view.generated_at)},
                {"silences", Json::array()}};
  for (const auto& silence : view.silences) {
    auto object = to_object(silence);
    object["state"] = state_of(silence, view.generated_at);
    document["silences"].push_back(std::move(object));
  }
  return text(document);
}

std::string silence_json(const incident::Silence& silence) {
  Json document{{"schema", "faultline.silence/1"}};
  document.update(to_object(silence));
  return text(document);
}

}  // namespace faultline::api

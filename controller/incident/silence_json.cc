#include "controller/incident/json_fields.h"
#include "controller/incident/silence.h"

namespace faultline::incident {
namespace {

constexpr int kSilenceVersion = 1;

Silence silence_of(const Json& json) {
  Silence silence{
      .id = text_of(json, "id"),
      .kind = choice_of(json, "kind", std::array{SilenceKind::kMaintenance, SilenceKind::kSilence}),
      .selector = label_sets_of(json, "selector"),
      .author = text_of(json, "author"),
      .comment = text_of(json, "comment"),
      .created_at = time_of(json, "created_at"),
      .starts_at = time_of(json, "starts_at"),
      .ends_at = time_of(json, "ends_at"),
      .ended_by = text_of(json, "ended_by"),
      .incidents_held = count_of<std::uint64_t>(json, "incidents_held")};
  if (silence.id.empty()) throw BadRecord{"id is empty"};
  if (const auto valid = validate_selector(silence.selector); !valid) {
    throw BadRecord{valid.error().context};
  }
  return silence;
}

}  // namespace

std::string to_json(const Silence& silence) {
  return text_of(Json{{"version", kSilenceVersion},
                      {"id", silence.id},
                      {"kind", to_string(silence.kind)},
                      {"selector", silence.selector},
                      {"author", silence.author},
                      {"comment", silence.comment},
                      {"created_at", format_rfc3339(silence.created_at)},
                      {"starts_at", format_rfc3339(silence.starts_at)},
                      {"ends_at", format_rfc3339(silence.ends_at)},
                      {"ended_by", silence.ended_by},
                      {"incidents_held", silence.incidents_held}});
}

Result<Silence> silence_from_json(std::string_view text) {
  return read_record(text, "silence", kSilenceVersion, silence_of);
}

}  // namespace faultline::incident

#include "controller/api/routes_incidents.h"

#include <fmt/format.h>

#include "controller/api/abnormal_json.h"
#include "controller/api/parameters.h"
#include "controller/api/request_json.h"
#include "controller/api/silences_json.h"
#include "controller/api/views_json.h"

namespace faultline::api {
namespace {

tl::unexpected<Error> not_a_member(std::string_view key) {
  return fail(ErrorCode::kInvalid,
              fmt::format("'{}' is not a member of this request, or has a wrong type", key));
}

// {"author": "ada", "text": "..."}; `text_name` is how the text is called, "" for none.
Result<IncidentActionRequest> parse_action(const Call& call, IncidentAction action,
                                           std::string_view text_name) {
  IncidentActionRequest request{.action = action, .by = call.caller.name, .text = {}};
  FAULTLINE_TRY(const auto json, parse_object(call.body));
  for (const auto& [key, value] : json.items()) {
    if (key == "author" && value.is_string()) {
      request.by = value.get<std::string>();
    } else if (!text_name.empty() && key == text_name && value.is_string()) {
      request.text = value.get<std::string>();
    } else {
      return not_a_member(key);
    }
  }
  return request;
}

Response act(const Call& call, IncidentAction action, std::string_view text_name) {
  const auto request = parse_action(call, action, text_name);
  if (!request) return error_response(request.error());
  return respond(call.backend.act_on_incident(call.captured[0], *request), incident_json);
}

Result<incident::Selector> parse_selector(const RequestJson& json) {
  incident::Selector selector;
  for (const auto& [name, values] : json.items()) {
    const auto list = values.is_string() ? RequestJson::array({values}) : values;
    if (!list.is_array()) return not_a_member("selector." + name);
    for (const auto& value : list) {
      if (!value.is_string()) return not_a_member("selector." + name);
      selector[name].push_back(value.get<std::string>());
    }
  }
  return selector;
}

Result<WallTime> parse_time(std::string_view key, const RequestJson& value) {
  const auto time = value.is_string() ? parse_rfc3339(value.get_ref<const std::string&>())
                                      : std::optional<WallTime>();
  if (time) return *time;
  return fail(ErrorCode::kInvalid,
              fmt::format("'{}' must be an RFC 3339 time such as 2026-11-22T03:00:00Z", key));
}

Result<incident::SilenceRequest> parse_silence(const Call& call) {
  incident::SilenceRequest request;
  request.author = call.caller.name;
  bool has_kind = false;
  bool has_end = false;
  FAULTLINE_TRY(const auto json, parse_object(call.body));
  for (const auto& [key, value] : json.items()) {
    if (key == "kind" && value.is_string()) {
      const auto kind = incident::parse_silence_kind(value.get_ref<const std::string&>());
      if (!kind) return fail(ErrorCode::kInvalid, "'kind' must be maintenance or silence");
      request.kind = *kind;
      has_kind = true;
    } else if (key == "selector" && value.is_object()) {
      FAULTLINE_TRY(request.selector, parse_selector(value));
    } else if (key == "author" && value.is_string()) {
      request.author = value.get<std::string>();
    } else if (key == "comment" && value.is_string()) {
      request.comment = value.get<std::string>();
    } else if (key == "starts_at") {
      FAULTLINE_TRY(request.starts_at, parse_time(key, value));
    } else if (key == "ends_at") {
      FAULTLINE_TRY(request.ends_at, parse_time(key, value));
      has_end = true;
    } else {
      return not_a_member(key);
    }
  }
  if (!has_kind || !has_end) return fail(ErrorCode::kInvalid, "'kind' and 'ends_at' are required");
  return request;
}

}  // namespace

Response get_incidents(const Call& call) {
  const auto state = call.query.find("state");
  auto filter = IncidentFilter::kOpen;
  if (state != call.query.end()) {
    if (state->second == "resolved") {
      filter = IncidentFilter::kResolved;
    } else if (state->second == "all") {
      filter = IncidentFilter::kAll;
    } else if (state->second == "pending") {
      filter = IncidentFilter::kPending;
    } else if (state->second != "open") {
      return error_response(
          {ErrorCode::kInvalid, "'state' must be open, resolved, all or pending"});
    }
  }
  const auto since = duration_parameter(call.query, "since", kIncidentsSinceMax);
  if (!since) return error_response(since.error());
  return respond(call.backend.incidents(filter, *since), incidents_json);
}

Response get_incident(const Call& call) {
  return respond(call.backend.incident(call.captured[0]), incident_json);
}

Response get_changes(const Call& call) {
  const auto since = duration_parameter(call.query, "since");
  if (!since) return error_response(since.error());
  return respond(call.backend.changes(since->value_or(kChangesSpanDefault)), changes_json);
}

Response get_anomalies(const Call& call) {
  return respond(call.backend.anomalies(), anomalies_json);
}

Response post_acknowledge(const Call& call) { return act(call, IncidentAction::kAcknowledge, ""); }

Response post_resolve(const Call& call) { return act(call, IncidentAction::kResolve, "comment"); }

Response post_note(const Call& call) { return act(call, IncidentAction::kNote, "text"); }

Response get_silences(const Call& call) {
  const auto state = call.query.find("state");
  auto filter = SilenceFilter::kLasting;
  if (state != call.query.end()) {
    if (state->second == "all") {
      filter = SilenceFilter::kAll;
    } else if (state->second != "lasting") {
      return error_response({ErrorCode::kInvalid, "'state' must be lasting or all"});
    }
  }
  return respond(call.backend.silences(filter), silences_json);
}

Response post_silence(const Call& call) {
  auto request = parse_silence(call);
  if (!request) return error_response(request.error());
  const auto what =
      fmt::format("{} of {}", to_string(request->kind), incident::to_text(request->selector));
  const auto silence = call.backend.add_silence(std::move(*request));
  auto response = respond(silence, silence_json);
  if (response.status == 200) response.status = 201;
  response.subject = silence ? fmt::format("{}: {}", silence->id, what) : what;
  return response;
}

Response delete_silence(const Call& call) {
  return respond(call.backend.end_silence(call.captured[0], call.caller.name), silence_json);
}

}  // namespace faultline::api

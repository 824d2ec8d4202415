#include "controller/api/routes.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "common/obs/metrics.h"
#include "controller/api/alerts_json.h"
#include "controller/api/call.h"
#include "controller/api/fleet_requests.h"
#include "controller/api/parameters.h"
#include "controller/api/routes_access.h"
#include "controller/api/routes_facts.h"
#include "controller/api/routes_incidents.h"
#include "controller/api/routes_tests.h"
#include "controller/api/target.h"
#include "controller/api/views_json.h"

namespace faultline::api {
namespace {

using access::Role;

Response get_version(const Call& call) {
  return json_response(version_json(call.backend.version()));
}

Response get_status(const Call& call) { return respond(call.backend.status(), status_json); }

Response get_nodes(const Call& call) { return respond(call.backend.nodes(), nodes_json); }

Response get_node(const Call& call) {
  return respond(call.backend.node(call.captured[0]), node_json);
}

Response delete_node(const Call& call) {
  const auto done = call.backend.remove_node(call.captured[0]);
  return done ? json_response(removed_json("node", call.captured[0]))
              : error_response(done.error());
}

Response created(Response response) {
  if (response.status == 200) response.status = 201;
  return response;
}

Response post_node(const Call& call) {
  const auto request = parse_node_request(call.body);
  if (!request) return error_response(request.error());
  auto response = created(respond(call.backend.add_node(*request), node_json));
  response.subject = request->name;
  return response;
}

Response post_node_rekey(const Call& call) {
  return respond(call.backend.rekey_node(call.captured[0]), rekey_json);
}

Response post_controller_rekey(const Call& call) {
  const auto force = parse_force_request(call.body);
  if (!force) return error_response(force.error());
  return respond(call.backend.rekey_controller(*force), rekey_json);
}

Response get_trust(const Call& call) { return respond(call.backend.trust(), trust_json); }

Response get_tokens(const Call& call) { return respond(call.backend.tokens(), tokens_json); }

Response post_token(const Call& call) {
  const auto request = parse_token_request(call.body);
  if (!request) return error_response(request.error());
  const auto token = call.backend.create_token(*request);
  auto response = created(respond(token, new_token_json));
  response.subject = request->node.value_or("any node");
  if (token) response.subject = fmt::format("{} for {}", token->token.id, response.subject);
  return response;
}

Response delete_token(const Call& call) {
  const auto done = call.backend.remove_token(call.captured[0]);
  return done ? json_response(removed_json("token", call.captured[0]))
              : error_response(done.error());
}

Result<MatrixRequest> parse_matrix_request(const Parameters& query) {
  MatrixRequest request;
  FAULTLINE_TRY(request.at, time_parameter(query, "at"));
  FAULTLINE_TRY(const auto since, duration_parameter(query, "since", kRollupHorizonMax));
  if (since) request.since = *since;
  const auto by = query.find("by");
  if (by == query.end()) return request;
  if (!validate_labels({{by->second, "-"}})) {
    return fail(ErrorCode::kInvalid, "'by' must be node, or the key of a label such as rack");
  }
  request.by = by->second;
  return request;
}

Response get_matrix(const Call& call) {
  const auto request = parse_matrix_request(call.query);
  if (!request) return error_response(request.error());
  return respond(call.backend.matrix(*request), matrix_json);
}

Result<LocalizeRequest> parse_localize_request(const Parameters& query) {
  LocalizeRequest request;
  FAULTLINE_TRY(request.at, time_parameter(query, "at"));
  FAULTLINE_TRY(request.since, duration_parameter(query, "since"));
  return request;
}

Response get_localize(const Call& call) {
  const auto request = parse_localize_request(call.query);
  if (!request) return error_response(request.error());
  const auto answer = call.backend.localize(*request);
  if (!answer) return error_response(answer.error());
  return json_response(localize_json(*answer));
}

Response get_path(const Call& call) {
  return respond(call.backend.path(call.captured[0], call.captured[1]), path_json);
}

Result<HistoryRequest> parse_history_request(const Parameters& query) {
  HistoryRequest request;
  FAULTLINE_TRY(request.at, time_parameter(query, "at"));
  FAULTLINE_TRY(request.step, duration_parameter(query, "step", kRollupHorizonMax));
  FAULTLINE_TRY(const auto since, duration_parameter(query, "since", kRollupHorizonMax));
  if (since) request.since = *since;
  return request;
}

Response get_history(const Call& call) {
  const auto request = parse_history_request(call.query);
  if (!request) return error_response(request.error());
  return respond(call.backend.history(call.captured[0], call.captured[1], *request), history_json);
}

Result<SloRequest> parse_slo_request(const Parameters& query) {
  SloRequest request;
  FAULTLINE_TRY(request.at, time_parameter(query, "at"));
  FAULTLINE_TRY(const auto since, duration_parameter(query, "since", kSloSpanMax));
  if (since) request.since = *since;
  FAULTLINE_TRY(request.step, duration_parameter(query, "step", kSloSpanMax));
  if (request.step && request.step != std::chrono::minutes{1} &&
      request.step != std::chrono::hours{1}) {
    return fail(ErrorCode::kInvalid, "'step' must be 1m or 1h");
  }
  const auto by = query.find("by");
  if (by == query.end()) return request;
  for (const auto grouping : {SloGrouping::kZone, SloGrouping::kRack, SloGrouping::kClass}) {
    if (by->second != to_string(grouping)) continue;
    request.by = grouping;
    return request;
  }
  return fail(ErrorCode::kInvalid, "'by' must be zone, rack or class");
}

Response get_slo(const Call& call) {
  const auto request = parse_slo_request(call.query);
  if (!request) return error_response(request.error());
  return respond(call.backend.slo(*request), slo_json);
}

Response get_alerts(const Call& call) { return respond(call.backend.alerts(), alerts_json); }

Response post_receiver_test(const Call& call) {
  const auto resolve = parse_resolve_request(call.body);
  if (!resolve) return error_response(resolve.error());
  return respond(call.backend.test_receiver(call.captured[0], *resolve), alert_test_json);
}

Response get_topology(const Call& call) {
  const auto at = time_parameter(call.query, "at");
  if (!at) return error_response(at.error());
  return respond(call.backend.topology(*at), topology_json);
}

Response get_topology_export(const Call& call) {
  const auto format = call.query.find("format");
  if (format == call.query.end() || format->second == "json") return get_topology(call);
  if (format->second != "dot") {
    return error_response({ErrorCode::kInvalid, "'format' must be dot or json"});
  }
  const auto at = time_parameter(call.query, "at");
  if (!at) return error_response(at.error());
  auto response = respond(call.backend.topology(*at), topology_dot);
  if (response.status == 200) response.content_type = "text/vnd.graphviz";
  return response;
}

Response get_plan(const Call& call) { return respond(call.backend.plan(), plan::plan_json); }

Response get_node_plan(const Call& call) {
  return respond(call.backend.node_plan(call.captured[0]), plan::node_plan_json);
}

Response get_plan_coverage(const Call& call) {
  return respond(call.backend.plan_coverage(), plan::coverage_json);
}

Response get_plan_budget(const Call& call) {
  return respond(call.backend.plan_budget(), plan::budget_json);
}

Response get_plan_difference(const Call& call) {
  return respond(call.backend.plan_difference(), plan::difference_json);
}

Response get_bundle(const Call& call) {
  const auto since = duration_parameter(call.query, "since");
  if (!since) return error_response(since.error());
  if (!*since) return error_response({ErrorCode::kInvalid, "'since' is required, such as 10m"});
  Response response{.content_type = "application/jsonl"};
  response.stream = [&backend = call.backend, duration = **since](const TextSink& sink) {
    return backend.bundle(duration, sink);
  };
  return response;
}

Result<ExportRequest> parse_export_request(const Parameters& query) {
  ExportRequest request;
  const auto value_of = [&](const std::string& key) {
    const auto at = query.find(key);
    return at == query.end() ? std::string() : at->second;
  };
  FAULTLINE_TRY(request.at, time_parameter(query, "at"));
  FAULTLINE_TRY(const auto since, duration_parameter(query, "since", kRollupHorizonMax));
  if (since) request.since = *since;
  request.src = value_of("src");
  request.dst = value_of("dst");
  if (request.src.empty() && !request.dst.empty()) {
    return fail(ErrorCode::kInvalid, "'dst' needs a 'src'");
  }
  const auto rows = value_of("rows");
  if (rows == "minutes") request.rows = ExportRows::kMinutes;
  if (rows == "hours") request.rows = ExportRows::kHours;
  if (rows != "" && rows != "windows" && request.rows == ExportRows::kWindows) {
    return fail(ErrorCode::kInvalid, "'rows' must be windows, minutes or hours");
  }
  const auto format = value_of("format");
  if (format == "jsonl") request.format = ExportFormat::kJsonLines;
  if (format != "" && format != "csv" && request.format == ExportFormat::kCsv) {
    return fail(ErrorCode::kInvalid, "'format' must be csv or jsonl");
  }
  return request;
}

Response get_export(const Call& call) {
  auto request = parse_export_request(call.query);
  if (!request) return error_response(request.error());
  const bool is_csv = request->format == ExportFormat::kCsv;
  Response response{.content_type = is_csv ? "text/csv" : "application/jsonl"};
  response.stream = [&backend = call.backend, asked = *std::move(request)](const TextSink& sink) {
    return backend.export_results(asked, sink);
  };
  return response;
}

Response get_metrics(const Call& call) {
  auto metrics = call.backend.metrics();
  if (!metrics) return error_response(metrics.error());
  return Response{.content_type = obs::kOpenMetricsContentType, .body = std::move(*metrics)};
}

Response post_checkpoint(const Call& call) {
  return created(respond(call.backend.create_checkpoint(), checkpoint_json));
}

// The role has no default: who adds a route must say who may use it.
struct Route {
  std::string_view method;
  std::string_view pattern;
  Role role;
  std::string_view parameters;  // allowed in the query, separated by blanks
  Response (*handler)(const Call&);
  bool quick = false;  // answered from the published snapshot
};

constexpr auto kViewer = Role::kViewer;
constexpr auto kOperator = Role::kOperator;
constexpr auto kAdmin = Role::kAdmin;

constexpr std::array kRoutes{
    Route{"GET", "/api/v1/version", kViewer, "", get_version, true},
    Route{"GET", "/api/v1/status", kViewer, "", get_status, true},
    Route{"GET", "/api/v1/nodes", kViewer, "", get_nodes, true},
    Route{"GET", "/api/v1/nodes/{name}", kViewer, "", get_node, true},
    Route{"GET", "/api/v1/nodes/{name}/facts", kViewer, "at", get_node_facts},
    Route{"GET", "/api/v1/nodes/{name}/facts/changes", kViewer, "since", get_node_facts_changes},
    Route{"GET", "/api/v1/diagnose", kViewer, "a b port protocol at inputs tests", get_diagnosis},
    Route{"POST", "/api/v1/nodes/{name}/tests", kOperator, "watched", post_node_test},
    Route{"GET", "/api/v1/tests/{id}", kViewer, "", get_test, true},
    Route{"DELETE", "/api/v1/tests/{id}", kOperator, "", delete_test},
    Route{"GET", "/api/v1/standing-tests", kViewer, "name", get_standing_tests},
    Route{"DELETE", "/api/v1/nodes/{name}", kAdmin, "", delete_node},
    Route{"POST", "/api/v1/nodes", kAdmin, "", post_node},
    Route{"POST", "/api/v1/nodes/{name}/rekey", kAdmin, "", post_node_rekey},
    Route{"POST", "/api/v1/controller/rekey", kAdmin, "", post_controller_rekey},
    Route{"GET", "/api/v1/check", kViewer, "", get_check},
    Route{"GET", "/api/v1/trust", kViewer, "", get_trust, true},
    Route{"GET", "/api/v1/tokens", kViewer, "", get_tokens, true},
    Route{"POST", "/api/v1/tokens", kOperator, "", post_token},
    Route{"DELETE", "/api/v1/tokens/{id}", kOperator, "", delete_token},
    Route{"GET", "/api/v1/matrix", kViewer, "by at since", get_matrix},
    Route{"GET", "/api/v1/localize", kViewer, "at since", get_localize},
    Route{"GET", "/api/v1/paths/{src}/{dst}", kViewer, "", get_path},
    Route{"GET", "/api/v1/history/{src}/{dst}", kViewer, "at since step", get_history},
    Route{"GET", "/api/v1/slo", kViewer, "at by since step", get_slo},
    Route{"GET", "/api/v1/incidents", kViewer, "since state", get_incidents},
    Route{"GET", "/api/v1/incidents/{id}", kViewer, "", get_incident},
    Route{"POST", "/api/v1/incidents/{id}/acknowledge", kOperator, "", post_acknowledge},
    Route{"POST", "/api/v1/incidents/{id}/resolve", kOperator, "", post_resolve},
    Route{"POST", "/api/v1/incidents/{id}/notes", kOperator, "", post_note},
    Route{"GET", "/api/v1/silences", kViewer, "state", get_silences},
    Route{"POST", "/api/v1/silences", kOperator, "", post_silence},
    Route{"DELETE", "/api/v1/silences/{id}", kOperator, "", delete_silence},
    Route{"GET", "/api/v1/changes", kViewer, "since", get_changes},
    Route{"GET", "/api/v1/anomalies", kViewer, "", get_anomalies},
    Route{"GET", "/api/v1/alerts", kViewer, "", get_alerts, true},
    Route{"POST", "/api/v1/receivers/{name}/test", kOperator, "", post_receiver_test},
    Route{"GET", "/api/v1/topology", kViewer, "at", get_topology},
    Route{"GET", "/api/v1/topology/export", kViewer, "at format", get_topology_export},
    Route{"GET", "/api/v1/plan", kViewer, "", get_plan},
    Route{"GET", "/api/v1/plan/nodes/{name}", kViewer, "", get_node_plan},
    Route{"GET", "/api/v1/plan/coverage", kViewer, "", get_plan_coverage},
    Route{"GET", "/api/v1/plan/budget", kViewer, "", get_plan_budget},
    Route{"GET", "/api/v1/plan/diff", kViewer, "", get_plan_difference},
    Route{"GET", "/api/v1/bundle", kViewer, "since", get_bundle},
    Route{"GET", "/api/v1/export", kViewer, "at dst format rows since src", get_export},
    Route{"GET", "/api/v1/access/tokens", kAdmin, "", get_api_tokens, true},
    Route{"POST", "/api/v1/access/tokens", kAdmin, "", post_api_token},
    Route{"DELETE", "/api/v1/access/tokens/{name}", kAdmin, "", delete_api_token},
    Route{"GET", "/api/v1/audit", kAdmin, "since", get_audit},
    Route{"POST", "/api/v1/checkpoint", kAdmin, "", post_checkpoint},
    Route{"GET", "/metrics", kViewer, "", get_metrics, true},
};

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const auto end = text.find(separator);
    if (end != 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return parts;
}

// The captured segments when the pattern fits.
std::optional<std::vector<std::string>> match(std::string_view pattern,
                                              const std::vector<std::string>& segments) {
  const auto expected = split(pattern, '/');
  if (expected.size() != segments.size()) return std::nullopt;
  std::vector<std::string> captured;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (expected[i].front() == '{') {
      if (segments[i].empty()) return std::nullopt;
      captured.push_back(segments[i]);
    } else if (expected[i] != segments[i]) {
      return std::nullopt;
    }
  }
  return captured;
}

Status check_parameters(const Route& route, const Parameters& query) {
  const auto allowed = split(route.parameters, ' ');
  for (const auto& [name, value] : query) {
    if (std::ranges::find(allowed, name) == allowed.end()) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("'{}' is not a query parameter of {}", name, route.pattern));
    }
  }
  return {};
}

Response method_not_allowed(std::string_view method, std::string allow) {
  return Response{.status = 405,
                  .body = error_json("unsupported", fmt::format("{} is not supported here; use {}",
                                                                method, allow)),
                  .allow = std::move(allow)};
}

unsigned http_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid:
    case ErrorCode::kUnsupported:
      return 400;
    case ErrorCode::kDenied:
      return 403;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kConflict:
      return 409;
    case ErrorCode::kLimit:
      return 429;
    case ErrorCode::kUnavailable:
      return 503;
    case ErrorCode::kCorrupt:
    case ErrorCode::kInternal:
      return 500;
  }
  return 500;
}

}  // namespace

std::vector<RouteName> all_routes() {
  std::vector<RouteName> names;
  for (const auto& route : kRoutes) names.push_back({route.method, route.pattern, route.role});
  return names;
}

RouteOf route_of(const Request& request) {
  const auto target = parse_target(request.target);
  for (const auto& route : kRoutes) {
    if (!target || route.method != request.method) continue;
    const auto captured = match(route.pattern, target->segments);
    if (!captured) continue;
    return {.pattern = std::string(route.pattern),
            .subject = fmt::format("{}", fmt::join(*captured, " ")),
            .role = route.role,
            .quick = route.quick};
  }
  return {.pattern = request.target.substr(0, request.target.find('?')),
          .subject = {},
          .role = is_mutation(request.method) ? Role::kAdmin : Role::kViewer};
}

bool is_mutation(std::string_view method) { return method != "GET"; }

Response error_response(const Error& error) {
  return Response{.status = http_status(error.code),
                  .body = error_json(faultline::to_string(error.code), error.context)};
}

Response handle(const Request& request, Backend& backend) {
  const auto target = parse_target(request.target);
  if (!target) return error_response(target.error());
  std::string allow;
  for (const auto& route : kRoutes) {
    auto captured = match(route.pattern, target->segments);
    if (!captured) continue;
    if (route.method != request.method) {
      allow += allow.empty() ? "" : ", ";
      allow += route.method;
      continue;
    }
    const auto allowed = check_parameters(route, target->query);
    if (!allowed) return error_response(allowed.error());
    return route.handler(
        Call{std::move(*captured), target->query, request.body, backend, request.caller});
  }
  if (!allow.empty()) return method_not_allowed(request.method, std::move(allow));
  return error_response(
      {ErrorCode::kNotFound, fmt::format("no such resource: {}", request.target)});
}

}  // namespace faultline::api

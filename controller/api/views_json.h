// The views as JSON documents: one document per answer with a "schema" member first, stable key
// order, numbers as numbers with the unit in the name, RFC 3339 UTC, null where nothing was
// measured. openapi.yaml documents them. Thread safety: pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "controller/api/backend.h"
#include "controller/api/views.h"

namespace faultline::api {

[[nodiscard]] std::string version_json(std::string_view controller_version);
[[nodiscard]] std::string status_json(const StatusView& status);
[[nodiscard]] std::string nodes_json(const std::vector<NodeView>& nodes);
[[nodiscard]] std::string node_json(const NodeView& node);
[[nodiscard]] std::string tokens_json(const std::vector<TokenView>& tokens);
[[nodiscard]] std::string new_token_json(const NewToken& token);
[[nodiscard]] std::string removed_json(std::string_view kind, std::string_view name);
[[nodiscard]] std::string checkpoint_json(const std::string& directory);
[[nodiscard]] std::string matrix_json(const MatrixView& matrix);
[[nodiscard]] std::string localize_json(const LocalizeAnswer& answer);
[[nodiscard]] std::string path_json(const PathView& path);
[[nodiscard]] std::string history_json(const HistoryView& history);
[[nodiscard]] std::string incidents_json(const std::vector<IncidentView>& incidents);
[[nodiscard]] std::string incident_json(const IncidentView& incident);
[[nodiscard]] std::string topology_json(const TopologyView& topology);
// A Graphviz digraph: devices of one tier or kind on one rank.
[[nodiscard]] std::string topology_dot(const TopologyView& topology);
// {"schema":"faultline.error/1","error":{"code":"not_found","message":"..."}}
[[nodiscard]] std::string error_json(std::string_view code, std::string_view message);

}  // namespace faultline::api

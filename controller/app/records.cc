#include "controller/app/records.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/obs/log.h"
#include "common/wire/report_codec.h"

namespace faultline::app {
namespace {

store::Table table_of(core::Document document) {
  switch (document) {
    case core::Document::kNode:
      return store::Table::kNodes;
    case core::Document::kToken:
      return store::Table::kTokens;
    case core::Document::kIncident:
      return store::Table::kIncidents;
    case core::Document::kOutbox:
      return store::Table::kOutbox;
    case core::Document::kPlan:
      return store::Table::kPlan;
    case core::Document::kControllerKeys:
      return store::Table::kControllerKeys;
    case core::Document::kSilence:
      return store::Table::kSilences;
  }
  return store::Table::kMeta;
}

// Calls `take(value)` -> Status for each document of the table.
template <typename Take>
Status load_table(store::Ledger& ledger, store::Table table, DocumentVersions& versions,
                  Take take) {
  FAULTLINE_TRY(const auto documents, ledger.list(table));
  for (const auto& document : documents) {
    versions.loaded(table, document);
    if (auto taken = take(document.value); !taken) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("the stored {} {} cannot be read: {}", to_string(table), document.key,
                              taken.error().context));
    }
  }
  return {};
}

// The same, but what cannot be read is skipped: one line of the log counts it.
template <typename Take>
Status load_readable(const store::Ledger& ledger, store::Table table, Take take) {
  FAULTLINE_TRY(const auto documents, ledger.list(table));
  std::size_t unreadable = 0;
  std::string first;
  for (const auto& document : documents) {
    const Status taken = take(document);
    if (taken || unreadable++ > 0) continue;
    first = fmt::format("{}: {}", document.key, taken.error().context);
  }
  if (unreadable > 0) {
    obs::log_warning("store", "skipped {} stored {} that cannot be read, the first is {}",
                     unreadable, to_string(table), first);
  }
  return {};
}

// take_into(records, parse): the Take that parses a record and keeps it.
template <typename Record, typename Parse>
auto take_into(std::vector<Record>& records, Parse parse) {
  return [&records, parse](const std::string& value) -> Status {
    FAULTLINE_TRY(auto record, parse(value));
    records.push_back(std::move(record));
    return {};
  };
}

Status take_plan_revision(const std::string& value, core::Restored& restored) {
  const auto json = nlohmann::json::parse(value, nullptr, false);
  if (!json.is_object() || !json.contains("revision") || !json["revision"].is_number_unsigned()) {
    return fail(ErrorCode::kCorrupt, "it has no revision");
  }
  restored.plan_revision = PlanRevision{json["revision"].get<std::uint64_t>()};
  // Older controllers wrote none of these.
  if (json.contains("fullest_link_flows") && json["fullest_link_flows"].is_number_unsigned()) {
    restored.fullest_link_flows = json["fullest_link_flows"].get<std::uint32_t>();
  }
  if (json.contains("tracers")) {
    for (const auto& entry : json["tracers"]) {
      if (!entry.is_array() || entry.size() != 2 || !entry[0].is_number_unsigned() ||
          !entry[1].is_number_unsigned()) {
        return fail(ErrorCode::kCorrupt, "its tracers are not pairs of node and number");
      }
      restored.tracers.emplace(NodeId{entry[0].get<std::uint32_t>()},
                               entry[1].get<std::uint32_t>());
    }
  }
  if (!json.contains("extra_flows")) return {};
  for (const auto& flow : json["extra_flows"]) {
    if (!flow.is_array() || flow.size() != 3 ||
        !std::ranges::all_of(flow, [](const auto& part) { return part.is_number_unsigned(); })) {
      return fail(ErrorCode::kCorrupt, "its extra_flows are not triples of node, node and port");
    }
    restored.extra_flows.push_back({NodeId{flow[0].template get<std::uint32_t>()},
                                    NodeId{flow[1].template get<std::uint32_t>()},
                                    flow[2].template get<std::uint16_t>()});
  }
  return {};
}

Status load_windows(store::RocksStore& store, WallTime now, const LoadSpan& span,
                    core::Restored& restored) {
  const auto visit = [&](const store::JournalEntry& entry) {
    if (entry.is_gap()) return true;
    if (auto report = wire::decode_report(entry.payload)) {
      restored.reports.push_back({entry.node, std::make_shared<const Report>(std::move(*report))});
    }
    return true;
  };
  FAULTLINE_TRY(const auto summary,
                store.journal().scan_windows(now - span.open, now + span.longest, visit));
  for (const auto& place : summary.damaged_places) {
    obs::log_warning("store", "skipped a damaged entry: {}", place);
  }
  FAULTLINE_TRY(const auto paths, store.views().load_path_history(now - span.longest, now));
  for (const auto& stored : paths) restored.paths.push_back({stored.reporter, stored.path});
  return {};
}

}  // namespace

void DocumentVersions::loaded(store::Table table, const store::LedgerDocument& document) {
  versions_[{table, document.key}] = document.version;
}

std::vector<store::LedgerWrite> DocumentVersions::to_ledger(
    const std::vector<core::DocumentWrite>& writes) const {
  std::vector<store::LedgerWrite> result;
  for (const auto& write : writes) {
    const auto table = table_of(write.document);
    const auto version = versions_.find({table, write.key});
    const std::uint64_t expected = version == versions_.end() ? 0 : version->second;
    if (!write.value && expected == 0) continue;  // it never got there: nothing to erase
    result.push_back({table, write.key, write.value, expected});
  }
  return result;
}

void DocumentVersions::committed(const std::vector<store::LedgerWrite>& writes) {
  for (const auto& write : writes) {
    if (write.value) {
      versions_[{write.table, write.key}] = write.expected_version + 1;
    } else {
      versions_.erase({write.table, write.key});
    }
  }
}

Result<std::vector<incident::Incident>> list_incidents(const store::Ledger& ledger) {
  std::vector<incident::Incident> incidents;
  const auto take = take_into(incidents, incident::incident_from_json);
  FAULTLINE_TRY_STATUS(
      load_readable(ledger, store::Table::kIncidents,
                    [&](const store::LedgerDocument& document) { return take(document.value); }));
  return incidents;
}

Status drop_incidents_before(store::Ledger& ledger, WallTime horizon, DocumentVersions& versions) {
  FAULTLINE_TRY(const auto incidents, list_incidents(ledger));
  std::vector<core::DocumentWrite> erasures;
  for (const auto& incident : incidents) {
    if (!incident.resolved_at || *incident.resolved_at >= horizon) continue;
    erasures.push_back({core::Document::kIncident, incident.id, std::nullopt});
  }
  if (erasures.empty()) return {};
  const auto writes = versions.to_ledger(erasures);
  FAULTLINE_TRY_STATUS(ledger.commit(writes));
  versions.committed(writes);
  return {};
}

namespace {

// Entries have numbers for keys; what has not is the telling's own.
Status load_outbox(const store::Ledger& ledger, DocumentVersions& versions,
                   core::Restored& restored) {
  const auto take_entry = take_into(restored.outbox, notify::from_record);
  return load_readable(ledger, store::Table::kOutbox, [&](const auto& document) -> Status {
    versions.loaded(store::Table::kOutbox, document);
    if (document.key.starts_with(core::kToldPrefix) || document.key == core::kWatchdogKey) {
      restored.telling.emplace(document.key, document.value);
      return {};
    }
    return take_entry(document.value);
  });
}

}  // namespace

Result<core::Restored> load_all(store::RocksStore& store, WallTime now, const LoadSpan& span,
                                DocumentVersions& versions) {
  core::Restored restored;
  auto& ledger = store.ledger();
  FAULTLINE_TRY_STATUS(load_table(ledger, store::Table::kNodes, versions,
                                  take_into(restored.nodes, fleet::node_record_from_json)));
  FAULTLINE_TRY_STATUS(load_table(ledger, store::Table::kTokens, versions,
                                  take_into(restored.tokens, fleet::token_record_from_json)));
  const auto take_keys = [&](const std::string& value) -> Status {
    FAULTLINE_TRY(restored.controller_keys, fleet::controller_keys_from_json(value));
    return {};
  };
  FAULTLINE_TRY_STATUS(load_table(ledger, store::Table::kControllerKeys, versions, take_keys));
  const auto readable = [&](store::Table table, auto take) {
    return load_readable(ledger, table, [&versions, table, take](const auto& document) {
      versions.loaded(table, document);
      return take(document.value);
    });
  };
  FAULTLINE_TRY_STATUS(readable(store::Table::kIncidents,
                                take_into(restored.incidents, incident::incident_from_json)));
  FAULTLINE_TRY_STATUS(
      readable(store::Table::kSilences, take_into(restored.silences, incident::silence_from_json)));
  FAULTLINE_TRY_STATUS(load_outbox(ledger, versions, restored));
  FAULTLINE_TRY_STATUS(
      load_table(ledger, store::Table::kPlan, versions,
                 [&](const std::string& value) { return take_plan_revision(value, restored); }));
  FAULTLINE_TRY(restored.dedup, store.journal().load_dedup());
  FAULTLINE_TRY_STATUS(load_windows(store, now, span, restored));
  return restored;
}

}  // namespace faultline::app

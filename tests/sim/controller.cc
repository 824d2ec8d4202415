#include "tests/sim/controller.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/base/check.h"
#include "common/wire/control_codec.h"
#include "common/wire/report_codec.h"
#include "controller/localize/verdict_json.h"
#include "tests/sim/probe.h"

namespace faultline::sim {
namespace {

// As a read of the journal gives it.
std::shared_ptr<const Report> stored_report(const core::JournalWrite& write) {
  if (write.moved != nullptr) return write.moved;
  return std::make_shared<const Report>(wire::decode_report(write.batch.payload).value());
}

using std::chrono::milliseconds;

constexpr Duration kFsync = milliseconds{5};
constexpr Duration kStalledLook = milliseconds{100};
const Status kDiskError = fail(ErrorCode::kUnavailable, "No space left on device");

// As the key files have it: what the ledger says is current, or the first key.
PublicKey own_key(const SimDisk& disk) {
  for (const auto& [name, value] : disk.documents) {
    if (name.first != core::Document::kControllerKeys) continue;
    return fleet::controller_keys_from_json(value).value().current.key;
  }
  return controller_key(1);
}

core::CoreOptions options(const SimFleet& fleet, const PublicKey& own_key) {
  core::CoreOptions options;
  options.controller_key = own_key;
  options.software = "sim";
  options.restart_excused_max = fleet.restart_excused_max;
  options.receivers = {"oncall"};
  options.adaptive = fleet.adaptive;
  options.planner.traces_per_second = fleet.options.traces_per_second;
  // Virtual time is dear: paths are learned ten times as fast as in production, by all nodes.
  options.planner.router_packets_per_second_max = 1'000'000;
  options.planner.tracked_flows_per_node_max = fleet.options.tracked_flows_per_node_max;
  options.planner.dscp_classes = fleet.options.dscp_classes;
  return options;
}

PublicKey key_of(std::uint8_t family, std::uint32_t host) {
  PublicKey key;
  key.bytes[0] = family;
  key.bytes[1] = static_cast<std::uint8_t>(host >> 8);
  key.bytes[2] = static_cast<std::uint8_t>(host);
  return key;
}

template <typename Record, typename Parse>
void take_all(const SimDisk& disk, core::Document document, Parse parse,
              std::vector<Record>& records) {
  for (const auto& [name, value] : disk.documents) {
    if (name.first == document) records.push_back(parse(value).value());
  }
}

}  // namespace

PublicKey node_key(std::uint32_t host) { return key_of(1, host); }
PublicKey token_key(std::uint32_t host) { return key_of(2, host); }
PublicKey controller_key(std::uint32_t number) { return key_of(200, number); }

std::vector<std::byte> sealed(const PublicKey& from, const PublicKey& to,
                              std::span<const std::byte> message) {
  std::vector<std::byte> bytes;
  for (const auto& key : {from, to}) {
    const auto name = std::as_bytes(std::span(key.bytes));
    bytes.insert(bytes.end(), name.begin(), name.end());
  }
  bytes.insert(bytes.end(), message.begin(), message.end());
  return bytes;
}

std::optional<std::vector<std::byte>> open_sealed(const PublicKey& from, const PublicKey& to,
                                                  std::span<const std::byte> bytes) {
  const auto names = sealed(from, to, {});
  if (bytes.size() < names.size() || !std::ranges::equal(bytes.first(names.size()), names)) {
    return std::nullopt;
  }
  const auto message = bytes.subspan(names.size());
  return std::vector(message.begin(), message.end());
}

SimController::SimController(SimFleet& fleet)
    : fleet_(fleet),
      served_key_(own_key(fleet.disk)),
      core_(options(fleet, served_key_), fleet.fabric.inventory(), Rng(fleet.rng())),
      live_({.window = core_.options().planner.window,
             .horizon_windows = core_.options().horizon_windows,
             .excused_max = fleet.restart_excused_max}),
      detector_({}) {
  FAULTLINE_CHECK(core_.restore(restored(), now()).has_value(), "its own records restore");
  tick();
}

core::Restored SimController::restored() const {
  core::Restored restored;
  const auto& disk = fleet_.disk;
  take_all(disk, core::Document::kNode, fleet::node_record_from_json, restored.nodes);
  take_all(disk, core::Document::kToken, fleet::token_record_from_json, restored.tokens);
  take_all(disk, core::Document::kIncident, incident::incident_from_json, restored.incidents);
  take_all(disk, core::Document::kSilence, incident::silence_from_json, restored.silences);
  for (const auto& [name, value] : disk.documents) {
    if (name.first != core::Document::kOutbox) continue;
    if (name.second.starts_with(core::kToldPrefix) || name.second == core::kWatchdogKey) {
      restored.telling.emplace(name.second, value);
    } else {
      restored.outbox.push_back(notify::from_record(value).value());
    }
  }
  for (const auto& [name, value] : disk.documents) {
    if (name.first != core::Document::kPlan) continue;
    const auto plan = nlohmann::json::parse(value);
    restored.plan_revision = PlanRevision{plan["revision"].get<std::uint64_t>()};
    for (const auto& flow : plan["extra_flows"]) {
      restored.extra_flows.push_back({NodeId{flow[0].get<std::uint32_t>()},
                                      NodeId{flow[1].get<std::uint32_t>()},
                                      flow[2].get<std::uint16_t>()});
    }
  }
  for (const auto& [name, value] : disk.documents) {
    if (name.first != core::Document::kControllerKeys) continue;
    restored.controller_keys = fleet::controller_keys_from_json(value).value();
  }
  for (const auto& [name, row] : disk.dedup) restored.dedup.push_back(row);
  restored.paths = disk.paths;
  const auto horizon = std::chrono::seconds{30};  // what may not be due yet
  for (const auto& [name, write] : disk.batches) {
    if (write.batch.is_gap() || write.window_start + horizon < now().wall) continue;
    restored.reports.push_back({write.node, stored_report(write)});
  }
  return restored;
}

void SimController::handle(core::Event event) { core_.step(now(), std::move(event), *this); }

void SimController::later(Duration wait, std::function<void()> thing) {
  fleet_.clock.after(wait, [alive = alive_, thing = std::move(thing)] {
    if (*alive) thing();
  });
}

void SimController::tick() {
  handle(core::Tick{});
  later(milliseconds{250}, [this] { tick(); });
}

void SimController::happens(std::string_view what) {
  fleet_.happened.mix(
      fmt::format("{} {}", fleet_.clock.instant().time_since_epoch().count(), what));
}

void SimController::send(const PublicKey& to, ControllerMessage message) {
  happens("send");
  fleet_.happened.mix(wire::encode(message));
  if (const auto* boost = std::get_if<Boost>(&message)) {
    fleet_.boosts.push_back({fleet_.clock.instant(), core_.fleet().trust_of(to)->node, *boost});
  }
  for (const auto& probe : fleet_.probes) {
    if (probe->connected_as(to)) probe->receive(std::move(message));
  }
}

void SimController::serve_under(const PublicKey& key) {
  later(milliseconds{10}, [this, key] {
    served_key_ = key;
    for (const auto& probe : fleet_.probes) probe->cut();
  });
}

void SimController::decode(NodeId node, Batch batch) {
  later(milliseconds{1}, [this, node, batch = std::move(batch)]() mutable {
    std::shared_ptr<const Report> report;
    if (!batch.is_gap()) {
      report = std::make_shared<const Report>(wire::decode_report(batch.payload).value());
    }
    handle(core::BatchDecoded{node, std::move(batch), std::move(report)});
  });
}

void SimController::open(NodeId node, const core::RelayedBy& by, std::vector<std::byte> bytes) {
  later(milliseconds{1}, [this, node, by, bytes = std::move(bytes)] {
    const auto opened = open_sealed(by.origin, served_key_, bytes);
    if (!opened) return handle(core::SealRefused{node, by, {ErrorCode::kDenied, "another key"}});
    auto batch = std::get<Batch>(wire::decode_probe_message(*opened).value());
    std::shared_ptr<const Report> report;
    if (!batch.is_gap()) {
      report = std::make_shared<const Report>(wire::decode_report(batch.payload).value());
    }
    handle(core::BatchDecoded{node, std::move(batch), std::move(report), by});
  });
}

void SimController::send_sealed(const core::RelayedBy& by, const BatchAck& ack) {
  send(by.relay_key,
       RelayedAck{.origin = by.origin,
                  .sealed = sealed(served_key_, by.origin, wire::encode(ControllerMessage{ack}))});
}

void SimController::append(core::Append append) {
  for (const auto& write : append.writes) {
    happens(fmt::format("append {} {}", write.node.value(), write.batch.sequence));
  }
  const auto batches = static_cast<std::int64_t>(append.writes.size());
  later(fleet_.append_takes + fleet_.batch_takes * batches,
        [this, append = std::move(append)]() mutable {
          write([this, append = std::move(append)]() mutable { store(std::move(append)); });
        });
}

// In their order, as the store's: a commit that is younger is never there before an older one.
void SimController::write(std::function<void()> thing) {
  writes_.push_back(std::move(thing));
  if (writes_.size() == 1) serve_disk();
}

void SimController::serve_disk() {
  if (fleet_.disk_stalled) return later(kStalledLook, [this] { serve_disk(); });
  for (; !writes_.empty(); writes_.pop_front()) writes_.front()();
}

void SimController::store(core::Append append) {
  if (fleet_.disk_fails) return handle(core::AppendDone{kDiskError});
  auto& disk = fleet_.disk;
  for (const auto& write : append.writes) {
    const BatchName name{write.node.value(), write.batch.boot.value(), write.batch.sequence};
    if (!disk.batches.emplace(name, write).second) ++disk.written_twice;
  }
  for (const auto& row : append.dedup) {
    if (row.durable.empty()) {
      disk.dedup.erase({row.node, row.boot});
    } else {
      disk.dedup[{row.node, row.boot}] = row;
    }
  }
  disk.paths.insert(disk.paths.end(), append.paths.begin(), append.paths.end());
  // A crash between the write and its answer: the batch is durable, the probe does not know.
  later(milliseconds{1}, [this] { handle(core::AppendDone{{}}); });
}

void SimController::commit(std::uint64_t commit, std::vector<core::DocumentWrite> writes) {
  for (const auto& write : writes) {
    happens(fmt::format("commit {} {} {}", commit, write.key, write.value.value_or("-")));
  }
  later(kFsync, [this, commit, writes = std::move(writes)]() mutable {
    write(
        [this, commit, writes = std::move(writes)]() mutable { keep(commit, std::move(writes)); });
  });
}

void SimController::keep(std::uint64_t commit, std::vector<core::DocumentWrite> writes) {
  if (fleet_.disk_fails) return handle(core::CommitDone{commit, kDiskError});
  for (const auto& [document, key, value] : writes) {
    if (value) {
      fleet_.disk.documents[{document, key}] = *value;
    } else {
      fleet_.disk.documents.erase({document, key});
    }
  }
  later(milliseconds{1}, [this, commit] { handle(core::CommitDone{commit, {}}); });
}

void SimController::solve(core::SolveJob job) {
  const auto& ripe = job.ripe;
  fleet_.judged.push_back({ripe.window_start, ripe.nodes_expected, ripe.nodes_reported});
  later(fleet_.solve_takes, [this, job = std::move(job)] {
    auto solution = live_.solve(job);
    detector_.judge(job, solution);
    happens(localize::verdict_json(solution.verdict, std::nullopt));
    handle(core::SolveDone{std::move(solution)});
  });
}

void SimController::recall(core::RecallJob job) {
  later(milliseconds{5}, [this, job = std::move(job)] {
    std::vector<core::NodeReport> reports;
    for (const auto& [name, write] : fleet_.disk.batches) {
      const auto& batch = write.batch;
      if (batch.is_gap() || write.window_start != job.window_start) continue;
      if (!core::is_recalled(job, write.node, batch.boot, batch.sequence)) continue;
      reports.push_back({write.node, stored_report(write)});
    }
    happens(fmt::format("recall {}", reports.size()));
    live_.recall(job, reports);
    detector_.recall(job, reports);
    handle(core::RecallDone{reports.size()});
  });
}

void SimController::plan(core::PlanningJob job) {
  ++plannings_under_way_;
  FAULTLINE_CHECK(plannings_under_way_ == 1, "one planning job at a time");
  later(milliseconds{500}, [this, job = std::move(job)] {
    --plannings_under_way_;
    handle(core::PlanningDone{core::plan_flows(job)});
  });
}

void SimController::deliver(notify::OutboxEntry entry) {
  later(milliseconds{20}, [this, entry = std::move(entry)] {
    const auto body = nlohmann::json::parse(entry.body);
    fleet_.alerts.push_back({.incident = body["incident"],
                             .event = body["event"],
                             .component = body["component"]["id"],
                             .severity = body["severity"],
                             .summary = body["summary"],
                             .at = fleet_.clock.instant()});
    handle(core::DeliveryDone{
        entry.id,
        {.result = notify::DeliveryResult::kDelivered, .text = "HTTP 200", .retry_after = {}}});
  });
}

}  // namespace faultline::sim

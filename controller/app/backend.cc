#include "controller/app/backend.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "common/async/clock.h"
#include "common/crypto/token.h"
#include "controller/app/disk_use.h"
#include "controller/app/facts_store.h"
#include "controller/app/key_files.h"
#include "controller/app/plan_queries.h"
#include "controller/app/records.h"
#include "controller/app/topology_view.h"
#include "controller/backup/data_dir.h"
#include "controller/localize/bundle.h"

namespace faultline::app {
namespace {

// Those that a token proves its controller by: during a change, the next one too.
std::vector<PublicKey> controller_keys(const Snapshot& snapshot) {
  std::vector<PublicKey> keys;
  for (const auto& view : snapshot.trust.controller_keys) {
    if (const auto key = parse_public_key(view.key)) keys.push_back(*key);
  }
  return keys;
}

}  // namespace

AppBackend::AppBackend(Options options, store::RocksStore& store,
                       const async::Published<Snapshot>& snapshots, Change change, Write write,
                       Test test, Metrics metrics)
    : options_(std::move(options)),
      store_(store),
      queries_(store.views(), stopping_, {}),
      snapshots_(snapshots),
      change_(std::move(change)),
      test_(std::move(test)),
      metrics_(std::move(metrics)),
      access_(store.ledger(), options_.audit,
              [this, write = std::move(write)](std::vector<store::LedgerWrite> writes) {
                return wait_durable(write(std::move(writes)));
              }) {}

Result<api::StatusView> AppBackend::status() const {
  auto status = snapshots_.snapshot()->status;
  const auto stats = store_.stats();
  status.store.oldest_window = stats.oldest_window;
  status.store.bytes = disk_use(std::filesystem::path(status.store.directory) / "store").bytes;
  if (stats.damaged_places > 0) {
    const auto damage =
        fmt::format("{} damaged places were skipped; see the log", stats.damaged_places);
    status.store.state =
        status.store.state == "ok" ? damage : fmt::format("{}; {}", status.store.state, damage);
  }
  return status;
}

Status AppBackend::export_results(const api::ExportRequest& request,
                                  const api::TextSink& sink) const {
  const auto tier = [&]() -> std::string_view {
    if (request.rows == api::ExportRows::kWindows) return "blocks";
    return request.rows == api::ExportRows::kMinutes ? "minutes" : "hours";
  }();
  StoredTimes stored{.now = async::now_wall()};
  for (const auto& [name, bytes, keys, oldest] : store_.tiers()) {
    if (!oldest || (name != tier && name != "windows")) continue;
    stored.oldest = std::min(stored.oldest.value_or(*oldest), *oldest);
  }
  return queries_.export_results(*snapshots_.snapshot(), stored, request, sink);
}

Result<std::vector<api::NodeView>> AppBackend::nodes() const {
  return snapshots_.snapshot()->nodes;
}

Result<api::NodeView> AppBackend::node(std::string_view name) const {
  const auto snapshot = snapshots_.snapshot();
  FAULTLINE_TRY(const auto id, find_node(*snapshot, name));
  return *std::ranges::find(snapshot->nodes, id.value(), &api::NodeView::id);
}

Result<std::vector<api::TokenView>> AppBackend::tokens() const {
  return snapshots_.snapshot()->tokens;
}

Result<api::MatrixView> AppBackend::matrix(const api::MatrixRequest& request) const {
  return queries_.matrix(*snapshots_.snapshot(), request);
}

Status AppBackend::check_stored(WallTime at, WallTime now) const {
  if (at > now) {
    return fail(ErrorCode::kInvalid, fmt::format("{} lies in the future", format_rfc3339(at)));
  }
  const auto oldest = store_.stats().oldest_window;
  if (oldest && at > *oldest) return {};
  return fail(ErrorCode::kNotFound,
              fmt::format("nothing is stored of {}: {}", format_rfc3339(at),
                          oldest ? "raw windows begin at " + format_rfc3339(*oldest)
                                 : "no window was stored yet"));
}

Result<api::LocalizeAnswer> AppBackend::localize(const api::LocalizeRequest& request) const {
  const auto snapshot = snapshots_.snapshot();
  if (!request.at && !request.since) {
    api::LocalizeAnswer answer;
    if (const auto& solution = snapshot->solution) {
      answer.verdict = solution->verdict;
      answer.judged_until = solution->window_start + solution->window;
      if (snapshot->stale) answer.verdict.enough_data = false;
    }
    return answer;
  }
  if (!snapshot->topology) return fail(ErrorCode::kUnavailable, "the controller is starting");
  const WallTime now = async::now_wall();
  const WallTime to = request.at.value_or(snapshot->status.window_judged.value_or(now));
  FAULTLINE_TRY_STATUS(check_stored(to, now));
  return queries_.localize(*snapshot, to - request.since.value_or(kLocalizeSpanDefault), to);
}

Result<std::pair<NodeId, NodeId>> AppBackend::pair(const Snapshot& snapshot, std::string_view src,
                                                   std::string_view dst) const {
  FAULTLINE_TRY(const auto source, find_node(snapshot, src));
  FAULTLINE_TRY(const auto target, find_node(snapshot, dst));
  return std::pair{source, target};
}

Result<api::PathView> AppBackend::path(std::string_view src, std::string_view dst) const {
  const auto snapshot = snapshots_.snapshot();
  FAULTLINE_TRY(const auto ends, pair(*snapshot, src, dst));
  return queries_.path(*snapshot, ends.first, ends.second);
}

Result<api::HistoryView> AppBackend::history(std::string_view src, std::string_view dst,
                                             const api::HistoryRequest& request) const {
  const auto snapshot = snapshots_.snapshot();
  FAULTLINE_TRY(const auto ends, pair(*snapshot, src, dst));
  return queries_.history(*snapshot, ends.first, ends.second, async::now_wall(), request);
}

Result<api::SloView> AppBackend::slo(const api::SloRequest& request) const {
  return queries_.slo(*snapshots_.snapshot(), async::now_wall(), request);
}

Result<api::TopologyView> AppBackend::topology(std::optional<WallTime> at) const {
  const auto snapshot = snapshots_.snapshot();
  if (!snapshot->topology) return fail(ErrorCode::kUnavailable, "the controller is starting");
  const auto facts_of = [&](NodeId node) -> std::optional<facts::Facts> {
    auto stored = load_facts(store_.ledger(), node, at);
    if (!stored) return std::nullopt;
    return std::move(stored->facts);
  };
  if (!at) return topology_view(*snapshot, facts_of);
  FAULTLINE_TRY(const auto past, queries_.as_of(*snapshot, *at));
  return topology_view(past, facts_of);
}

Result<plan::PlanReport> AppBackend::plan() const { return plan_report(*snapshots_.snapshot()); }

Result<plan::NodePlanReport> AppBackend::node_plan(std::string_view name) const {
  const auto snapshot = snapshots_.snapshot();
  FAULTLINE_TRY(const auto node, find_node(*snapshot, name));
  return node_plan_report(*snapshot, node);
}

Result<plan::CoverageReport> AppBackend::plan_coverage() const {
  return app::plan_coverage(*snapshots_.snapshot());
}

Result<plan::BudgetReport> AppBackend::plan_budget() const {
  return app::plan_budget(*snapshots_.snapshot());
}

Result<plan::DifferenceReport> AppBackend::plan_difference() const {
  return app::plan_difference(*snapshots_.snapshot(), options_.config_file);
}

Status AppBackend::bundle(Duration since, const api::TextSink& sink) const {
  const auto snapshot = snapshots_.snapshot();
  if (!snapshot->topology) return fail(ErrorCode::kUnavailable, "the controller is starting");
  const WallTime now = async::now_wall();
  const auto write = [&](const localize::ObservationSet& set) -> Status {
    Status status;
    localize::write_bundle(set, "faultline-controller " + options_.version,
                           [&](std::string_view line) {
                             status = sink(line);
                             return status.has_value();
                           });
    return status;
  };
  return queries_.observe(*snapshot, now - since, now, write);
}

Result<std::string> AppBackend::metrics() const { return metrics_(*snapshots_.snapshot()); }

Status AppBackend::change(std::function<core::Event(std::uint64_t request)> make_event) const {
  return wait_durable(change_(std::move(make_event)));
}

Status AppBackend::wait_durable(std::future<Status> done) const {
  for (Duration waited{}; waited < kChangeTimeout && !stopping_; waited += kStopCheck) {
    if (done.wait_for(kStopCheck) == std::future_status::ready) return done.get();
  }
  return fail(ErrorCode::kUnavailable,
              stopping_ ? "the controller is stopping; the change may still happen"
                        : fmt::format("the change was not durable within {}; it may still happen",
                                      format_duration(kChangeTimeout)));
}

Result<api::NewToken> AppBackend::create_token(const api::TokenRequest& request) {
  if (options_.advertise.empty()) {
    return fail(ErrorCode::kConflict,
                "no probe on another machine could use this token: set advertise in "
                "controller.yaml to where probes reach this controller, such as "
                "tcp://192.0.2.10:7400, and restart it");
  }
  const auto identity = crypto::generate_key_pair();
  fleet::Fleet::TokenRequest token{.key = identity.public_key,
                                   .name = request.node.value_or(std::string()),
                                   .labels = request.labels};
  if (request.lifetime) token.lifetime = *request.lifetime;
  const WallTime now = async::now_wall();
  FAULTLINE_TRY_STATUS(change([token](std::uint64_t number) -> core::Event {
    return core::CreateToken{.request = number, .token = token};
  }));
  const crypto::JoinToken text{.endpoints = options_.advertise,
                               .controllers = controller_keys(*snapshots_.snapshot()),
                               .one_use = identity.secret_key};
  return api::NewToken{.token = {.id = short_name(token.key),
                                 .node = request.node,
                                 .created_at = now,
                                 .expires_at = now + token.lifetime,
                                 .labels = token.labels},
                       .secret = crypto::format_token(text)};
}

Status AppBackend::remove_token(std::string_view id) {
  FAULTLINE_TRY(const auto documents, store_.ledger().list(store::Table::kTokens));
  for (const auto& document : documents) {
    const auto key = parse_public_key(document.key);
    if (!key || short_name(*key) != id) continue;
    return change([key = *key](std::uint64_t number) -> core::Event {
      return core::RemoveToken{.request = number, .key = key};
    });
  }
  return fail(ErrorCode::kNotFound, fmt::format("there is no token {}", id));
}

Result<api::TrustView> AppBackend::trust() const {
  const auto snapshot = snapshots_.snapshot();
  auto view = snapshot->trust;
  view.tokens = snapshot->tokens;
  return view;
}

Result<api::NodeView> AppBackend::add_node(const api::NodeRequest& request) {
  FAULTLINE_TRY_STATUS(change([request](std::uint64_t number) -> core::Event {
    return core::AddNode{
        .request = number,
        .node = {.name = request.name, .key = request.key, .labels = request.labels}};
  }));
  return node(request.name);
}

Result<api::RekeyView> AppBackend::rekey_node(std::string_view name) {
  FAULTLINE_TRY_STATUS(change([name = std::string(name)](std::uint64_t number) -> core::Event {
    return core::RekeyNode{.request = number, .name = name};
  }));
  return api::RekeyView{.kind = "node", .name = std::string(name), .state = "asked", .missing = {}};
}

Result<api::RekeyView> AppBackend::rekey_controller(bool force) {
  const auto before = snapshots_.snapshot();
  PublicKey next;
  if (!force) {
    FAULTLINE_TRY(const auto pair, make_next_key(options_.data_dir));
    next = pair.public_key;
  }
  FAULTLINE_TRY_STATUS(change([next, force](std::uint64_t number) -> core::Event {
    return core::RekeyController{.request = number, .next = next, .force = force};
  }));
  // Once it is changed, who is missing is who was missing until then.
  const auto& trust = force ? before->trust : snapshots_.snapshot()->trust;
  return api::RekeyView{.kind = "controller",
                        .name = trust.controller_keys.back().key,
                        .state = force ? "changed" : "announced",
                        .missing = trust.missing,
                        .missing_omitted = trust.missing_omitted};
}

Status AppBackend::remove_node(std::string_view name) {
  return change([name = std::string(name)](std::uint64_t number) -> core::Event {
    return core::RemoveNode{.request = number, .name = name};
  });
}

Result<std::string> AppBackend::create_checkpoint() {
  const auto directory = std::filesystem::path(snapshots_.snapshot()->status.store.directory) /
                         backup::kCheckpointFolder;
  std::error_code error;
  if (std::filesystem::exists(directory, error)) {
    return fail(ErrorCode::kConflict,
                fmt::format("there is a checkpoint already: a backup runs, or one was killed and "
                            "the next `faultline-controller backup` removes {}",
                            directory.string()));
  }
  FAULTLINE_TRY_STATUS(store_.checkpoint(directory));
  return directory.string();
}

}  // namespace faultline::app

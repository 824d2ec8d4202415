#include "controller/app/shell.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "common/async/clock.h"
#include "common/crypto/seal.h"
#include "common/facts/changes.h"
#include "common/facts/exchange.h"
#include "common/wire/control_codec.h"
#include "common/wire/report_codec.h"
#include "controller/app/controller.h"
#include "controller/app/facts_store.h"
#include "controller/app/key_files.h"
#include "controller/diagnose/check.h"

namespace faultline::app {
namespace {

// Ids of deliveries that are not the outbox's, which counts from 1.
constexpr notify::OutboxId kHeartbeat = 0;
constexpr notify::OutboxId kFirstTest = 1ULL << 63U;

Result<std::shared_ptr<const Report>> decode_payload(const Batch& batch) {
  if (batch.is_gap()) return std::shared_ptr<const Report>();
  FAULTLINE_TRY(auto report, wire::decode_report(batch.payload));
  return std::make_shared<const Report>(std::move(report));
}

Result<Batch> open_batch(const crypto::KeyPair& own, const PublicKey& origin,
                         std::span<const std::byte> sealed) {
  FAULTLINE_TRY(const auto opened,
                crypto::open_seal(crypto::SealKind::kBatch, own, origin, sealed));
  FAULTLINE_TRY(auto message, wire::decode_probe_message(opened));
  if (auto* batch = std::get_if<Batch>(&message)) return std::move(*batch);
  return fail(ErrorCode::kInvalid, "something else than a batch is sealed");
}

constexpr std::ptrdiff_t kMovedByWriterMax = 8;

// An append that waits until the reports in it that were moved are encoded anew, each by a job of
// its own. Whoever is the last has it to himself.
struct Encoding {
  core::Append append;
  std::atomic<std::size_t> missing{0};
};

void encode_moved(core::JournalWrite& write) {
  // Larger than what was sent in a form of its own: then that is kept, under the moved time.
  auto payload = wire::encode(*write.moved);
  if (payload.size() <= kBatchPayloadMax) write.batch.payload = std::move(payload);
  write.moved.reset();
}

std::vector<std::unique_ptr<async::Worker>> ingest_workers(std::uint32_t count) {
  std::vector<std::unique_ptr<async::Worker>> workers;
  for (std::uint32_t number = 1; number <= count; ++number) {
    workers.push_back(std::make_unique<async::Worker>(
        async::WorkerOptions{.name = number == 1 ? "ingest" : fmt::format("ingest-{}", number),
                             .jobs_max = core::kBatchesInHandMax}));
  }
  return workers;
}

Status append_to(store::Journal& journal, core::Append append) {
  std::vector<store::JournalEntry> entries;
  for (auto& write : append.writes) {
    if (write.moved != nullptr) encode_moved(write);
    auto& [node, batch, window_start, moved] = write;
    entries.push_back({.node = node,
                       .boot = batch.boot,
                       .first_sequence = batch.first_sequence,
                       .sequence = batch.sequence,
                       .results_dropped = batch.results_dropped,
                       .window_start = window_start,
                       .payload = std::move(batch.payload)});
  }
  std::vector<store::StoredPath> paths;
  for (auto& [reporter, path] : append.paths) paths.push_back({reporter, std::move(path)});
  return journal.append(entries, append.dedup, paths);
}

// What the journal held of the job's window at the start.
std::vector<core::NodeReport> stored_reports(const store::Journal& journal,
                                             const core::RecallJob& job) {
  std::vector<core::NodeReport> reports;
  const auto visit = [&](const store::JournalEntry& entry) {
    if (entry.is_gap() || !core::is_recalled(job, entry.node, entry.boot, entry.sequence)) {
      return true;
    }
    if (auto report = wire::decode_report(entry.payload)) {
      reports.push_back({entry.node, std::make_shared<const Report>(std::move(*report))});
    }
    return true;
  };
  const auto scanned = journal.scan_windows(job.window_start, job.window_start + job.window, visit);
  if (!scanned) {
    obs::log_warning("store", "a window of the past cannot be recalled: {}",
                     scanned.error().context);
  }
  return reports;
}

std::vector<changes::Change> changes_between(const facts::Facts& before,
                                             const facts::Facts& after) {
  std::vector<changes::Change> changes;
  for (auto& change : facts::changes(before, after)) {
    changes.push_back(
        {.time = after.collected_at,
         .kind = change.what.ends_with(" mtu") ? changes::Kind::kMtu : changes::Kind::kFacts,
         .subject = std::move(change.what),
         .before = change.before.empty() ? "not there" : std::move(change.before),
         .after = change.after.empty() ? "gone" : std::move(change.after)});
  }
  return changes;
}

}  // namespace

Shell::Shell(async::asio::io_context& loop, ControllerLink& link, store::RocksStore& store,
             async::Published<zmq::TrustTable>& trust, DocumentVersions versions,
             std::map<std::string, notify::Receiver> receivers, std::filesystem::path data_dir,
             const JobOptions& jobs, const crypto::KeyPair& keys, Handlers handlers)
    : loop_(loop),
      link_(link),
      store_(store),
      trust_(trust),
      versions_(std::move(versions)),
      receivers_(std::move(receivers)),
      data_dir_(std::move(data_dir)),
      keys_(keys),
      handlers_(std::move(handlers)),
      next_test_(kFirstTest),
      log_limiter_(async::now_instant(), std::chrono::seconds{1}, 50),
      live_(jobs.live),
      detector_(jobs.detector),
      groups_(jobs.groups),
      ingest_(ingest_workers(jobs.ingest_threads)),
      writer_({.name = "writer", .jobs_max = kWritesMax}),
      solver_({.name = "solver", .jobs_max = 1}),
      planner_({.name = "planner", .jobs_max = core::kPlannerJobsMax}),
      sender_({}, [this](notify::OutboxId id, notify::DeliveryOutcome outcome) {
        async::asio::post(loop_, [this, id, outcome = std::move(outcome)]() mutable {
          delivered(id, std::move(outcome));
        });
      }) {}

void Shell::post(core::Event event) {
  async::asio::post(
      loop_, [this, event = std::move(event)]() mutable { handlers_.on_event(std::move(event)); });
}

// Nobody hands out more than the queues hold: whoever waits for the end of a job that was refused
// waits for ever.
void Shell::run_on(async::Worker& worker, async::Worker::Job job) {
  static_assert(kWritesMax > core::kCommitsInHandMax + core::kFactsInHandMax + kOwnWritesMax);
  if (worker.post(std::move(job)) || stopped_) return;
  counters_.overloaded.add();
  obs::log_error("controller",
                 "the queue of the {} is full, which is a bug: restart the controller",
                 worker.name());
}

void Shell::send(const PublicKey& to, ControllerMessage message) { link_.send(to, message); }

void Shell::decode(NodeId node, Batch batch) {
  run_on(ingest_of(node), [this, node, batch = std::move(batch)]() mutable {
    auto report = decode_payload(batch);
    post(core::BatchDecoded{node, std::move(batch), std::move(report)});
  });
}

void Shell::open(NodeId node, const core::RelayedBy& by, std::vector<std::byte> sealed) {
  run_on(ingest_of(node), [this, node, by, keys = keys_, sealed = std::move(sealed)] {
    auto batch = open_batch(keys, by.origin, sealed);
    if (!batch) return post(core::SealRefused{node, by, std::move(batch).error()});
    auto report = decode_payload(*batch);
    post(core::BatchDecoded{node, *std::move(batch), std::move(report), by});
  });
}

// On the loop: the core bounds how many there are.
void Shell::send_sealed(const core::RelayedBy& by, const BatchAck& ack) {
  auto sealed = crypto::seal(crypto::SealKind::kBatchAck, keys_, by.origin,
                             wire::encode(ControllerMessage{ack}));
  if (sealed) {
    link_.send(by.relay_key, RelayedAck{.origin = by.origin, .sealed = *std::move(sealed)});
  }
}

async::Worker& Shell::ingest_of(NodeId node) { return *ingest_[node.value() % ingest_.size()]; }

// There is one at a time, so nothing overtakes it while its reports are encoded. They wait behind
// what is to be decoded, once: while the append waits, its batches and all that are decoded stay in
// hand, so that Intake lets no more in (kBatchesInHandMax; a second's decoding at the very most).
// None of these jobs is refused, for a batch has at most one in any queue.
void Shell::append(core::Append append) {
  const auto is_moved = [](const core::JournalWrite& write) { return write.moved != nullptr; };
  const auto moved = std::ranges::count_if(append.writes, is_moved);
  // A few the writer encodes itself: behind the workers' queues all of the append would wait.
  if (moved <= kMovedByWriterMax) return write_append(std::move(append));
  auto encoding = std::make_shared<Encoding>();
  encoding->append = std::move(append);
  encoding->missing = static_cast<std::size_t>(moved);
  for (auto& write : encoding->append.writes) {
    if (!is_moved(write)) continue;
    run_on(ingest_of(write.node), [this, encoding, &write] {
      encode_moved(write);
      if (encoding->missing.fetch_sub(1) > 1) return;
      async::asio::post(loop_, [this, encoding] { write_append(std::move(encoding->append)); });
    });
  }
}

void Shell::write_append(core::Append append) {
  run_on(writer_, [this, append = std::move(append)]() mutable {
    post(core::AppendDone{append_to(store_.journal(), std::move(append))});
  });
}

void Shell::commit(std::uint64_t commit, std::vector<core::DocumentWrite> writes) {
  run_on(writer_, [this, commit, writes = std::move(writes)] {
    const auto ledger_writes = versions_.to_ledger(writes);
    auto status = ledger_writes.empty() ? Status() : store_.ledger().commit(ledger_writes);
    if (status) versions_.committed(ledger_writes);
    post(core::CommitDone{commit, std::move(status)});
  });
}

std::future<Status> Shell::write(std::vector<store::LedgerWrite> writes) {
  auto done = std::make_shared<std::promise<Status>>();
  auto future = done->get_future();
  auto job = [this, done, writes = std::move(writes)] {
    done->set_value(store_.ledger().commit(writes));
  };
  if (!writer_.post(std::move(job))) {
    counters_.overloaded.add();
    done->set_value(fail(ErrorCode::kUnavailable, "the ledger's writer takes no more"));
  }
  return future;
}

void Shell::solve(core::SolveJob job) {
  run_on(solver_, [this, job = std::move(job)]() mutable {
    const auto started = async::now_instant();
    auto solution = live_.solve(job);
    detector_.judge(job, solution);
    groups_.judge(job, solution);
    counters_.solve_seconds.set(
        std::chrono::duration<double>(async::now_instant() - started).count());
    job = {};  // the snapshots are let go before the loop goes on, which then need not copy them
    post(core::SolveDone{std::move(solution)});
  });
}

void Shell::plan(core::PlanningJob job) {
  run_on(planner_, [this, job = std::move(job)]() mutable {
    const auto started = async::now_instant();
    auto result = core::plan_flows(job);
    counters_.planning_seconds.set(
        std::chrono::duration<double>(async::now_instant() - started).count());
    job = {};
    post(core::PlanningDone{std::move(result)});
  });
}

void Shell::recall(core::RecallJob job) {
  run_on(solver_, [this, job = std::move(job)]() mutable {
    const auto reports = stored_reports(store_.journal(), job);
    live_.recall(job, reports);
    detector_.recall(job, reports);
    job = {};  // as above
    post(core::RecallDone{reports.size()});
  });
}

void Shell::deliver(notify::OutboxEntry entry) {
  using notify::DeliveryResult;
  const auto end = [&](DeliveryResult result, std::string text) {
    post(core::DeliveryDone{entry.id, {result, std::move(text), std::nullopt}});
  };
  const auto receiver = receivers_.find(entry.receiver);
  if (receiver == receivers_.end()) {
    return end(
        DeliveryResult::kRefused,
        fmt::format("there is no receiver {} in the configuration any more", entry.receiver));
  }
  const auto alert = notify::alert_from_json(entry.body);
  if (!alert) return end(DeliveryResult::kRefused, alert.error().context);
  const notify::Attempt attempt{.idempotency_key = entry.idempotency_key,
                                .timestamp_s = unix_seconds(async::now_wall())};
  const bool sent =
      sender_.send({entry.id, notify::make_request(receiver->second, *alert, entry.body, attempt)});
  if (!sent) end(DeliveryResult::kRetry, "too many deliveries at once");
}

void Shell::delivered(notify::OutboxId id, notify::DeliveryOutcome outcome) {
  if (id == kHeartbeat) {
    const bool well = outcome.result == notify::DeliveryResult::kDelivered;
    (well ? counters_.heartbeats : counters_.heartbeats_failed).add();
    if (!well) obs::log_warning("notify", "the heartbeat was not taken: {}", outcome.text);
    return;
  }
  if (auto test = tests_.extract(id); !test.empty()) {
    return test.mapped()(std::move(outcome));
  }
  handlers_.on_event(core::DeliveryDone{id, std::move(outcome)});
}

void Shell::test_receiver(const std::string& name, notify::AlertEvent event, TestHandler done) {
  const auto receiver = receivers_.find(name);
  if (receiver == receivers_.end()) {
    return done(
        fail(ErrorCode::kNotFound,
             fmt::format("there is no receiver {}; `faultline alert list` shows all", name)));
  }
  const auto now = async::now_wall();
  const auto alert = notify::test_alert(receiver->second, event, now);
  const auto request = notify::make_request(
      receiver->second, alert, notify::alert_json(alert),
      {.idempotency_key = notify::idempotency_key(alert), .timestamp_s = unix_seconds(now)});
  const auto id = next_test_++;
  if (!sender_.send({id, request})) {
    return done(fail(ErrorCode::kLimit, "too many deliveries at once; try again in a minute"));
  }
  tests_.emplace(id, std::move(done));
}

void Shell::beat(const std::string& url, std::string body) {
  const notify::Request request{.url = url,
                                .command = {},
                                .headers = {"Content-Type: application/json"},
                                .body = std::move(body),
                                .ca_file = {},
                                .secrets = notify::secrets_of_url(url)};
  if (!sender_.send({kHeartbeat, request})) counters_.heartbeats_failed.add();
}

void Shell::keep_facts(NodeId node, FactsUpdate update) {
  run_on(writer_, [this, node, update = std::move(update)] {
    const auto before = load_facts(store_.ledger(), node, std::nullopt);
    const auto kept = app::keep_facts(store_.ledger(), node, update);
    if (!kept && kept.error().code != ErrorCode::kConflict) {
      obs::log_warning("facts", "node {}: {}", node.value(), kept.error().context);
    }
    core::FactsKept done{.node = node, .digest = kept ? facts::digest_of(*kept) : 0};
    if (before && kept) done.changes = changes_between(before->facts, *kept);
    post(std::move(done));
  });
}

// On the planner's thread, which has time: plans wait for a check, and nothing of measurements
// does.
void Shell::check(core::CheckJob job) {
  run_on(planner_, [this, job = std::move(job)] {
    const auto started = async::now_instant();
    const auto fleet = load_fleet_facts(store_.ledger(), job.nodes);
    core::CheckDone done{.findings = diagnose::check(fleet.facts)};
    counters_.check_seconds.set(
        std::chrono::duration<double>(async::now_instant() - started).count());
    post(std::move(done));
  });
}

zmq::TrustTable to_zap_table(const fleet::TrustTable& trust) {
  zmq::TrustTable table;
  for (const auto& [key, entry] : trust) table[key];
  return table;
}

void Shell::publish_trust(const fleet::TrustTable& trust) {
  trust_.publish(to_zap_table(trust));
  link_.keep_only(trust);
}

void Shell::serve_under(const PublicKey& key) {
  run_on(writer_, [this, key] {
    auto pair = promote_next_key(data_dir_, key);
    if (!pair) {
      return obs::log_error("controller", "cannot serve under the new key {}: {}", short_name(key),
                            pair.error().context);
    }
    async::asio::post(loop_, [this, pair = *std::move(pair)] { handlers_.on_key(pair); });
  });
}

std::uint64_t Shell::expect_answer(std::promise<Status> answer) {
  const auto request = next_answer_++;
  answers_.emplace(request, std::move(answer));
  return request;
}

void Shell::answer(std::uint64_t request, Status status) {
  auto waiting = answers_.extract(request);
  if (!waiting.empty()) ready_answers_.emplace_back(std::move(waiting.mapped()), std::move(status));
}

void Shell::give_answers() {
  for (auto& [answer, status] : std::exchange(ready_answers_, {})) {
    answer.set_value(std::move(status));
  }
}

void Shell::record(core::FleetChange change) { handlers_.on_change(std::move(change)); }

void Shell::log(core::Severity severity, std::string_view area, std::string text) {
  const auto more = log_limiter_.admit(async::now_instant());
  if (!more) return;
  if (severity == core::Severity::kWarning) {
    obs::log_warning(area, "{}{}", text, *more);
  } else {
    obs::log_info(area, "{}{}", text, *more);
  }
}

void Shell::seal_before(WallTime horizon) {
  if (std::exchange(sealing_, true)) return;
  seal_slice(horizon);
}

// Behind whatever the writer has to do: appends come first, slice by slice.
void Shell::seal_slice(WallTime horizon) {
  run_on(writer_, [this, horizon] {
    auto progress = store_.journal().seal_slice(horizon);
    async::asio::post(
        loop_, [this, horizon, progress = std::move(progress)] { sealed(horizon, progress); });
  });
}

void Shell::sealed(WallTime horizon, const Result<store::SealProgress>& progress) {
  if (!progress) {
    counters_.seal_failures.add();
    obs::log_warning("store", "results cannot be sealed now: {}", progress.error().context);
  } else {
    counters_.seal_slices.add();
    counters_.sealed.add(progress->reports);
    counters_.sealed_repeated.add(progress->repeated);
    if (!progress->done) return seal_slice(horizon);
  }
  sealing_ = false;
}

void Shell::retain(WallTime now, const store::Retention& retention) {
  if (std::exchange(retaining_, true)) return;
  run_on(writer_, [this, now, retention] {
    const auto horizon = store_.journal().retain(now, retention);
    if (horizon) {
      drop_before(*horizon);
    } else {
      obs::log_warning("store", "retention failed: {}", horizon.error().context);
    }
    async::asio::post(loop_, [this] { retaining_ = false; });
  });
}

// What is kept as long as raw results are.
void Shell::drop_before(WallTime horizon) {
  if (auto dropped = store_.views().drop_paths_before(horizon); !dropped) {
    obs::log_warning("store", "retention of paths failed: {}", dropped.error().context);
  }
  if (auto dropped = drop_facts_before(store_.ledger(), horizon); !dropped) {
    obs::log_warning("store", "retention of facts failed: {}", dropped.error().context);
  }
  if (auto dropped = drop_incidents_before(store_.ledger(), horizon, versions_); !dropped) {
    obs::log_warning("store", "retention of incidents failed: {}", dropped.error().context);
  }
}

std::vector<service::Part> Shell::parts(Duration patience) const {
  const auto part = [&](const async::Worker& worker) {
    return service::Part{worker.name(), worker.finished(), worker.has_work(), patience};
  };
  std::vector<service::Part> parts{part(writer_), part(solver_), part(planner_)};
  for (const auto& worker : ingest_) parts.push_back(part(*worker));
  return parts;
}

void Shell::stop() {
  stopped_ = true;
  for (auto& worker : ingest_) worker->stop();
  solver_.stop();
  planner_.stop();
  writer_.stop();
}

}  // namespace faultline::app

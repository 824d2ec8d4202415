#include "probe/app/disk.h"

#include <utility>

#include "common/obs/log.h"
#include "common/wire/report_codec.h"
#include "probe/facts/collector.h"

namespace faultline::probe_app {
namespace {

void log_failure(const char* what, const Status& status) {
  if (!status) obs::log_warning("disk", "cannot keep the {}: {}", what, status.error().context);
}

}  // namespace

Disk::Disk(async::asio::io_context& loop, StateDir state, std::unique_ptr<spool::Spool> spool,
           BootId boot, EventHandler on_event)
    : loop_(loop),
      on_event_(std::move(on_event)),
      state_(std::move(state)),
      boot_(boot),
      spool_(std::move(spool)),
      worker_({.name = "worker", .jobs_max = kJobsMax}) {}

void Disk::deliver(probe_core::Event event) {
  async::asio::post(loop_,
                    [this, event = std::move(event)]() mutable { on_event_(std::move(event)); });
}

void Disk::append(Report report) {
  const auto results = report.flows.size();
  if (worker_.post(
          [this, report = std::move(report), lost = lost_] { append_now(report, lost); })) {
    lost_ = 0;
    return;
  }
  lose(results);
  deliver(probe_core::SpoolAppended{.status = fail(ErrorCode::kLimit, "the disk does not keep up"),
                                    .results = results});
}

void Disk::append_now(const Report& report, std::uint64_t lost_before) {
  const auto results = report.flows.size();
  if (lost_before > 0) spool_->append_lost(boot_, lost_before);
  const auto sequence = spool_->append(boot_, wire::encode(report), results);
  if (!sequence) spool_->append_lost(boot_, results);
  deliver(probe_core::SpoolAppended{.status = sequence.map([](auto) {}),
                                    .results = results,
                                    .level = level(),
                                    .sequence = sequence.value_or(0)});
}

void Disk::stop() {
  if (lost_ > 0) {
    static_cast<void>(worker_.post([this, lost = lost_] { spool_->append_lost(boot_, lost); }));
  }
  worker_.stop();
  state_.remove_health();
}

void Disk::save_health(std::string json) {
  if (health_waits_.exchange(true)) return;
  const bool taken = worker_.post([this, json = std::move(json)] {
    log_failure("record of health", state_.save_health(json));
    health_waits_ = false;
  });
  if (!taken) health_waits_ = false;
}

void Disk::fetch(const probe_core::FetchOrder& order) {
  if (worker_.post([this, order] { fetch_now(order); })) return;
  deliver(probe_core::SpoolFetched{.refused = true});
}

void Disk::fetch_now(const probe_core::FetchOrder& order) {
  const bool is_live = order.lane == probe_core::Lane::kLive;
  spool::SpoolCursor boundary = spool_->start_of(boot_);
  boundary.sequence = order.boundary;
  auto& cursor = is_live ? live_ : backlog_;
  if (order.from_start) cursor = is_live ? boundary : spool::SpoolCursor{};
  auto read =
      spool_->unacknowledged(cursor, order.batches_max, is_live ? spool::kSpoolEnd : boundary);
  if (!read) {
    obs::log_warning("disk", "cannot read the spool: {}", read.error().context);
    return deliver(probe_core::SpoolFetched{.level = level()});
  }
  cursor = read->next;
  deliver(probe_core::SpoolFetched{.batches = std::move(read->batches), .level = level()});
}

void Disk::release(BootId boot, std::vector<SequenceInterval> durable) {
  // Refused: the next acknowledgement repeats it.
  static_cast<void>(
      worker_.post([this, boot, durable = std::move(durable)] { spool_->release(boot, durable); }));
}

void Disk::set_spool_size(std::uint64_t size_max) {
  if (worker_.post([this, size_max] { spool_->set_size_max(size_max); })) return;
  obs::log_warning("disk", "the disk does not keep up: spool.size_max stays until the next start");
}

void Disk::save_plan(std::shared_ptr<const Plan> plan) {
  static_cast<void>(worker_.post(
      [this, plan = std::move(plan)] { log_failure("plan", state_.save_plan(*plan)); }));
}

void Disk::save_membership(probe_core::Membership membership) {
  static_cast<void>(worker_.post([this, membership = std::move(membership)] {
    const auto saved = state_.save_membership(membership);
    log_failure("membership", saved);
    if (saved) deliver(probe_core::MembershipKept{membership});
  }));
}

void Disk::make_next_key(std::function<void(crypto::KeyPair)> on_made) {
  // Refused: the controller asks again.
  static_cast<void>(worker_.post([this, on_made = std::move(on_made)] {
    auto pair = state_.make_next_key();
    log_failure("new key", pair.map([](const auto&) {}));
    if (!pair) return;
    async::asio::post(loop_, [on_made, pair = *std::move(pair)] { on_made(pair); });
  }));
}

void Disk::adopt_next_key() {
  // Refused or failed: the next start finds both pairs, and that the old one is void.
  static_cast<void>(
      worker_.post([this] { log_failure("new key in its place", state_.adopt_next_key()); }));
}

void Disk::collect_facts(std::optional<facts::Listing<facts::Heard>> heard) {
  // Refused: the schedule gives it up and asks again.
  static_cast<void>(
      worker_.post([this, heard = std::move(heard)] { collect_facts_now(std::move(heard)); }));
}

void Disk::collect_facts_now(std::optional<facts::Listing<facts::Heard>> heard) {
  auto collection = probe_facts::collect({});
  collection.facts.heard = std::move(heard);
  auto update = facts_.next(collection.facts);
  if (!update) obs::log_warning("facts", "not sent: {}", update.error().context);
  deliver(probe_core::FactsCollected{.update = update ? *std::move(update) : std::nullopt,
                                     .pause = probe_facts::pause_after(collection.processor_time)});
}

void Disk::facts_acknowledged(FactsAck ack) {
  static_cast<void>(worker_.post([this, ack] { facts_.acknowledged(ack); }));
}

probe_core::SpoolLevel Disk::level() {
  const auto stats = spool_->stats();
  if (stats.disk_error != disk_error_) {
    disk_error_ = stats.disk_error;
    if (disk_error_) {
      obs::log_warning("disk", "the spool holds batches in memory: {}", disk_error_->context);
    } else {
      obs::log_info("disk", "the spool can be written again");
    }
  }
  return {.batches = stats.batches, .bytes = stats.bytes, .results_dropped = stats.results_dropped};
}

}  // namespace faultline::probe_app

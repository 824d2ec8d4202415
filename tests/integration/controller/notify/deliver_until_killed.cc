// deliver_until_killed DIRECTORY URL STEP: three alerts from a RocksDB outbox to a receiver,
// killing itself with SIGKILL before its STEP-th step; 0: never. The steps are what lies between:
// the commit of the alerts with their cause, and for each alert handing it over, the answer, and
// the commit that the answer makes. Run again, it goes on with what the store holds.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <map>
#include <memory>
#include <string>

#include "common/async/clock.h"
#include "controller/notify/outbox.h"
#include "controller/notify/sender.h"
#include "controller/store/rocks_store.h"

namespace faultline::notify {
namespace {

constexpr const char* kCause = "i-1";  // the incident that the alerts are of

[[noreturn]] void give_up(const Error& error) {
  std::fprintf(stderr, "%s\n", error.context.c_str());
  std::exit(2);
}

class Run {
 public:
  Run(const std::string& directory, std::string url, int die_at)
      : url_(std::move(url)), die_at_(die_at) {
    auto store = store::RocksStore::open(directory);
    if (!store) give_up(store.error());
    store_ = *std::move(store);
    const auto documents = store_->ledger().list(store::Table::kOutbox);
    if (!documents) give_up(documents.error());
    for (const auto& document : *documents) {
      versions_[document.key] = document.version;
      outbox_.restore(from_record(document.value).value());
    }
  }

  void run() {
    if (!store_->ledger().get(store::Table::kIncidents, kCause).value()) add();
    while (outbox_.waiting() > 0) {
      for (auto& entry : outbox_.take_due(Instant::max())) deliver(entry);
    }
  }

 private:
  void step() {
    if (++step_ == die_at_) ::raise(SIGKILL);
  }

  void add() {
    std::vector<store::LedgerWrite> writes{{store::Table::kIncidents, kCause, "{}", 0}};
    for (std::uint32_t sequence = 1; sequence <= 3; ++sequence) {
      Alert alert;
      alert.incident = kCause;
      alert.sequence = sequence;
      alert.event = sequence == 3 ? AlertEvent::kResolved : AlertEvent::kOpened;
      const auto changes = outbox_.add({.receiver = "pager",
                                        .idempotency_key = idempotency_key(alert),
                                        .incident = alert.incident,
                                        .body = alert_json(alert)},
                                       async::now_wall());
      append(changes, writes);
    }
    commit(writes);
  }

  void deliver(const OutboxEntry& entry) {
    std::promise<DeliveryOutcome> answered;
    Sender sender(
        {}, [&](OutboxId, DeliveryOutcome outcome) { answered.set_value(std::move(outcome)); });
    Receiver receiver;
    receiver.url = url_;
    const auto alert = alert_from_json(entry.body).value();
    step();
    (void)!sender.send(
        {entry.id, make_request(receiver, alert, entry.body,
                                {.idempotency_key = entry.idempotency_key, .timestamp_s = 1})});
    step();
    const auto outcome = answered.get_future().get();
    step();
    Rng rng{1};
    std::vector<store::LedgerWrite> writes;
    append(outbox_.result(entry.id, outcome, async::now_instant(), async::now_wall(), rng), writes);
    commit(writes);
  }

  void append(const std::vector<OutboxChange>& changes, std::vector<store::LedgerWrite>& writes) {
    for (const auto& change : changes) {
      const auto key = std::to_string(change.id);
      auto& version = versions_[key];
      writes.push_back({store::Table::kOutbox, key,
                        change.entry ? std::optional(to_record(*change.entry)) : std::nullopt,
                        version});
      ++version;
    }
  }

  void commit(const std::vector<store::LedgerWrite>& writes) {
    step();
    if (auto done = store_->ledger().commit(writes); !done) give_up(done.error());
    step();
  }

  const std::string url_;
  const int die_at_;
  int step_ = 0;
  std::unique_ptr<store::RocksStore> store_;
  std::map<std::string, std::uint64_t> versions_;
  Outbox outbox_;
};

}  // namespace
}  // namespace faultline::notify

int main(int argc, char** argv) {
  if (argc != 4) return 3;
  faultline::notify::Run(argv[1], argv[2], std::atoi(argv[3])).run();
  return 0;
}

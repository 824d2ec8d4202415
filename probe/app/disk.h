// Disk: the probe's worker thread, which owns the spool and writes the files of the state
// directory.
//
// Why it exists: everything of the core's effects that blocks on the disk runs here, in order, and
// comes back as events on the loop. A queue that is full (kJobsMax; the disk hangs) refuses: a
// report is then lost, counted by the core, and told to the controller by a gap record before the
// next report that is kept; other jobs are made up for later.
//
// Thread safety: the loop's thread calls it. `on_event` is called on the loop.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/async/asio.h"
#include "common/async/worker.h"
#include "common/facts/exchange.h"
#include "probe/app/state_dir.h"
#include "probe/core/effects.h"
#include "probe/spool/spool.h"

namespace faultline::probe_app {

inline constexpr std::size_t kJobsMax = 256;

class Disk {
 public:
  using EventHandler = std::function<void(probe_core::Event)>;

  Disk(async::asio::io_context& loop, StateDir state, std::unique_ptr<spool::Spool> spool,
       BootId boot, EventHandler on_event);
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  void append(Report report);  // SpoolAppended
  // Results that were lost on their way here: a gap record before the next report.
  void lose(std::uint64_t results) { lost_ += results; }
  void fetch(const probe_core::FetchOrder& order);  // SpoolFetched
  void release(BootId boot, std::vector<SequenceInterval> durable);
  void set_spool_size(std::uint64_t size_max);
  void save_plan(std::shared_ptr<const Plan> plan);
  void save_membership(probe_core::Membership membership);  // MembershipKept
  // Hands over the pair on the loop, once it is durable.
  void make_next_key(std::function<void(crypto::KeyPair)> on_made);
  void adopt_next_key();

  // Reads this machine's own network configuration and tells what of it is news.
  // `heard`: by the reflector; the engine's, which no collector can read.
  void collect_facts(std::optional<facts::Listing<facts::Heard>> heard);  // FactsCollected
  void facts_acknowledged(FactsAck ack);

  // Skipped while the one before waits for the disk: only the newest is worth anything.
  void save_health(std::string json);

  // Finishes what is queued, and removes the record of health. Nothing may be asked of it
  // afterwards.
  void stop();

 private:
  void append_now(const Report& report, std::uint64_t lost_before);
  void fetch_now(const probe_core::FetchOrder& order);
  void collect_facts_now(std::optional<facts::Listing<facts::Heard>> heard);
  [[nodiscard]] probe_core::SpoolLevel level();
  void deliver(probe_core::Event event);

  async::asio::io_context& loop_;
  const EventHandler on_event_;
  std::uint64_t lost_ = 0;  // results without a gap record yet
  const StateDir state_;
  const BootId boot_;
  std::atomic<bool> health_waits_{false};
  // The worker's own.
  const std::unique_ptr<spool::Spool> spool_;
  spool::SpoolCursor live_;  // after what was read of each lane
  spool::SpoolCursor backlog_;
  facts::Sender facts_;
  std::optional<Error> disk_error_;  // as last logged
  async::Worker worker_;             // last: its jobs use all of the above
};

}  // namespace faultline::probe_app

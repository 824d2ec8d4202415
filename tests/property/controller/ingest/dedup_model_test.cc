// A probe, a lossy network and a crashing controller around Dedup; a std::set remembers the truth.
#include <deque>
#include <map>
#include <set>

#include "common/base/random.h"
#include "controller/ingest/dedup.h"
#include "tests/support/catch.h"

namespace faultline::ingest {
namespace {

constexpr NodeId kNode{1};
constexpr BootId kBoot{42};

// What the store would hold: rows and, per sequence number, how often a result of it was written.
struct FakeStore {
  std::map<std::pair<NodeId, BootId>, DedupRow> rows;
  std::map<std::uint64_t, int> data_written;
  std::set<std::uint64_t> covered;  // by data or by a gap

  void append(const std::vector<Batch>& batches, const std::vector<DedupRow>& changed) {
    for (const DedupRow& row : changed) rows[{row.node, row.boot}] = row;
    for (const Batch& batch : batches) {
      if (!batch.is_gap()) ++data_written[batch.sequence];
      for (std::uint64_t s = batch.first_sequence; s <= batch.sequence; ++s) covered.insert(s);
    }
  }
};

class World {
 public:
  explicit World(std::uint64_t seed) : rng_(seed) {}

  void step() {
    const double dice = uniform(rng_);
    if (dice < 0.25) {
      produce();
    } else if (dice < 0.55) {
      send();
    } else if (dice < 0.85) {
      deliver();
    } else if (dice < 0.93) {
      begin_write();
    } else if (dice < 0.985) {
      finish_write(uniform(rng_) < 0.9);
    } else {
      crash();
    }
  }

  // No more loss: everything unacknowledged is sent until all of it is durable.
  void drain() {
    for (int round = 0; round < 100 && !spool_.empty(); ++round) {
      network_.assign(spool_.begin(), spool_.end());
      while (!network_.empty()) receive(0);
      if (!dedup_.write_under_way()) begin_write();
      finish_write(true);
    }
    REQUIRE(spool_.empty());
    for (std::uint64_t s = 1; s < next_; ++s) REQUIRE(store_.covered.contains(s));
    REQUIRE(dedup_.durable(kNode, kBoot) == std::vector<SequenceInterval>{{1, next_ - 1}});
  }

 private:
  void produce() {
    if (uniform(rng_) < 0.9 || spool_.empty()) {
      spool_.push_back({kBoot, next_, next_, 0, {std::byte{1}}});
      ++next_;
      return;
    }
    // The spool is full: a run of unacknowledged batches at its front becomes a gap record.
    Batch gap{kBoot, spool_.front().first_sequence, spool_.front().sequence, 1, {}};
    spool_.pop_front();
    while (!spool_.empty() && spool_.front().first_sequence == gap.sequence + 1 &&
           uniform(rng_) < 0.7) {
      gap.sequence = spool_.front().sequence;
      spool_.pop_front();
    }
    spool_.push_front(gap);
  }

  void send() {
    if (spool_.empty()) return;
    const std::size_t window = std::min<std::size_t>(spool_.size(), 30);
    network_.push_back(spool_[uniform_below(rng_, window)]);
  }

  void deliver() {
    if (network_.empty()) return;
    const std::size_t pick = uniform_below(rng_, network_.size());  // reordered
    if (uniform(rng_) < 0.2) {
      network_.erase(network_.begin() + static_cast<std::ptrdiff_t>(pick));  // lost
    } else {
      receive(pick);
    }
  }

  void receive(std::size_t pick) {
    const Batch batch = network_[pick];
    if (uniform(rng_) < 0.8) network_.erase(network_.begin() + static_cast<std::ptrdiff_t>(pick));
    switch (dedup_.admit(kNode, batch, wall_time_from_unix_seconds(++clock_))) {
      case Admission::kWrite:
        pending_.push_back(batch);
        break;
      case Admission::kAlreadyDurable:
        for (std::uint64_t s = batch.first_sequence; s <= batch.sequence; ++s) {
          REQUIRE(store_.covered.contains(s));  // never acknowledged before it is durable
        }
        acknowledge(dedup_.durable(kNode, kBoot));
        break;
      case Admission::kInFlight:
      case Admission::kRefused:
        break;
      case Admission::kMalformed:
        FAIL("a probe's batch is never malformed");
    }
  }

  void begin_write() {
    if (dedup_.write_under_way()) return;
    rows_ = dedup_.begin_write();
    writing_ = std::exchange(pending_, {});
  }

  void finish_write(bool success) {
    if (!dedup_.write_under_way()) return;
    if (success) {
      store_.append(std::exchange(writing_, {}), rows_);
      for (const auto& ack : dedup_.finish_write()) {
        if (uniform(rng_) < 0.8) acknowledge(ack.durable);
      }
    } else {
      dedup_.abandon();
      writing_.clear();
      pending_.clear();
    }
    for (const auto& [sequence, times] : store_.data_written) REQUIRE(times == 1);
  }

  void crash() {
    // A write under way may or may not have reached the disk; its acknowledgement is lost.
    if (dedup_.write_under_way() && uniform(rng_) < 0.5) store_.append(writing_, rows_);
    writing_.clear();
    pending_.clear();
    dedup_ = Dedup{};
    std::vector<DedupRow> rows;
    for (const auto& [key, row] : store_.rows) rows.push_back(row);
    dedup_.restore(rows);
  }

  void acknowledge(const std::vector<SequenceInterval>& durable) {
    for (const auto& [first, last] : durable) {
      for (std::uint64_t s = first; s <= last; ++s) REQUIRE(store_.covered.contains(s));
    }
    const SequenceIntervals known{durable};
    std::erase_if(spool_, [&](const Batch& batch) {
      return known.contains(batch.first_sequence, batch.sequence);
    });
  }

  Rng rng_;
  std::int64_t clock_ = 0;
  std::uint64_t next_ = 1;
  std::deque<Batch> spool_;     // what the probe has not seen acknowledged
  std::vector<Batch> network_;  // copies on their way
  Dedup dedup_;
  std::vector<Batch> pending_, writing_;
  std::vector<DedupRow> rows_;
  FakeStore store_;
};

TEST_CASE("loss, resends, reordering, gaps and crashes neither lose a sequence nor write one twice",
          "[ingest]") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    World world{seed};
    for (int step = 0; step < 600; ++step) world.step();
    world.drain();
  }
}

}  // namespace
}  // namespace faultline::ingest

// Spool, SpoolFleet: fake nodes with the part of a probe that must not lose anything, and what of
// theirs a controller's store holds.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "controller/core/intake.h"
#include "controller/store/rocks_store.h"
#include "tests/integration/controller/app/fake_node.h"

namespace faultline::tests {

using BatchId = std::tuple<NodeId, BootId, std::uint64_t>;

// A node with the part of a probe that must not lose anything.
class Spool {
 public:
  Spool(Stage& stage, const std::string& name, const std::string& address, WallTime base)
      : base_(base), node_(stage, name, address) {}

  [[nodiscard]] Node& node() { return node_; }
  [[nodiscard]] const std::map<std::uint64_t, Batch>& all() const { return all_; }
  [[nodiscard]] std::size_t acknowledged() const { return all_.size() - waiting_.size(); }

  // Windows with so many flows each.
  void measure(std::uint64_t count, NodeId target, std::uint16_t flows = 1) {
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto sequence = all_.size() + 1;
      auto measured = report(base_, sequence, target);
      while (measured.flows.size() < flows) {
        measured.flows.push_back(measured.flows.back());
        --measured.flows.back().source_port;
      }
      all_[sequence] = batch(node_.boot(), sequence, measured);
      waiting_.insert(sequence);
    }
  }
  // All that waits, anew; also the last one that was acknowledged: a probe that dies may not
  // remember that it was.
  void send() {
    const auto first = waiting_.empty() ? all_.size() : *waiting_.begin();
    if (first > 1) node_.peer().say(all_.at(first - 1));
    under_way_.clear();
    send_more();
  }
  void take_acks() {
    while (const auto ack = node_.peer().take<BatchAck>()) {
      const auto is_covered = [&](auto sequence) { return covers(*ack, node_.boot(), sequence); };
      std::erase_if(waiting_, is_covered);
      std::erase_if(under_way_, is_covered);
      if (ack->credit == 0) under_way_.clear();  // something was shed: it is to be sent again
      credit_ = std::max<std::size_t>(ack->credit, 1);
      send_more();
    }
  }

 private:
  void send_more() {
    for (const auto sequence : waiting_) {
      if (under_way_.size() >= credit_) return;
      if (under_way_.insert(sequence).second) node_.peer().say(all_.at(sequence));
    }
  }

  WallTime base_;
  Node node_;
  std::map<std::uint64_t, Batch> all_;
  std::set<std::uint64_t> waiting_;
  std::set<std::uint64_t> under_way_;  // sent and not acknowledged: at most the credit
  std::size_t credit_ = core::kCreditPerNode;
};

class SpoolFleet {
 public:
  SpoolFleet(Stage& stage, WallTime base, int nodes) : stage_(stage) {
    for (int i = 0; i < nodes; ++i) {
      const auto address = "127.0.0." + std::to_string(10 + i);
      spools_.push_back(std::make_unique<Spool>(stage, "node" + std::to_string(i), address, base));
    }
  }

  // Everybody measures and sends; ends when `count` more batches are acknowledged than before.
  void send_until(std::size_t count) {
    const auto before = acknowledged();
    send();
    stage_.wait_for("acknowledgements", [&] {
      take_acks();
      return acknowledged() >= before + count;
    });
  }
  void send() {
    for (auto& spool : spools_) spool->send();
  }
  void take_acks() {
    for (auto& spool : spools_) spool->take_acks();
  }
  void measure(std::uint64_t batches, std::uint16_t flows = 1) {
    const auto target = spools_.back()->node().id();
    for (auto& spool : spools_) spool->measure(batches, target, flows);
  }
  void reconnect() {
    for (auto& spool : spools_) spool->node().reconnect();
  }
  [[nodiscard]] std::size_t acknowledged() const {
    std::size_t count = 0;
    for (const auto& spool : spools_) count += spool->acknowledged();
    return count;
  }
  [[nodiscard]] std::size_t waiting() const { return measured().size() - acknowledged(); }
  [[nodiscard]] std::map<BatchId, Batch> measured() const {
    std::map<BatchId, Batch> result;
    for (const auto& spool : spools_) {
      for (const auto& [sequence, sent] : spool->all()) {
        result[{spool->node().id(), sent.boot, sequence}] = sent;
      }
    }
    return result;
  }

 private:
  Stage& stage_;
  std::vector<std::unique_ptr<Spool>> spools_;
};

[[nodiscard]] std::unique_ptr<store::RocksStore> open_store(const Stage& stage);
// How often each batch is in the store, whose payload must be what was sent.
[[nodiscard]] std::map<BatchId, int> count_stored(const Stage& stage,
                                                  const std::map<BatchId, Batch>& sent);

}  // namespace faultline::tests

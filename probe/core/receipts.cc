#include "probe/core/receipts.h"

#include <algorithm>

namespace faultline::probe_core {
namespace {

bool take_turn(std::optional<stats::TokenBucket>& bucket, Now now) {
  if (!bucket) bucket.emplace(kReceiptsPerSecond, kReceiptsBurst, now.instant);
  return bucket->take(now.instant);
}

}  // namespace

void ReceiptExchange::ask(Now now, const ReceiptQuestion& question, EffectSink& effects) {
  std::erase_if(open_, [&](const Open& open) { return now.instant >= open.until; });
  if (take_turn(own_, now) && effects.send_mesh(question.to, question.request)) {
    ++counters_.asked;
    open_.push_back({.peer = question.to,
                     .request = question.request.request,
                     .until = now.instant + kReceiptsOpenMax});
    return;
  }
  ++counters_.unsent;
  effects.take_receipts(
      {.from = question.to, .receipts = {.request = question.request.request, .records = {}}});
}

void ReceiptExchange::answered(Now now, NodeId from, const Receipts& receipts,
                               EffectSink& effects) {
  const auto open = std::ranges::find_if(open_, [&](const Open& asked) {
    return asked.peer == from && asked.request == receipts.request && now.instant < asked.until;
  });
  if (open == open_.end()) {
    ++counters_.unasked;
    return;
  }
  open_.erase(open);
  ++counters_.answers;
  effects.take_receipts({.from = from, .receipts = receipts});
}

bool ReceiptExchange::admit(Now now, NodeId peer) {
  std::erase_if(served_, [&](const Served& served) { return now.instant >= served.again_from; });
  const bool again = std::ranges::find(served_, peer, &Served::peer) != served_.end();
  if (again || !take_turn(others_, now)) return false;
  served_.push_back({.peer = peer, .again_from = now.instant + kReceiptsSpacing});
  return true;
}

void ReceiptExchange::asked(Now now, const PlanPeer& from, const ReceiptsRequest& request,
                            EffectSink& effects) {
  if (admit(now, from.node) &&
      effects.read_receipts({.asker = from.node, .address = from.address, .request = request})) {
    ++counters_.served;
    return;
  }
  ++counters_.shed;
  // One that cannot be sent is one that is not waited for.
  static_cast<void>(
      effects.send_mesh(from.node, Receipts{.request = request.request, .records = {}}));
}

void ReceiptExchange::read(const ReceiptsRead& read, EffectSink& effects) {
  static_cast<void>(effects.send_mesh(read.asker, read.receipts));
}

}  // namespace faultline::probe_core

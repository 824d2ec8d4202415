#include "probe/core/receipts.h"

namespace faultline::probe_core {
namespace {

bool take_turn(std::optional<stats::TokenBucket>& bucket, Now now) {
  if (!bucket) bucket.emplace(kReceiptsPerSecond, kReceiptsBurst, now.instant);
  return bucket->take(now.instant);
}

}  // namespace

void ReceiptExchange::ask(Now now, const ReceiptQuestion& question, EffectSink& effects) {
  if (take_turn(own_, now) && effects.send_mesh(question.to, question.request)) {
    ++counters_.asked;
    return;
  }
  ++counters_.unsent;
  effects.take_receipts(
      {.from = question.to, .receipts = {.request = question.request.request, .records = {}}});
}

void ReceiptExchange::answered(NodeId from, const Receipts& receipts, EffectSink& effects) {
  ++counters_.answers;
  effects.take_receipts({.from = from, .receipts = receipts});
}

void ReceiptExchange::asked(Now now, const PlanPeer& from, const ReceiptsRequest& request,
                            EffectSink& effects) {
  if (take_turn(others_, now) &&
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

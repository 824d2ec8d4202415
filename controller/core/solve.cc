#include "controller/core/solve.h"

#include <algorithm>

namespace faultline::core {

bool is_recalled(const RecallJob& job, NodeId node, BootId boot, std::uint64_t sequence) {
  const auto known = job.durable->find({node, boot});
  return known != job.durable->end() &&
         std::ranges::any_of(known->second, [&](const SequenceInterval& interval) {
           return interval.first <= sequence && sequence <= interval.last;
         });
}

}  // namespace faultline::core

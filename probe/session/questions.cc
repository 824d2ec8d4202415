#include "probe/session/questions.h"

#include <algorithm>

namespace faultline::session {

void Questions::begin(Instant until) {
  end();
  until_ = until;
}

void Questions::end() {
  unsent_.clear();
  open_.clear();
}

void Questions::hurry(Instant until) { until_ = std::min(until_, until); }

void Questions::add(NodeId peer, const SessionName& session) {
  const auto found = std::ranges::find(unsent_, peer, &ReceiptQuestion::to);
  if (found != unsent_.end()) {
    auto& sessions = found->request.sessions;
    if (sessions.size() < kReceiptSessionsMax) sessions.push_back(session);
    return;
  }
  if (unsent_.size() >= kPeersAskedMax) return;
  unsent_.push_back({.to = peer, .request = {.request = ++last_, .sessions = {session}}});
  open_.push_back({.peer = peer, .request = last_});
}

std::optional<ReceiptQuestion> Questions::take() {
  if (unsent_.empty()) return std::nullopt;
  auto question = std::move(unsent_.front());
  unsent_.pop_front();
  return question;
}

bool Questions::answered(NodeId from, std::uint64_t request) {
  return std::erase_if(open_, [&](const Open& open) {
           return open.peer == from && open.request == request;
         }) > 0;
}

}  // namespace faultline::session

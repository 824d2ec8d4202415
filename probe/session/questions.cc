#include "probe/session/questions.h"

#include <algorithm>
#include <utility>

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

bool Questions::add(NodeId peer, const SessionName& session) {
  const auto found = std::ranges::find(unsent_, peer, &ReceiptQuestion::to);
  if (found != unsent_.end()) {
    auto& sessions = found->request.sessions;
    if (sessions.size() >= kReceiptSessionsMax) return false;
    sessions.push_back(session);
    std::ranges::find(open_, found->request.request, &Open::request)->sessions.push_back(session);
    return true;
  }
  if (unsent_.size() >= kPeersAskedMax) return false;
  unsent_.push_back({.to = peer, .request = {.request = ++last_, .sessions = {session}}});
  open_.push_back({.peer = peer, .request = last_, .sessions = {session}});
  return true;
}

std::optional<ReceiptQuestion> Questions::take() {
  if (unsent_.empty()) return std::nullopt;
  auto question = std::move(unsent_.front());
  unsent_.pop_front();
  return question;
}

std::vector<SessionName> Questions::answered(NodeId from, std::uint64_t request) {
  const auto found = std::ranges::find_if(
      open_, [&](const Open& open) { return open.peer == from && open.request == request; });
  if (found == open_.end()) return {};
  auto sessions = std::move(found->sessions);
  open_.erase(found);
  return sessions;
}

}  // namespace faultline::session

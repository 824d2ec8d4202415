#include "controller/core/documents.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include <fmt/format.h>

namespace faultline::core {
namespace {

void carry_out(AfterCommit after, EffectSink& effects) {
  for (auto& [key, message] : after.messages) effects.send(key, std::move(message));
  if (after.answer) effects.answer(*after.answer, {});
}

// Fixed width, so that the ledger lists documents in the order of their numbers.
std::string number_key(std::uint64_t number) { return fmt::format("{:020}", number); }

}  // namespace

void Documents::commit(std::vector<DocumentWrite> writes, AfterCommit after, EffectSink& effects) {
  if (writes.empty()) {
    carry_out(std::move(after), effects);
    return;
  }
  // A ledger takes each document once in a commit: what comes last is what it is to be. An alert
  // may be made and superseded by the events of one window.
  for (auto& [document, key, value] : writes) {
    gathered_.writes.insert_or_assign({document, std::move(key)}, std::move(value));
  }
  gathered_.after.push_back(std::move(after));
  if (pending_.size() < kCommitsInHandMax) hand_out(std::exchange(gathered_, {}), effects);
}

void Documents::hand_out(Pending pending, EffectSink& effects) {
  // What failed before goes too, unless this commit writes the same document anew.
  pending.writes.merge(std::exchange(failed_, {}));
  std::vector<DocumentWrite> writes;
  for (const auto& [name, value] : pending.writes) {
    writes.push_back({name.first, name.second, value});
  }
  const auto id = next_commit_++;
  pending_[id] = std::move(pending);
  effects.commit(id, std::move(writes));
}

void Documents::done(std::uint64_t commit, const Status& status, EffectSink& effects) {
  auto node = pending_.extract(commit);
  if (node.empty()) return;
  if (status) {
    trouble_.clear();
    for (auto& after : node.mapped().after) carry_out(std::move(after), effects);
  } else {
    note_failure(std::move(node.mapped()), status, effects);
  }
  if (!gathered_.writes.empty()) hand_out(std::exchange(gathered_, {}), effects);
}

void Documents::note_failure(Pending pending, const Status& status, EffectSink& effects) {
  ++failures_;
  trouble_ = status.error().context;
  effects.log(Severity::kWarning, "store",
              fmt::format("{} documents could not be written and will be tried again: {}",
                          pending.writes.size(), status.error().context));
  // Commits end in their order: of what failed this is the newest.
  for (auto& [name, value] : pending.writes) {
    if (!is_pending(name)) failed_[name] = std::move(value);
  }
  for (const auto& after : pending.after) {
    if (after.answer) effects.answer(*after.answer, status);
  }
}

// Whether a commit still under way writes the same document, and so decides what it is to be.
bool Documents::is_pending(const Name& name) const {
  return gathered_.writes.contains(name) ||
         std::ranges::any_of(pending_ | std::views::values,
                             [&](const Pending& commit) { return commit.writes.contains(name); });
}

void Documents::retry(EffectSink& effects) {
  if (failed_.empty() || !pending_.empty()) return;
  std::vector<DocumentWrite> writes;
  for (auto& [name, value] : std::exchange(failed_, {})) {
    writes.push_back({name.first, name.second, std::move(value)});
  }
  commit(std::move(writes), {}, effects);
}

std::vector<DocumentWrite> to_writes(const fleet::Change& change) {
  std::vector<DocumentWrite> writes;
  for (const auto& node : change.nodes) {
    writes.push_back({Document::kNode, number_key(node.id.value()), fleet::to_json(node)});
  }
  for (const auto& token : change.tokens) {
    writes.push_back({Document::kToken, to_string(token.key), fleet::to_json(token)});
  }
  for (const auto id : change.nodes_erased) {
    writes.push_back({Document::kNode, number_key(id.value()), std::nullopt});
  }
  for (const auto& key : change.tokens_erased) {
    writes.push_back({Document::kToken, to_string(key), std::nullopt});
  }
  return writes;
}

std::vector<DocumentWrite> to_writes(const std::vector<notify::OutboxChange>& changes) {
  std::vector<DocumentWrite> writes;
  for (const auto& change : changes) {
    writes.push_back(
        {Document::kOutbox, number_key(change.id),
         change.entry ? std::optional(notify::to_record(*change.entry)) : std::nullopt});
  }
  return writes;
}

}  // namespace faultline::core

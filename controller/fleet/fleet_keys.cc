// Fleet's keys beyond joining: pre-placed ones, and how a node changes to a new one.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "controller/fleet/fleet.h"

namespace faultline::fleet {
namespace {

Change change_of(const NodeRecord& record) {
  Change change;
  change.nodes.push_back(record);
  return change;
}

}  // namespace

Status Fleet::check_pre_placed(const PrePlacedNode& node) const {
  FAULTLINE_TRY_STATUS(validate_name(node.name));
  FAULTLINE_TRY_STATUS(validate_labels(node.labels));
  if (node.key == PublicKey{}) return fail(ErrorCode::kInvalid, "the key is all zero");
  if (by_name_.contains(node.name)) {
    return fail(ErrorCode::kConflict,
                fmt::format("a node named {} exists with another key or other labels; remove it "
                            "first",
                            node.name));
  }
  if (const auto trust = trust_of(node.key)) {
    return fail(ErrorCode::kConflict,
                trust->role == Role::kToken
                    ? "the key is a token's"
                    : fmt::format("the key is that of node {}", find(trust->node)->record.name));
  }
  if (node_count() >= kNodesMax) {
    return fail(ErrorCode::kLimit,
                fmt::format("the fleet has {} nodes, the most there can be", kNodesMax));
  }
  return {};
}

Result<Change> Fleet::add_node(PrePlacedNode request, Moment now) {
  const auto* same = find(request.name);
  if (same != nullptr && same->record.key == request.key &&
      same->record.pinned_labels == request.labels) {
    return change_of(same->record);
  }
  if (auto status = check_pre_placed(request); !status) {
    if (status.error().code == ErrorCode::kLimit) ++counters_.limit_refused;
    return tl::unexpected(std::move(status).error());
  }
  const auto& node = pin({.id = next_id(),
                          .name = std::move(request.name),
                          .key = request.key,
                          .pinned_labels = std::move(request.labels),
                          .enrollment = Enrollment::kPrePlaced,
                          .joined_at = recorded(now.wall),
                          .key_since = recorded(now.wall)},
                         now);
  return change_of(node.record);
}

Result<Change> Fleet::ask_rekey(NodeId id, Moment now) {
  auto* node = present_node(id);
  if (node == nullptr) {
    return fail(ErrorCode::kNotFound, fmt::format("no node has the number {}", id.value()));
  }
  if (!may_change_keys(*node)) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{} runs {}, which cannot change its key: upgrade it first, or remove "
                            "it and let it join again with a token",
                            node->record.name, node->software));
  }
  if (!node->record.rekey_asked_at) node->record.rekey_asked_at = recorded(now.wall);
  return change_of(node->record);
}

bool Fleet::may_change_keys(const Node& node) const {
  // To this controller: the boot id is remembered across its restarts, what a Hello says is not.
  const bool said_hello = !node.software.empty();
  return !said_hello || (node.capabilities & kCapabilityRekey) != 0;
}

bool Fleet::rekey_due(NodeId id) const {
  const auto* node = find(id);
  return node != nullptr && node->state != NodeState::kRemoved && node->record.rekey_asked_at &&
         may_change_keys(*node);
}

tl::expected<Change, Refusal> Fleet::rekey(NodeId id, const PublicKey& next, Moment now) {
  const auto refuse = [&](std::string text) {
    ++counters_.rekeys_refused;
    return tl::unexpected<Refusal>(Refusal{RefusalReason::kMalformed, std::move(text)});
  };
  auto* node = present_node(id);
  if (node == nullptr) return refuse("this node is removed");
  mark_heard(*node, now);
  auto& record = node->record;
  if (!record.rekey_asked_at) return refuse("nobody asked this node for a new key");
  if (record.next_key == next) return change_of(record);
  if (next == PublicKey{} || trust_.contains(next)) return refuse("the new key is in use already");
  if (record.next_key) trust_.erase(*record.next_key);  // the node lost the pair that it told first
  record.next_key = next;
  trust_.emplace(next, Trust{Role::kNode, id, true});
  ++trust_version_;
  return change_of(record);
}

Change Fleet::confirm_key(const PublicKey& key, Moment now) {
  const auto trust = trust_of(key);
  if (!trust || !trust->next_key) return {};
  auto& record = nodes_.at(trust->node).record;
  Change change;
  // The token that it joined with stays its way back.
  for (auto& [token_key, token] : tokens_) {
    if (token.spent_by != record.key) continue;
    token.spent_by = key;
    change.tokens.push_back(token);
  }
  trust_.erase(record.key);
  trust_[key].next_key = false;
  ++trust_version_;
  record.key = key;
  record.key_since = recorded(now.wall);
  record.next_key.reset();
  record.rekey_asked_at.reset();
  ++counters_.rekeys_done;
  change.nodes.push_back(record);
  return change;
}

Change Fleet::controllers_acknowledged(NodeId id, std::uint64_t revision) {
  auto* node = present_node(id);
  if (node == nullptr || node->record.controllers_revision >= revision) return {};
  node->record.controllers_revision = revision;
  return change_of(node->record);
}

Change Fleet::void_tokens_before(WallTime time) {
  Change change;
  std::erase_if(tokens_, [&](const auto& entry) {
    if (entry.second.spent_by || entry.second.created_at >= time) return false;
    change.tokens_erased.push_back(entry.first);
    trust_.erase(entry.first);
    ++trust_version_;
    return true;
  });
  return change;
}

}  // namespace faultline::fleet

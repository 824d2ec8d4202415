#include "controller/fleet/fleet.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "common/base/check.h"

namespace faultline::fleet {
namespace {

bool is_expired(const TokenRecord& token, Moment now) { return token.expires_at <= now.wall; }

std::string wrong_version(std::uint16_t major) {
  const bool probe_is_newer = major > kProtocolMajor;
  return fmt::format("the probe speaks protocol {}, this controller {}.{}: {}", major,
                     kProtocolMajor, kProtocolMinor,
                     probe_is_newer ? "upgrade the controller first" : "upgrade the probe");
}

}  // namespace

std::string_view to_string(NodeState state) {
  switch (state) {
    case NodeState::kJoined:
      return "joined";
    case NodeState::kLive:
      return "live";
    case NodeState::kRestarting:
      return "restarting";
    case NodeState::kSilent:
      return "silent";
    case NodeState::kRemoved:
      return "removed";
  }
  return "unknown";
}

Fleet::Fleet(Duration heartbeat_interval, Duration excused_max)
    : heartbeat_interval_(heartbeat_interval), excused_max_(excused_max) {
  FAULTLINE_CHECK(heartbeat_interval > Duration::zero(), "the heartbeat interval is positive");
  FAULTLINE_CHECK(excused_max > Duration::zero(), "an absence is excused for a while");
}

Status Fleet::restore(std::vector<NodeRecord> nodes, std::vector<TokenRecord> tokens, Moment now) {
  FAULTLINE_CHECK(nodes_.empty() && tokens_.empty(), "restore comes before anything else");
  for (auto& record : nodes) {
    const auto conflict = [&](std::string_view what) {
      return fail(ErrorCode::kCorrupt, fmt::format("stored node {} ({}) repeats the {} of another",
                                                   record.id.value(), record.name, what));
    };
    if (nodes_.contains(record.id)) return conflict("id");
    if (!record.removed_at && by_name_.contains(record.name)) return conflict("name");
    if (!record.removed_at && trust_.contains(record.key)) return conflict("key");
    if (!record.removed_at && record.next_key && trust_.contains(*record.next_key)) {
      return conflict("next key");
    }
    pin(std::move(record), now);
  }
  for (auto& token : tokens) {
    if (!trust_.emplace(token.key, Trust{Role::kToken, {}}).second) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("stored token {} repeats the key of another", short_name(token.key)));
    }
    tokens_.emplace(token.key, std::move(token));
  }
  ++trust_version_;
  return {};
}

// Tokens ---------------------------------------------------------------------------------------

Status Fleet::check_token(const TokenRequest& request, Moment now) const {
  if (trust_.contains(request.key)) {
    return fail(ErrorCode::kConflict,
                fmt::format("the key {} is known already", short_name(request.key)));
  }
  if (request.lifetime <= Duration::zero() || request.lifetime > kTokenLifetimeMax) {
    return fail(ErrorCode::kInvalid, fmt::format("a token lives longer than 0 and at most {}",
                                                 format_duration(kTokenLifetimeMax)));
  }
  FAULTLINE_TRY_STATUS(validate_labels(request.labels));
  if (request.name.empty()) return {};
  FAULTLINE_TRY_STATUS(validate_name(request.name));
  if (by_name_.contains(request.name)) {
    return fail(
        ErrorCode::kConflict,
        fmt::format("a node named {} exists already; if it is locked out, a token without a "
                    "name lets it in again under its own key, else remove it first",
                    request.name));
  }
  const auto same_name = std::ranges::find_if(tokens_, [&](const auto& entry) {
    const auto& token = entry.second;
    return token.name == request.name && !token.spent_by && !is_expired(token, now);
  });
  if (same_name == tokens_.end()) return {};
  return fail(ErrorCode::kConflict, fmt::format("token {} for a node named {} is not spent yet",
                                                short_name(same_name->first), request.name));
}

Result<Change> Fleet::create_token(TokenRequest request, Moment now) {
  FAULTLINE_TRY_STATUS(check_token(request, now));
  if (tokens_.size() >= kTokensMax) {
    ++counters_.limit_refused;
    return fail(ErrorCode::kLimit,
                fmt::format("there are {} tokens, the most there can be", kTokensMax));
  }
  TokenRecord token{.key = request.key,
                    .name = std::move(request.name),
                    .labels = std::move(request.labels),
                    .created_at = recorded(now.wall),
                    .expires_at = recorded(now.wall + request.lifetime),
                    .spent_by = {}};
  trust_.emplace(token.key, Trust{Role::kToken, {}});
  ++trust_version_;
  Change change;
  change.tokens.push_back(token);
  tokens_.emplace(token.key, std::move(token));
  return change;
}

Result<Change> Fleet::remove_token(const PublicKey& key) {
  if (tokens_.erase(key) == 0) {
    return fail(ErrorCode::kNotFound, fmt::format("no token has the key {}", short_name(key)));
  }
  trust_.erase(key);
  ++trust_version_;
  Change change;
  change.tokens_erased.push_back(key);
  return change;
}

// Joining and leaving --------------------------------------------------------------------------

tl::unexpected<Refusal> Fleet::refuse_join(RefusalReason reason, std::string text) {
  ++counters_.joins_refused;
  return tl::unexpected<Refusal>(Refusal{reason, std::move(text)});
}

std::optional<Refusal> Fleet::token_problem(const TokenRecord& token, Moment now) const {
  if (token.spent_by) {
    return Refusal{RefusalReason::kTokenSpent,
                   "the token was used by another node; make a new one"};
  }
  if (is_expired(token, now)) {
    return Refusal{
        RefusalReason::kTokenSpent,
        fmt::format("the token expired at {}; make a new one", format_rfc3339(token.expires_at))};
  }
  return std::nullopt;
}

std::optional<Refusal> Fleet::join_problem(const Join& join, const std::string& name) const {
  if (join.node_key == PublicKey{} || trust_.contains(join.node_key)) {
    return Refusal{RefusalReason::kMalformed, "the node key is empty or a token's"};
  }
  if (const auto status = validate_name(name); !status) {
    return Refusal{RefusalReason::kMalformed, status.error().context};
  }
  if (const auto status = validate_profile(join.profile); !status) {
    return Refusal{RefusalReason::kMalformed, status.error().context};
  }
  if (by_name_.contains(name)) {
    return Refusal{RefusalReason::kNameTaken,
                   fmt::format("a node named {} exists with another key; remove it first", name)};
  }
  if (node_count() >= kNodesMax) {
    return Refusal{RefusalReason::kOverloaded,
                   fmt::format("the fleet has {} nodes, the most there can be", kNodesMax)};
  }
  return std::nullopt;
}

tl::expected<JoinAccepted, Refusal> Fleet::join(const PublicKey& token_key, const Join& join,
                                                Moment now) {
  if (join.protocol_major != kProtocolMajor) {
    return refuse_join(RefusalReason::kProtocolVersion, wrong_version(join.protocol_major));
  }
  const auto found = tokens_.find(token_key);
  if (found == tokens_.end()) {
    return refuse_join(RefusalReason::kUnknownKey, "no such token; it was removed or long expired");
  }
  auto& token = found->second;
  if (token.spent_by == join.node_key) {
    if (const auto trust = trust_of(join.node_key)) return repeat_join(token, trust->node);
  }
  if (auto problem = token_problem(token, now)) {
    return refuse_join(problem->reason, std::move(problem->text));
  }
  if (const auto trust = trust_of(join.node_key); trust && trust->role == Role::kNode) {
    return return_join(token, join.node_key, trust->node);
  }
  const auto& name = token.name.empty() ? join.name : token.name;
  if (auto problem = join_problem(join, name)) {
    if (problem->reason == RefusalReason::kOverloaded) ++counters_.limit_refused;
    return refuse_join(problem->reason, std::move(problem->text));
  }
  token.spent_by = join.node_key;
  const auto& node = pin({.id = next_id(),
                          .name = name,
                          .key = join.node_key,
                          .profile = join.profile,
                          .pinned_labels = token.labels,
                          .joined_at = recorded(now.wall),
                          .key_since = recorded(now.wall)},
                         now);
  ++counters_.joins_accepted;
  Change change;
  change.nodes.push_back(node.record);
  change.tokens.push_back(token);
  return JoinAccepted{
      .node = node.record.id, .name = node.record.name, .change = std::move(change)};
}

// The first answer was lost, or has to be heard again.
JoinAccepted Fleet::repeat_join(const TokenRecord& token, NodeId id) {
  ++counters_.joins_repeated;
  const auto& record = nodes_.at(id).record;
  Change change;
  change.nodes.push_back(record);
  change.tokens.push_back(token);
  return {.node = id,
          .name = record.name,
          .change = std::move(change),
          .repeated = true,
          .returned = true};
}

// A node that is trusted still, but knew no way to the controllers any more: it learns them from
// the token. It stays who it is, with the labels that it has; the token is spent like any other.
tl::expected<JoinAccepted, Refusal> Fleet::return_join(TokenRecord& token, const PublicKey& key,
                                                       NodeId id) {
  const auto& record = nodes_.at(id).record;
  if (!token.name.empty() && token.name != record.name) {
    return refuse_join(
        RefusalReason::kNameTaken,
        fmt::format("the token is for {}, and this key is node {}'s", token.name, record.name));
  }
  token.spent_by = key;
  auto accepted = repeat_join(token, id);
  accepted.repeated = false;
  return accepted;
}

NodeId Fleet::next_id() const {
  return NodeId{nodes_.empty() ? 1 : nodes_.rbegin()->first.value() + 1};
}

Node& Fleet::pin(NodeRecord record, Moment now) {
  const auto id = record.id;
  auto& node = nodes_[id];
  node.heard = now;
  node.record = std::move(record);
  if (node.record.removed_at) {
    node.state = NodeState::kRemoved;
    ++tombstones_;
    return node;
  }
  node.boot = node.record.boot;
  if (is_away(node.record.absences)) {
    // As a predecessor of this controller left it; the bound runs on.
    node.state = NodeState::kRestarting;
    node.heard = {now.instant - std::max(now.wall - node.record.absences.back().from, Duration{}),
                  node.record.absences.back().from};
  }
  by_name_.emplace(node.record.name, id);
  trust_.emplace(node.record.key, Trust{Role::kNode, id});
  if (node.record.next_key) trust_.emplace(*node.record.next_key, Trust{Role::kNode, id, true});
  ++trust_version_;
  return node;
}

Result<Change> Fleet::remove_node(NodeId id, Moment now) {
  auto* node = present_node(id);
  if (node == nullptr) {
    return fail(ErrorCode::kNotFound, fmt::format("no node has the number {}", id.value()));
  }
  node->state = NodeState::kRemoved;
  node->record.removed_at = recorded(now.wall);
  ++tombstones_;
  by_name_.erase(node->record.name);
  trust_.erase(node->record.key);
  if (const auto next = std::exchange(node->record.next_key, std::nullopt)) trust_.erase(*next);
  node->record.rekey_asked_at.reset();
  ++trust_version_;
  std::erase(went_live_, id);
  Change change;
  change.nodes.push_back(node->record);
  if (tombstones_ > kTombstonesMax) erase_oldest_tombstone(change);
  return change;
}

void Fleet::erase_oldest_tombstone(Change& change) {
  const auto oldest = std::ranges::find_if(
      nodes_, [](const auto& entry) { return entry.second.state == NodeState::kRemoved; });
  change.nodes_erased.push_back(oldest->first);
  std::erase_if(change.nodes, [&](const auto& record) { return record.id == oldest->first; });
  nodes_.erase(oldest);
  --tombstones_;
  ++counters_.tombstones_erased;
}

// Signs of life --------------------------------------------------------------------------------

tl::unexpected<Refusal> Fleet::refuse_hello(RefusalReason reason, std::string text) {
  ++counters_.hellos_refused;
  return tl::unexpected<Refusal>(Refusal{reason, std::move(text)});
}

tl::expected<HelloAccepted, Refusal> Fleet::hello(const PublicKey& key, const Hello& hello,
                                                  Moment now, WallTime judged_until) {
  const auto trust = trust_of(key);
  if (!trust || trust->role != Role::kNode) {
    return refuse_hello(RefusalReason::kUnknownKey, "this key is no node's; join with a token");
  }
  if (hello.protocol_major != kProtocolMajor) {
    return refuse_hello(RefusalReason::kProtocolVersion, wrong_version(hello.protocol_major));
  }
  if (const auto status = validate_profile(hello.profile); !status) {
    return refuse_hello(RefusalReason::kMalformed, status.error().context);
  }
  auto& node = nodes_.at(trust->node);
  const bool authenticates = (hello.capabilities & kCapabilityAuthenticate) != 0;
  HelloAccepted accepted{.node = trust->node,
                         .name = node.record.name,
                         .capabilities = hello.capabilities & kCapabilitiesOfThisBuild,
                         .restarted = node.boot != BootId{} && node.boot != hello.boot,
                         .profile_changed = node.record.profile != hello.profile ||
                                            node.record.authenticates != authenticates,
                         .returned = false,
                         .change = {}};
  const auto before = node.record;
  accepted.returned = note_boot(node, accepted, now, judged_until);
  node.introduced = true;
  if (node.boot != hello.boot) {  // its clock may be another one
    offsets_.erase(node.record.id);
    node.clock_offset.reset();
    node.clock_settled = false;
  }
  if (hello.sent_at != WallTime{}) note_clock(node, hello.sent_at, now);
  node.boot = node.record.boot = hello.boot;
  node.capabilities = accepted.capabilities;
  node.software = hello.software.substr(0, kSoftwareLengthMax);
  node.plan = hello.plan;
  node.record.profile = hello.profile;
  node.record.authenticates = authenticates;
  if (node.record != before) accepted.change.nodes.push_back(node.record);
  if (node.state == NodeState::kRestarting) node.state = NodeState::kSilent;  // until marked
  mark_heard(node, now);
  return accepted;
}

// Ends the absence that a Goodbye began, or excuses a restart that nobody announced, from the last
// sign of life on. Returns whether the node is excused for having been away.
bool Fleet::note_boot(Node& node, const HelloAccepted& accepted, Moment now,
                      WallTime judged_until) {
  auto& absences = node.record.absences;
  if (end_absence(absences, recorded(now.wall))) return true;
  if (!accepted.restarted || node.state == NodeState::kRestarting) return false;
  // Not heard since this controller started: it happened at any time before.
  const auto alive = node.state == NodeState::kJoined ? WallTime::min() : node.heard.wall;
  const auto from = std::max({alive, now.wall - excused_max_, judged_until + kAbsenceMargin});
  return begin_absence(node, {.from = recorded(std::min(from, now.wall)),
                              .until = recorded(now.wall + kReturnSettles),
                              .cause = AbsenceCause::kRestart});
}

bool Fleet::begin_absence(Node& node, const Absence& absence) {
  const bool excused = fleet::begin_absence(node.record.absences, absence);
  ++(excused ? counters_.absences : counters_.absences_refused);
  return excused;
}

std::optional<Change> Fleet::goodbye(NodeId id, const Goodbye& goodbye, Moment now) {
  auto* node = present_node(id);
  if (node == nullptr || node->boot != goodbye.boot || node->state == NodeState::kRestarting) {
    ++counters_.goodbyes_ignored;
    return std::nullopt;
  }
  static_cast<void>(begin_absence(
      *node, {.from = recorded(now.wall), .until = {}, .cause = AbsenceCause::kGoodbye}));
  node->state = NodeState::kRestarting;
  node->heard = now;
  node->spool_batches = goodbye.spool_batches;
  std::erase(went_live_, id);
  Change change;
  change.nodes.push_back(node->record);
  return change;
}

void Fleet::heartbeat(NodeId id, const Heartbeat& heartbeat, Moment now) {
  auto* node = present_node(id);
  if (node == nullptr) return;
  note_clock(*node, heartbeat.sent_at, now);
  node->plan = heartbeat.plan;
  node->spool_batches = heartbeat.spool_batches;
  node->spool_bytes = heartbeat.spool_bytes;
  node->spool_dropped = heartbeat.spool_dropped;
  mark_heard(*node, now);
}

void Fleet::plan_acknowledged(NodeId id, const PlanAck& ack, Moment now) {
  auto* node = present_node(id);
  if (node == nullptr) return;
  if (ack.accepted) {
    node->plan = ack.revision;
    node->plan_refusal.clear();
  } else {
    node->plan_refusal = ack.reason.empty() ? "no reason given" : ack.reason;
  }
  mark_heard(*node, now);
}

void Fleet::heard(NodeId id, Moment now) {
  if (auto* node = present_node(id)) mark_heard(*node, now);
}

void Fleet::mark_heard(Node& node, Moment now) {
  // After a Goodbye only a Hello shows that it is back; what else still comes is of before.
  if (node.state == NodeState::kRestarting) return;
  node.heard = now;
  if (node.state == NodeState::kLive) return;
  node.state = NodeState::kLive;
  went_live_.push_back(node.record.id);
}

bool Fleet::is_overdue(const Node& node, Moment now) const {
  const auto since = now.instant - node.heard.instant;
  switch (node.state) {
    case NodeState::kLive:
    case NodeState::kJoined:
      return since >= kSilentAfterIntervals * heartbeat_interval_;
    case NodeState::kRestarting:
      return since >= excused_max_;
    default:
      return false;
  }
}

LivenessChange Fleet::tick(Moment now) {
  LivenessChange result;
  for (auto& [id, node] : nodes_) {
    if (!is_overdue(node, now)) continue;
    node.state = NodeState::kSilent;
    result.went_silent.push_back(id);
  }
  std::ranges::sort(went_live_);
  result.went_live = std::exchange(went_live_, {});
  std::erase_if(tokens_, [&](const auto& entry) {
    if (now.wall - entry.second.expires_at < kTokenKeptAfterExpiry) return false;
    result.change.tokens_erased.push_back(entry.first);
    trust_.erase(entry.first);
    ++trust_version_;
    return true;
  });
  return result;
}

// Questions ------------------------------------------------------------------------------------

std::optional<Trust> Fleet::trust_of(const PublicKey& key) const {
  const auto found = trust_.find(key);
  if (found == trust_.end()) return std::nullopt;
  return found->second;
}

std::set<NodeId> Fleet::excused(WallTime start, Duration length) const {
  std::set<NodeId> result;
  for (const auto& [id, node] : nodes_) {
    if (is_excused(node, start, length)) result.insert(id);
  }
  return result;
}

const Node* Fleet::find(NodeId id) const {
  const auto found = nodes_.find(id);
  return found == nodes_.end() ? nullptr : &found->second;
}

const Node* Fleet::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : find(found->second);
}

Node* Fleet::present_node(NodeId id) {
  const auto found = nodes_.find(id);
  if (found == nodes_.end() || found->second.state == NodeState::kRemoved) return nullptr;
  return &found->second;
}

}  // namespace faultline::fleet
